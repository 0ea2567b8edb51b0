"""Write and check bundles."""
