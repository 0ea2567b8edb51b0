"""Which models are on duty, what replaces them, and when they may go."""
