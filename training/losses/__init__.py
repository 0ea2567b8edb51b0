"""What training minimises, one task per file."""
