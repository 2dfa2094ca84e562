"""A log that somebody has at hand, in one shape: a ledger itself, an export in a folder, or one on the web."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.errors import StoreError
from ledger.store.place import is_address, place_of

if TYPE_CHECKING:
    from ledger.mirror.source import Mirror
    from ledger.replay import Entry
    from ledger.store.view import StoreView


@dataclass(frozen=True, slots=True)
class History:
    """A log as it stands: the newest checkpoint as it is handed out, the tiles and records, and every entry in its order.

    `store` is the same view once more where the log is a ledger itself, which holds more than an export does.
    """

    place: str
    view: StoreView | Mirror
    note: bytes | None
    entries: Callable[[], Iterator[Entry]]
    store: StoreView | None = None

    def checkpoint(self) -> bytes:
        """Return the newest checkpoint.

        Raises:
            StoreError: There is none yet.
        """
        if self.note is None:
            raise StoreError(f"{self.place} has no checkpoint yet", hint="sign one with `plumbline checkpoint`")
        return self.note


def is_export(place: str) -> bool:
    """Say whether a place is that of an export: a folder, or a web address."""
    return place.startswith(("http://", "https://")) or (not is_address(place) and Path(place).is_dir())


@contextmanager
def history(place: str) -> Iterator[History]:
    """Open a log, from one moment to the end of the reading.

    Raises:
        StoreError: It is none, or is damaged.
    """
    if is_export(place):
        from ledger.mirror.source import open_mirror  # noqa: PLC0415 - loaded when needed

        mirror = open_mirror(place)
        yield History(place, mirror, mirror.checkpoint(), lambda: mirror.entries(mirror.size))
        return
    from ledger.store.store import Store  # noqa: PLC0415 - loaded when needed

    store = Store.open(place_of(place))
    with store.reading() as view:
        newest = Store.newest_checkpoint(view)
        note = None if newest is None else Store.published(view, newest[0])
        yield History(str(store.place), view, note, lambda: Store.entries(view), store=view)
