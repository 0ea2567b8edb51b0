"""Who is let in, who runs next, and the thread that runs it."""
