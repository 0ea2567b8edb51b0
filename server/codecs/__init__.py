"""Images from bytes, maps to bytes; knows nothing of HTTP."""
