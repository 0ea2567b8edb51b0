"""Prediction heads, one task per file."""
