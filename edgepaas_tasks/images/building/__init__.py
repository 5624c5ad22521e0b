"""Building an image: its version, its inputs, what must not be in it."""
