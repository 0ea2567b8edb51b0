"""Serve a bundle over HTTP. Never imports torch."""
