"""SSH connections: routes, host keys, forwards, and why a connection could not be made."""
