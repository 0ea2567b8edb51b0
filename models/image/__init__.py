"""Pixel rules that are part of what trained weights mean. No torch."""
