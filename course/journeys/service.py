"""In charge of what every journey works with, in one value; and of the minute at which a person's lessons come."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from zlib import crc32

from course.content.catalogue import Catalogue
from course.keys import Keys
from course.locking import KeyRing
from course.settings import Settings
from course.store import key_store
from course.store.database import Store


@dataclass(frozen=True)
class Service:
    """The settings, the keys, what there is to send and where it is written down."""

    settings: Settings
    keys: Keys
    catalogue: Catalogue
    store: Store

    @cached_property
    def key_ring(self) -> KeyRing:
        """What people's own keys are wrapped by; empty where no journal is offered."""
        return KeyRing.of(self.settings.journal_keys.get_secret_value())

    @cached_property
    def key_store(self) -> Store:
        """Where people's own keys are; opened when it is first needed."""
        return key_store.opened(self.store, self.settings.data_dir)

    def close(self) -> None:
        """Give the databases back."""
        if "key_store" in self.__dict__:
            self.key_store.close()
            del self.__dict__["key_store"]
        self.store.close()

    def minute(self, subscriber_id: int) -> int:
        """Return the minute of their hour at which this person's lessons come: always the same one, others' another.

        It follows from nothing but the person's number, on every machine; within the first SPREAD_MINUTES of the hour.
        """
        return crc32(b"minute %d" % subscriber_id) % self.settings.spread_minutes
