"""From weights that there are to a model that learns something else: parts, heads, adapters."""
