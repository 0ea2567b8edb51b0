"""Who may ask, and how much. Pure policy: no clock, no thread."""
