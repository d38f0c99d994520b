"""In charge of running Alembic on the connection, and in the transaction, that `course.store.migrate` hands in."""

from alembic import context

from course.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    transaction_per_migration=False,
)
context.run_migrations()
