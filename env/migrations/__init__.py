"""Alembic's scripts and the database's schema, from inside the app's image."""
