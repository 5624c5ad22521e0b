"""Bringing an image to hosts and registries: only what they lack."""
