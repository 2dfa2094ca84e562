"""Deriving the projections again from the records."""

from __future__ import annotations

from collections.abc import Callable

from ledger.errors import StoreError
from ledger.replay import replay, unseen
from ledger.store.store import Store
from ledger.tlog.merkle import Frontier, Hash


def rebuild_projections(store: Store, *, dry_run: bool = False, progress: Callable[[int], None] = unseen) -> int:
    """Write all projections anew, and return from how many records.

    Raises:
        StoreError: A record does not hold; then nothing is written.
    """
    with store.writing() as view:
        done = replay(store.entries(view), progress=progress)
        broken = next((finding for finding in done.findings if finding.severity == "broken"), None)
        if broken is not None:
            raise StoreError(f"the log does not hold, so nothing was derived from it: {broken.message}", hint="look with `plumbline audit`")
        newest = Store.newest_checkpoint(view)
        signed = Frontier()
        for _, _, leaf, _ in store.entries(view):
            if newest is not None and signed.size < newest[0]:
                signed = signed.append(Hash(leaf))
        if newest is not None and (signed.size, signed.root()) != (newest[0], newest[1]):
            raise StoreError(
                f"the newest checkpoint has root {newest[1].hex()} at size {newest[0]}, the log has {signed.root().hex()} at size "
                f"{signed.size}; nothing was derived from it",
                hint="look with `plumbline audit`",
            )
        if not dry_run:
            Store.rebuild(view, done.memory, frontier=done.frontier, signed=signed)
        return done.records
