"""A signer's desk: a key with its outbox before a log. Events are completed, signed, kept, sent and acknowledged here, in that order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ledger.compose import Composed, Place, blind, compose, place_of
from ledger.draft import Opening, Raw
from ledger.errors import ConsistencyError, InputError, LedgerError, RuleError, StoreError
from ledger.keys import Signer
from ledger.log import Appended, Log, append, check_start, seen_now, verify_stored_checkpoint
from ledger.outbox import Outbox, Waiting
from ledger.record import Record, dump, read_event, read_record, write_record
from ledger.state import apply, authenticate
from ledger.store.store import Store
from ledger.store.view import StoreView
from ledger.tlog import merkle
from schemas.event import Event
from schemas.record import Seen

Pack = Sequence[Raw] | Callable[[StoreView], Sequence[Raw]]
"""The events of one record, or what gives them in the light of the ledger, under the write lock."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A pack of events that was refused: its place in the file, the event in it, and why."""

    pack: int
    event: int
    error: LedgerError


@dataclass(slots=True)
class Desk:
    """A key, its outbox, a clock that gives RFC 3339 text, and a source of salts."""

    signer: Signer
    outbox: Outbox
    made: Callable[[], str]
    salt: Callable[[int], bytes]
    refusals: list[Refusal] = field(default_factory=list)

    def _signed(self, composed: Composed) -> Record:
        return write_record(composed.header, composed.events, key=self.signer.vkey, sign=self.signer.sign)

    def write(self, log: Log, packs: Sequence[Pack], *, keep_going: bool = False, dry_run: bool = False) -> Appended:
        """Sign packs of events, one record each, and append them; what waits in the outbox goes first.

        Args:
            log: The log.
            packs: The events of each record.
            keep_going: Leave out a record that is refused, and note it in `refusals`; otherwise all are written or none.
            dry_run: Do everything but keep and write.

        Raises:
            RuleError, InputError: A record is refused. Nothing was written, and nothing that was signed leaves the desk.
        """
        if dry_run:
            return self._rehearse(log, packs, keep_going=keep_going)
        with self.outbox.locked():
            self._resend(log)
            pending: list[tuple[Record, tuple[Opening, ...]]] = []
            refused = len(self.refusals)

            def source(view: StoreView) -> Iterator[bytes]:
                if pending:  # another writer got in between, and what was signed for that try never left the desk
                    self.outbox.drop(pending[0][0].header.seq)
                    pending.clear()
                del self.refusals[refused:]
                for record, openings in self._records(view, packs, keep_going=keep_going):
                    Store.keep_openings(view, record.id, openings)
                    pending.append((record, openings))
                    yield record.note
                # Signed records are kept before they are sent: the transaction commits behind this line.
                self.outbox.put(pending)

            try:
                appended = append(log, source)
            except StoreError as refusal:
                self._sort_out(log, pending, refusal)
                raise
            self._settle(appended)
            return appended

    def _sort_out(self, log: Log, pending: Sequence[tuple[Record, tuple[Opening, ...]]], refusal: StoreError) -> None:
        """After a failed write, look whether the records are in the log: what is not never left the desk and is taken back.

        What is in the log waits in the outbox for its receipt, and so does everything while the store cannot be read.
        """
        if not pending:
            return
        first = pending[0][0]
        try:
            with log.store.reading() as view:
                logged = view.index_of(first.id) is not None
            if not logged:
                self.outbox.drop(first.header.seq)
                return
            refusal.hint = "the records are in the log and wait for their receipts; `plumbline outbox send` asks for them"
        except LedgerError:
            refusal.hint = "whether the records are in the log is not known; they wait in the outbox, and `plumbline outbox send` finds out"

    def _records(self, view: StoreView, packs: Sequence[Pack], *, keep_going: bool) -> Iterator[tuple[Record, tuple[Opening, ...]]]:
        for number, pack in enumerate(packs):
            place = place_of(view, self.signer.name, seen=self._seen(view))
            try:
                composed = compose(
                    view, pack(view) if callable(pack) else pack, key=self.signer.name, place=place, made=self.made(), salt=self.salt
                )
                record = self._signed(composed)
            except (RuleError, InputError) as error:
                refusal = Refusal(number, next((int(note) for note in getattr(error, "__notes__", []) if note.isdigit()), 0), error)
                self.refusals.append(refusal)
                if not keep_going:
                    raise
                continue
            yield record, composed.openings

    def _seen(self, view: StoreView) -> Seen | None:
        """Return the newest checkpoint, checked to continue the one that this key saw last.

        Raises:
            ConsistencyError: It does not: the log was rewritten behind what this key has seen.
        """
        kept = self.outbox.seen()
        if kept is not None:
            old = verify_stored_checkpoint(view, kept).checkpoint
            root = view.root_at(old.size)
            if root is None or root != old.root:
                raise ConsistencyError(
                    f"this key saw root {old.root.hex()} at size {old.size}, the log has {root.hex() if root else 'none'}",
                    hint=f"keep {self.outbox.folder / 'seen'}: together with a checkpoint of this log it proves the rewriting",
                )
        return seen_now(view)

    def _rehearse(self, log: Log, packs: Sequence[Pack], *, keep_going: bool) -> Appended:
        """Do what `write` does, and take it back."""
        try:
            with log.store.writing() as view:
                check_start(log, view)
                for waiting in self.outbox.waiting():
                    if view.index_of(waiting.record.id) is None:
                        _tried(view, waiting.record)
                for record, _ in self._records(view, packs, keep_going=keep_going):
                    _tried(view, record)
                raise _TakenBackError  # noqa: TRY301 - leaving the block by an exception is what takes it back
        except _TakenBackError:
            return Appended((), b"")

    def resend(self, log: Log) -> Appended:
        """Send again what has no receipt, byte for byte.

        Raises:
            RuleError: One is refused; the queue stops there.
        """
        with self.outbox.locked():
            return self._resend(log)

    def _resend(self, log: Log) -> Appended:
        waiting = self.outbox.waiting()
        if not waiting:
            return Appended((), b"")
        sent = [self._send(log, one) for one in waiting]
        return Appended(tuple(receipt for one in sent for receipt in one.receipts), sent[-1].checkpoint)

    def _send(self, log: Log, waiting: Waiting) -> Appended:
        def source(view: StoreView) -> Iterable[bytes]:
            if view.index_of(waiting.record.id) is None:
                Store.keep_openings(view, waiting.record.id, waiting.openings)
            yield waiting.record.note

        try:
            appended = append(log, source)
        except (RuleError, InputError) as refusal:
            refusal.hint = (
                f"record {waiting.seq} waits in the outbox and is refused; plumbline outbox resign {waiting.seq} signs it anew, "
                f"plumbline outbox drop {waiting.seq} takes it back"
            )
            raise
        self._settle(appended)
        return appended

    def _settle(self, appended: Appended) -> None:
        own = {r.record.header.seq: r.proof for r in appended.receipts if r.record.header.key == self.signer.name}
        self.outbox.settle(own)
        if appended.checkpoint:
            self.outbox.see(appended.checkpoint)

    def sign(self, packs: Sequence[Sequence[Raw]], *, ledger_id: str, seen: Seen | None = None, dry_run: bool = False) -> list[Record]:
        """Sign packs of events for a ledger that is out of reach; they wait in the outbox.

        Args:
            packs: The events of each record.
            ledger_id: The ledger that they are for.
            seen: The newest checkpoint of it that this key has checked; default: that of the key's last record.
            dry_run: Keep nothing; what was signed goes no further than this call's caller.

        Raises:
            InputError: An event leaves open what nobody here knows; nothing was signed.
        """
        with self.outbox.locked():
            last, known = self.outbox.last(), self._known()
            place = Place(last.header.seq + 1 if last else 0, last.id if last else None, seen or (last.header.seen if last else None))
            signed: list[tuple[Record, tuple[Opening, ...]]] = []
            for raws in packs:
                composed = blind(
                    raws, key=self.signer.name, place=place, made=self.made(), salt=self.salt, ledger_id=ledger_id, known=known
                )
                record = self._signed(composed)
                known.update({name: record.id for name, fixed in known.items() if not fixed})
                place = Place(place.seq + 1, record.id, place.seen)
                signed.append((record, composed.openings))
            if not dry_run:
                self.outbox.put(signed)
            return [record for record, _ in signed]

    def _known(self) -> dict[str, str]:
        """Return the records of this outbox that fixed a batch last, as far as this key knows."""
        known: dict[str, str] = {}
        for record, _ in self.outbox.records():
            for event in record.events:
                made = [output.batch for output in getattr(event, "outputs", [])]
                if event.type in ("receive", "return", "accept", "assay"):
                    made = [event.batch]
                known |= dict.fromkeys(made, record.id)
        return known

    def resign(self, log: Log, seq: int) -> Appended:
        """Sign the unresolved records from a seq on anew, each naming the one that it replaces, and send them.

        Raises:
            StoreError: There is no such unresolved record.
            RuleError: One is refused again.
        """
        with self.outbox.locked():
            waits = self.outbox.waiting()
            old = [waiting for waiting in waits if waiting.seq >= seq]
            if not old or old[0].seq != seq:
                raise StoreError(f"no record {seq} waits in the outbox", hint="plumbline outbox lists what waits")
            for waiting in waits[: -len(old)]:
                self._send(log, waiting)
            fresh: list[tuple[Record, tuple[Opening, ...]]] = []
            renamed: dict[str, str] = {}

            def source(view: StoreView) -> Iterator[bytes]:
                fresh.clear()
                for waiting in old:
                    place = place_of(view, self.signer.name, seen=self._seen(view))
                    header = waiting.record.header.model_copy(
                        update={
                            "made": self.made(),
                            "over": waiting.record.id,
                            "prev": place.prev,
                            "seen": place.seen,
                            "seq": place.seq,
                        }
                    )
                    events = tuple(_renamed(event, renamed) for event in waiting.record.events)
                    record = self._signed(Composed(header, events, waiting.openings))
                    renamed[waiting.record.id] = record.id
                    fresh.append((record, waiting.openings))
                    Store.keep_openings(view, record.id, waiting.openings)
                    yield record.note
                # The new ones take the old ones' places, file by file: a crash leaves one or the other.
                self.outbox.put(fresh)
                self.outbox.forget({waiting.seq for waiting in old} - {record.header.seq for record, _ in fresh})

            appended = append(log, source)
            self._settle(appended)
            return appended


def _renamed(event: Event, renamed: Mapping[str, str]) -> Event:
    """Return an event whose `made_by` names the records signed anew instead of those that they replace."""
    data = dump(event)
    for old, new in renamed.items():
        data = data.replace(old.encode(), new.encode())
    return read_event(data)


def _tried(view: StoreView, record: Record) -> None:
    """Write a record into a transaction that is taken back."""
    authenticate(view, record)
    changes = apply(view, record)
    leaf = merkle.leaf_hash(record.note)
    frontier = Store.frontier(view).append(leaf)
    Store.add_entry(view, changes.index, record, leaf=leaf, chain=leaf)
    Store.fold(view, changes, frontier=frontier)


def rehearse(log: Log, notes: Sequence[bytes]) -> int:
    """Do what submitting records does, and take it back. Returns how many of them are new.

    Raises:
        RuleError, FormatError: One would be refused.
    """
    fresh = 0
    try:
        with log.store.writing() as view:
            check_start(log, view)
            for data in notes:
                record = read_record(data)
                if view.index_of(record.id) is None:
                    _tried(view, record)
                    fresh += 1
            raise _TakenBackError  # noqa: TRY301 - leaving the block by an exception is what takes it back
    except _TakenBackError:
        return fresh


class _TakenBackError(Exception):
    """Undoes a rehearsal's transaction."""
