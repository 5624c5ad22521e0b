"""Throw-away local hosts that behave like small cloud instances."""
