"""Data sets, file formats, augmentation and the loader."""
