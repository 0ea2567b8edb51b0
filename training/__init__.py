"""Fit and score models."""
