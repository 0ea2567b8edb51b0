"""Videos: the last frame's features, kept between requests. Pure policy: no clock, no thread."""
