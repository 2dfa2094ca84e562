"""Names that are allowed and shown as they are: what a reader, a terminal or another program makes of them is theirs to get wrong."""

from __future__ import annotations

from collections.abc import Iterator

from hostile_events import line, received, site
from house import disposal
from pack import LOG, Hostile, named
from words import SHOWN


def files() -> Iterator[Hostile]:
    """Yield events that the ledger takes."""
    yield from named("site shown as", {name: site(text) for name, text in SHOWN.items()}, (*LOG[:-1], "{admin}"))
    reasons = {name: line(disposal("yard:RB-1", "1", site="yard:works", reason=text)) for name, text in SHOWN.items()}
    yield from named("reason shown as", reasons, LOG)
    yield from named("private field of", {name: received(private={"driver": text}) for name, text in SHOWN.items()}, LOG)
