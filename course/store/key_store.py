"""In charge of where people's keys are: apart from their words, so that no backup of the database holds both.

On SQLite it is a file of its own, DATA_DIR/keys.db. On PostgreSQL, where several machines share it, it is the schema
`journal_keys`, which `course backup` leaves out.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Column, Connection, Index, LargeBinary, MetaData, String, Table, inspect, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateSchema

from course.store.database import Store
from course.store.tables import Moment

SCHEMA = "journal_keys"
FILE = "keys.db"
metadata = MetaData(naming_convention={"pk": "pk_%(table_name)s"}, schema=SCHEMA)

person_keys = Table(
    "person_keys",
    metadata,
    Column("id", String(32), primary_key=True),  # random: an entry says by which key it is locked
    Column("who", String(64), nullable=False),  # keyed hash of the address, as in the consents
    Column("mark", String(8), nullable=False),  # of the key in JOURNAL_KEYS that wrapped it
    Column("wrapped", LargeBinary, nullable=False),
    Column("made_at", Moment, nullable=False),  # real time
    Index("keys_of_a_person", "who"),  # keep, erase
)


def opened(store: Store, data_dir: Path) -> Store:
    """Return where the keys are: the same PostgreSQL database, or a file beside SQLite's, made if there is none."""
    if not store.sqlite:
        return store
    own = Store(f"sqlite:///{(data_dir / FILE).resolve()}")
    own.engine = own.engine.execution_options(schema_translate_map={SCHEMA: None})
    with own.transaction() as tx:
        metadata.create_all(tx)
    return own


def covers(new: Store, old: Store) -> bool:
    """Whether the new PostgreSQL database has everybody's key that the old one has, if that can be told."""
    try:
        with new.reading() as there, old.reading() as here:
            if not inspect(here).has_table(person_keys.name, schema=SCHEMA):
                return True
            known = set(there.execute(select(person_keys.c.id)).scalars())
            return known.issuperset(here.execute(select(person_keys.c.id)).scalars())
    except DBAPIError:
        return False


def make(tx: Connection) -> None:
    """Make the schema on PostgreSQL, if it is not there: a restored database comes without it."""
    if SCHEMA not in inspect(tx).get_schema_names():  # IF NOT EXISTS would want the right to make one all the same
        tx.execute(CreateSchema(SCHEMA))
    metadata.create_all(tx)
