"""At most one change of a service at a time."""
