"""In charge of a restore from its beginning to its end: what it carries over, and that sending is off afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import inspect, update
from sqlalchemy.exc import DBAPIError

from course.clock import Clock
from course.content.catalogue import Catalogue
from course.journeys import carrying, erasures, facts, fresh, guard, switch
from course.journeys.carrying import Carried
from course.journeys.guard import Watermark
from course.journeys.service import Service
from course.journeys.switch import Why
from course.keys import Keys
from course.settings import Settings
from course.store import key_store, swapping
from course.store.database import Store
from course.store.replacing import replacement
from course.store.states import DeliveryStatus
from course.store.tables import deliveries


@dataclass(frozen=True)
class Restored:
    """What a restore came to. Moments are real time: of the backup, and until when the lost database may have sent."""

    carried: Carried
    kept_as: str  # "": there was no database before
    keys_left: bool  # the kept database holds people's keys
    backup: datetime | None
    until: datetime | None


def restore(
    settings: Settings, catalogue: Catalogue, file: Path, clock: Clock, *, with_erased: bool, force: bool
) -> Restored:
    """Put a backup in the database's place, with sending off.

    Raises BackupError, SchemaError or SettingsError, and then nothing has changed.
    """
    now, real_now = clock.now(), clock.real()
    keys = Keys.of(settings.secret_key.get_secret_value())
    watermark = settings.data_dir / "watermark"
    with replacement(settings.database, file, real_now, force=force) as (new, old, kept_as):
        service = Service(settings, keys, catalogue, new)
        facts.check_key(service, real_now)
        before = _mark(new)
        carried = carrying.carry(old, service, now, real_now, with_erased=with_erased)
        taken = old is not None and not new.sqlite and key_store.covers(new, old)
        carried.erased += erasures.again(service, now, with_erased=with_erased)
        lost = [known for known in (old and _mark(old), guard.read(watermark)) if known and known.mark]
        until = max(lost, key=lambda known: known.mark, default=None)
        with new.transaction() as tx:
            facts.forget(tx, switch.NAME)  # whatever it was off for when the backup was taken
            switch.turn_off(tx, Why.RESTORED, real_now, until.moment if until else None)
            # Nobody is sending in it: what was being sent at the moment of the backup has come to its end elsewhere.
            sending = update(deliveries).where(deliveries.c.status == DeliveryStatus.SENDING)
            tx.execute(sending.values(status=DeliveryStatus.STALLED, claimed_at=real_now, error="a restore"))
            fresh.end_all(tx)  # a link that was used since would work once more
            known = Watermark(facts.identity(tx, real_now), facts.raise_mark(tx, real_now))
    guard.write(watermark, known)
    keys_left = not settings.sqlite and not (taken and swapping.without_keys(settings.database, kept_as))
    return Restored(carried, kept_as, keys_left, before.moment if before else None, until.moment if until else None)


def _mark(store: Store) -> Watermark | None:
    """Return how far a database is, if that can be read."""
    try:
        with store.reading() as tx:
            if not inspect(tx).has_table("facts"):
                return None
        found = guard.of_database(store)
    except DBAPIError:
        return None
    return found if found.mark else None
