"""What a task is about: the service of an environment and its hosts."""
