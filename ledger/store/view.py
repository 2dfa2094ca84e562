"""The store as a view: each question of the rules is one query."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import Connection, Select, func, select

from ledger.errors import InputError, StoreError
from ledger.matter.batch import Batch
from ledger.matter.booking import Edge, Note, Posting, Residual
from ledger.memory import OTHER_KINDS
from ledger.record import Record, read_record
from ledger.serials import split
from ledger.store import tables as t
from ledger.store.codec import batch_of, notes_of, residuals_of
from ledger.store.database import blob, decoded
from ledger.tlog import merkle, tile
from ledger.view import LAST, Amendment, Claim, Head, KeyFacts, LedgerFacts
from schemas.event import Event
from schemas.party import Party, Site


class StoreView:
    """A ledger as one transaction of the store sees it; `fold` writes what a record changes into the same transaction."""

    def __init__(self, connection: Connection, explained: Callable[[], AbstractContextManager[None]]) -> None:
        self.connection = connection
        self.explained = explained
        self._records: dict[int, Record] = {}
        self._facts: LedgerFacts | None = None

    def _one(self, query: Select[Any]) -> Any:  # noqa: ANN401 - a row of whatever was selected
        return self.connection.execute(query).first()

    @property
    def facts(self) -> LedgerFacts | None:
        """Return what record 0 says."""
        if self._facts is None:
            row = self._one(select(t.meta.c.value).where(t.meta.c.name == "facts"))
            if row is not None:
                self._facts = decoded("meta", _facts, row[0])
        return self._facts

    @property
    def size(self) -> int:
        """Return the number of records."""
        last = self._one(select(func.max(t.entry.c.idx)))[0]
        return 0 if last is None else int(last) + 1

    def party(self, party: str) -> Party | None:
        """Return an admitted party."""
        row = self._one(select(t.party.c.facts).where(t.party.c.id == party))
        return None if row is None else decoded("party", Party.model_validate_json, row[0])

    def parties(self) -> list[Party]:
        """Return all admitted parties, by id."""
        rows = self.connection.execute(select(t.party.c.facts).order_by(t.party.c.id))
        return [decoded("party", Party.model_validate_json, facts) for (facts,) in rows]

    def is_party(self, party: str) -> bool:
        """Say whether a party is admitted."""
        return self._one(select(t.party.c.id).where(t.party.c.id == party)) is not None

    def site(self, site: str) -> Site | None:
        """Return a registered site."""
        row = self._one(select(t.site.c.facts).where(t.site.c.id == site))
        return None if row is None else decoded("site", Site.model_validate_json, row[0])

    def sites(self) -> list[Site]:
        """Return all registered sites, by id."""
        rows = self.connection.execute(select(t.site.c.facts).order_by(t.site.c.id))
        return [decoded("site", Site.model_validate_json, facts) for (facts,) in rows]

    def key(self, name: str) -> KeyFacts | None:
        """Return a key by its full name."""
        row = self._one(select(t.key.c.facts).where(t.key.c.name == name))
        return None if row is None else decoded("key", _key, row[0])

    def keys(self) -> list[KeyFacts]:
        """Return all keys, by name."""
        return [decoded("key", _key, facts) for (facts,) in self.connection.execute(select(t.key.c.facts).order_by(t.key.c.name))]

    def key_of(self, public: str) -> str | None:
        """Return the name under which a public key (hex) was enrolled."""
        row = self._one(select(t.key.c.name).where(t.key.c.public == public))
        return None if row is None else str(row[0])

    def head(self, key: str) -> Head | None:
        """Return where a key's chain stands."""
        columns = (t.record.c.seq, t.record.c.id, t.record.c.seen)
        row = self._one(select(*columns).where(t.record.c.key == key).order_by(t.record.c.seq.desc()).limit(1))
        return None if row is None else Head(*row)

    def index_of(self, record: str) -> int | None:
        """Return the index of a record by its id."""
        row = self._one(select(t.record.c.idx).where(t.record.c.id == record))
        return None if row is None else int(row[0])

    def record_id(self, index: int) -> str:
        """Return the id of the record at an index."""
        row = self._one(select(t.record.c.id).where(t.record.c.idx == index))
        if row is None:
            raise StoreError(
                f"the store's projections hold no record {index}", hint="look with `plumbline audit`, mend with `plumbline rebuild`"
            )
        return str(row[0])

    def signer(self, index: int) -> str:
        """Return the name of the key that signed the record at an index."""
        return self.record(index).header.key

    def record(self, index: int) -> Record:
        """Return the record at an index, read from its stored bytes."""
        if index not in self._records:
            data = self.entry(index)
            if len(self._records) > 1024:  # noqa: PLR2004 - a bound on memory, not a meaning
                self._records.clear()
            self._records[index] = _record(index, data)
        return self._records[index]

    def record_of(self, key: str, seq: int) -> Record | None:
        """Return the record with a key's seq."""
        row = self._one(select(t.record.c.idx).where(t.record.c.key == key, t.record.c.seq == seq))
        return None if row is None else self.record(int(row[0]))

    def root_at(self, size: int) -> bytes | None:
        """Return the log's root at a size, None beyond the log."""
        row = self._one(select(t.checkpoint.c.root).where(t.checkpoint.c.size == size))
        if row is not None:
            return blob(row[0])
        held = self.size
        return None if size > held else tile.root_at(self, size, of=held)

    def leaf(self, index: int) -> merkle.Hash | None:
        """Return the leaf hash of the entry at an index, from its stored bytes."""
        row = self._one(select(t.entry.c.record).where(t.entry.c.idx == index))
        return None if row is None else merkle.leaf_hash(blob(row[0]))

    def entry(self, index: int) -> bytes:
        """Return the bytes of the entry at an index.

        Raises:
            StoreError: The store has none.
        """
        row = self._one(select(t.entry.c.record).where(t.entry.c.idx == index))
        if row is None:
            raise StoreError(f"the store holds no entry {index}")
        return blob(row[0])

    def tile(self, level: int, index: int, width: int) -> list[merkle.Hash]:
        """Return the first hashes of a tile (c2sp.org/tlog-tiles).

        Raises:
            StoreError: The store does not have them.
        """
        place, row = (t.entry.c.idx, t.entry.c.leaf) if level == 0 else (t.subtree.c.idx, t.subtree.c.hash)
        first = index * tile.WIDTH
        query = select(place, row).where(place >= first, place < first + width).order_by(place)
        found = list(self.connection.execute(query if level == 0 else query.where(t.subtree.c.level == level)))
        if [at for at, _ in found] != list(range(first, first + width)):
            raise StoreError(
                f"the store holds {len(found)} of {width} hashes of {tile.path_of(level, index, width)}",
                hint="look with `plumbline audit`, mend with `plumbline rebuild`",
            )
        return [merkle.Hash(blob(one)) for _, one in found]

    def event(self, position: int) -> Event | None:
        """Return an event as it was signed."""
        events = self.record(position >> 8).events
        return events[position & 255] if position & 255 < len(events) else None

    def amendments(self, target: int) -> list[Amendment]:
        """Return what changes how an event is read, in the log's order."""
        rows = self.connection.execute(select(t.amendment).where(t.amendment.c.target == target).order_by(t.amendment.c.position))
        return [Amendment(*row) for row in rows]

    def all_amendments(self) -> list[Amendment]:
        """Return everything that changes how an event is read, in the log's order."""
        return [Amendment(*row) for row in self.connection.execute(select(t.amendment).order_by(t.amendment.c.position))]

    def records_of(self, key: str) -> Iterable[tuple[int, Record]]:
        """Return a key's records with their indexes, in the order of its own chain."""
        rows = self.connection.execute(select(t.record.c.idx).where(t.record.c.key == key).order_by(t.record.c.seq))
        return [(int(index), self.record(int(index))) for (index,) in rows]

    def states_at(self, position: int) -> Mapping[str, Batch] | None:
        """Return the batches that the event at a position touched, as they stood behind it."""
        if self._one(select(t.booking.c.kind).where(t.booking.c.position == position)) is None:
            return None
        rows = self.connection.execute(select(t.batch.c.id, t.batch.c.state).where(t.batch.c.position == position))
        return {name: decoded("batch", batch_of, state) for name, state in rows}

    def batch_at(self, batch: str, position: int) -> tuple[int, Batch] | None:
        """Return the last touch of a batch before a position, and the batch as it stood behind it."""
        query = select(t.batch.c.position, t.batch.c.state).where(t.batch.c.id == batch, t.batch.c.position < position)
        row = self._one(query.order_by(t.batch.c.position.desc()).limit(1))
        return None if row is None else (int(row[0]), decoded("batch", batch_of, row[1]))

    def batch_before(self, batch: str, position: int) -> Batch | None:
        """Return the batch as it stood before a position."""
        found = self.batch_at(batch, position)
        return None if found is None else found[1]

    def batch(self, batch: str) -> Batch | None:
        """Return the batch as it stands now."""
        return self.batch_before(batch, LAST)

    def batches(self) -> Iterable[Batch]:
        """Return all batches as they stand now, in the order in which they were made."""
        last = select(t.batch.c.id, func.max(t.batch.c.position).label("position")).group_by(t.batch.c.id).subquery()
        same = (t.batch.c.id == last.c.id) & (t.batch.c.position == last.c.position)
        query = select(t.batch.c.state).join(last, same).join(t.number, t.number.c.batch == t.batch.c.id)
        for (state,) in self.connection.execute(query.order_by(t.number.c.position, t.batch.c.id)):
            yield decoded("batch", batch_of, state)

    def touches(self, batch: str, after: int) -> Iterable[int]:
        """Return the positions behind a position at which a batch was touched."""
        query = select(t.batch.c.position).where(t.batch.c.id == batch, t.batch.c.position > after).order_by(t.batch.c.position)
        return [position for (position,) in self.connection.execute(query)]

    def maker(self, batch: str) -> int | None:
        """Return the position of the event that used this batch number first."""
        row = self._one(select(t.number.c.position).where(t.number.c.batch == batch))
        return None if row is None else int(row[0])

    def last_in_vessel(self, site: str, vessel: str, position: int) -> Batch | None:
        """Return the batch that was put last into a vessel before a position, as it stood then."""
        c = t.vessel.c
        query = select(c.batch).where(c.site == site, c.vessel == vessel, c.position < position)
        row = self._one(query.order_by(c.position.desc(), c.batch.desc()).limit(1))
        return None if row is None else self.batch_before(row[0], position)

    def first_transform(self, site: str, after: int = -1) -> int | None:
        """Return the position of a site's first transform behind a position."""
        c = t.booking.c
        query = select(func.min(c.position)).where(c.site == site, c.kind.not_in(OTHER_KINDS), c.position > after)
        row = self._one(query)
        return None if row is None or row[0] is None else int(row[0])

    def serial_holder(self, first: str, last: str, position: int) -> str | None:
        """Return the newest batch made before a position whose serial ranges overlap this one."""
        (beginning, low), (_, high) = split(first), split(last)
        c = t.serial.c
        query = select(c.batch).where(c.beginning == beginning, c.low <= high, c.high >= low, c.position < position)
        row = self._one(query.order_by(c.position.desc(), c.batch.desc()).limit(1))
        return None if row is None else str(row[0])

    def made_of(self, batch: str) -> list[tuple[int, Edge]]:
        """Return the edges into a batch with their positions, in the order of position and parent."""
        return self._edges(select(t.edge).where(t.edge.c.child == batch).order_by(t.edge.c.position, t.edge.c.parent))

    def made_into(self, batch: str) -> list[tuple[int, Edge]]:
        """Return the edges out of a batch with their positions, in the order of position and child."""
        return self._edges(select(t.edge).where(t.edge.c.parent == batch).order_by(t.edge.c.position, t.edge.c.child))

    def _edges(self, query: Select[Any]) -> list[tuple[int, Edge]]:
        rows = self.connection.execute(query)
        return [(row.position, Edge(row.parent, row.child, row.gross, decoded("edge", json.loads, row.contained))) for row in rows]

    def closure_at(self, position: int) -> tuple[str, str, tuple[Residual, ...], tuple[Note, ...]] | None:
        """Return the site, kind, residuals and notes booked at a position."""
        row = self._one(select(t.booking).where(t.booking.c.position == position))
        if row is None:
            return None
        return row.site, row.kind, decoded("booking", residuals_of, row.residuals), decoded("booking", notes_of, row.notes)

    def postings(self, site: str | None = None) -> Iterable[tuple[int, Posting]]:
        """Return postings with their positions, of one site or of all."""
        c = t.posting.c
        query = select(t.posting).order_by(c.position)
        for row in self.connection.execute(query if site is None else query.where(c.site == site)):
            yield row.position, Posting(row.site, row.account, row.kind, row.constituent, row.mass)

    def held(self, site: str | None = None) -> dict[str, int]:
        """Return contained mg held by constituent, from the batches as they stand; on the road counts at the sender's site."""
        whole: dict[str, int] = {}
        for batch in self.batches():
            if site in (None, batch.site):
                for constituent, mass in batch.contained().items():
                    whole[constituent] = whole.get(constituent, 0) + mass
        return whole

    def held_changes(self) -> Iterable[tuple[int, str, dict[str, int]]]:
        """Return by position and site how much contained metal a batch held more behind each touch than before it, in mg."""
        before: Batch | None = None
        query = select(t.batch.c.position, t.batch.c.state).order_by(t.batch.c.id, t.batch.c.position)
        for position, state in self.connection.execute(query):
            after = decoded("batch", batch_of, state)
            if before is not None and before.id == after.id:
                yield position, before.site, {constituent: -mass for constituent, mass in before.contained().items()}
            yield position, after.site, after.contained()
            before = after

    def corrections(self) -> dict[int, int]:
        """Return the position of the newest correction of each event that was corrected."""
        c = t.amendment.c
        query = select(c.target, func.max(c.position)).where(c.kind == "correct").group_by(c.target)
        return {int(target): int(position) for target, position in self.connection.execute(query)}

    def time_of(self, position: int) -> str:
        """Return the time that an event states."""
        event = self.event(position)
        return "" if event is None else event.time

    def claim(self, number: str) -> Claim | None:
        """Return a certificate by its number."""
        row = self._one(select(t.claim.c.facts).where(t.claim.c.number == number))
        return None if row is None else decoded("claim", _claim, row[0])

    def claims(self) -> list[Claim]:
        """Return all certificates, in the order of their numbers."""
        rows = self.connection.execute(select(t.claim.c.facts).order_by(t.claim.c.number))
        return [decoded("claim", _claim, facts) for (facts,) in rows]

    def declarations(self, batch: str) -> list[Claim]:
        """Return the certificates over a product that a batch is a lot of, in the log's order."""
        named = select(t.claim.c.facts).where(t.claim.c.facts.contains(f'"{batch}"', autoescape=True))
        found = [decoded("claim", _claim, facts) for (facts,) in self.connection.execute(named)]
        return sorted((claim for claim in found if batch in claim.batches), key=lambda claim: claim.position)

    def claims_under(self, prefix: str) -> int:
        """Return how many certificates have numbers that begin so."""
        query = select(func.count()).select_from(t.claim).where(t.claim.c.number.startswith(prefix, autoescape=True))
        return int(self._one(query)[0])


def _record(index: int, data: bytes) -> Record:
    try:
        return read_record(data)
    except InputError as refusal:
        raise StoreError(f"entry {index} of the store is no record: {refusal}", hint="look with `plumbline audit`") from refusal


def _facts(text: str) -> LedgerFacts:
    data = json.loads(text)
    return LedgerFacts(**{**data, "log": tuple(data["log"])})


def _claim(facts: str) -> Claim:
    data = json.loads(facts)
    return Claim(**{**data, **{name: tuple(data[name]) for name in ("batches", "period") if name in data}})


def _key(facts: str) -> KeyFacts:
    data = json.loads(facts)
    return KeyFacts(**{**data, "scopes": tuple(data["scopes"])})
