"""HTTP routes, one group per file."""
