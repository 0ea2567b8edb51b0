"""What evaluation reports, one task per file."""
