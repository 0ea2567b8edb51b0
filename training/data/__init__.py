"""Data sets, file formats, augmentation, and what a step sees."""
