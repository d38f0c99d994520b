"""In charge of nothing: what every journey works with, in one value."""

from __future__ import annotations

from dataclasses import dataclass

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

    @property
    def own_domains(self) -> frozenset[str]:
        """Domains of ours: nobody subscribes from them, and mail from them is our own."""
        return frozenset({self.settings.mail_domain, self.settings.reply_domain})
