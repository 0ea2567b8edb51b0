"""What a client gets: maps in the form that it asked for."""
