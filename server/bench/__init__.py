"""Load for a server, ours or another's, and honest figures of what it did with it."""
