"""One run in motion: its processes, passes, files and signals."""
