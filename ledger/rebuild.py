"""Deriving the projections again from the records."""

from __future__ import annotations

from collections.abc import Callable

from ledger.errors import StoreError
from ledger.replay import replay
from ledger.store import Store


def rebuild_projections(store: Store, *, dry_run: bool = False, progress: Callable[[int], None] = lambda done: None) -> int:
    """Write all projections anew, and return from how many records.

    Raises:
        StoreError: A record does not hold; then nothing is written.
    """
    with store.writing() as view:
        done = replay(store.entries(view), progress=progress)
        broken = next((finding for finding in done.findings if finding.severity == "broken"), None)
        if broken is not None:
            raise StoreError(f"the log does not hold, so nothing was derived from it: {broken.message}", hint="look with `plumbline audit`")
        if not dry_run:
            Store.rebuild(view, done.memory, done.frontier)
        return done.records
