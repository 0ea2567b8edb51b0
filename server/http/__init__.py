"""Bodies in under limits, errors out, and what surrounds every request."""
