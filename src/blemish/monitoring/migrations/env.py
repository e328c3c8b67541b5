"""Hands Alembic the connection that the caller holds."""

from alembic import context

from blemish.monitoring.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
