"""Alembic's entry point: the application's own engine and models, no URL in any ini file."""

from alembic import context
from guestbook.database import engine
from guestbook.models import Base

with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
