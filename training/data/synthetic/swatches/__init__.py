"""Drawn textures, one family per function, and the bank that holds them."""
