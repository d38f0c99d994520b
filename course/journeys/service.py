"""In charge of nothing: what every journey works with, in one value."""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

from course.content.catalogue import Catalogue
from course.keys import Keys
from course.settings import Settings
from course.store.database import Store


@dataclass(frozen=True)
class Service:
    """The settings, the keys, what there is to send and where it is written down."""

    settings: Settings
    keys: Keys
    catalogue: Catalogue
    store: Store

    def minute(self, subscriber_id: int) -> int:
        """Return the minute of their hour at which this person's lessons come: always the same one, others' another.

        It follows from nothing but the person's number, on every machine; within the first SPREAD_MINUTES of the hour.
        """
        return crc32(b"minute %d" % subscriber_id) % self.settings.spread_minutes

    @property
    def own_domains(self) -> frozenset[str]:
        """Domains of ours: nobody subscribes from them, and mail from them is our own."""
        return frozenset({self.settings.mail_domain, self.settings.reply_domain})
