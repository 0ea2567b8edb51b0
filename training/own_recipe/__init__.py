"""A user's own recipe: written by a command, read from a file."""
