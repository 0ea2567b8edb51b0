"""Where settings come from, how they are written, and how they are listed."""
