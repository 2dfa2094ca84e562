"""Getting a checkpoint witnessed: over HTTP from every witness of the policy, or with files that are carried there and back."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli.output import print_json, say
from cli.session import Session, read_input
from ledger.errors import ConsistencyError, FormatError, QuorumError, UnknownError

if TYPE_CHECKING:
    from ledger.store.store import Store
    from ledger.tlog.merkle import Hash
    from ledger.tlog.quorum import Witness, Witnessed
    from ledger.trust import Trust
    from ledger.witness.collect import Cosignature, Outcome

_LOOKED_BACK = 100
"""Checkpoints in which a witness's line is looked for; one that has cosigned none of them says itself where it is."""


@dataclass(frozen=True, slots=True)
class _Head:
    """The newest checkpoint of a ledger, as it is to be witnessed."""

    store: Store
    trust: Trust
    size: int
    note: bytes

    def path(self, old: int) -> list[Hash]:
        """Return the consistency path from an older size, read in a transaction of its own."""
        from ledger.tlog.tile import consistency  # noqa: PLC0415 - loaded when needed

        with self.store.reading() as view:
            return consistency(view, old, self.size)

    def known(self, witness: Witness) -> int:
        """Return the newest size that a kept cosignature says this witness has, 0 where there is none."""
        from ledger.store.store import Store  # noqa: PLC0415 - loaded when needed
        from ledger.tlog.checkpoint import signatures_by  # noqa: PLC0415 - loaded when needed
        from ledger.tlog.note import parse_note  # noqa: PLC0415 - loaded when needed

        with self.store.reading() as view:
            for size, *_ in Store.checkpoints(view)[: -_LOOKED_BACK - 1 : -1]:
                if signatures_by(parse_note(Store.published(view, size)), witness.key):
                    return size
        return 0

    def collect(self, timeout: float) -> list[Outcome]:
        """Ask every witness of the policy for its cosignature, keep what verifies, and return what came of it."""
        from ledger.keys import verify  # noqa: PLC0415 - loaded when needed
        from ledger.witness.collect import Asking, collect, post  # noqa: PLC0415 - loaded when needed

        collected = collect(self.trust.policy.witnesses, Asking(self.note, self.path, verify, post, timeout, known=self.known))
        self.keep(collected.cosignatures)
        return collected.outcomes

    def keep(self, cosignatures: list[Cosignature]) -> None:
        """Keep verified lines beside the checkpoint."""
        from ledger.store.store import Store  # noqa: PLC0415 - loaded when needed

        with self.store.writing() as view:
            Store.add_cosignatures(view, self.size, [(one.name, one.key_id, one.time, one.line) for one in cosignatures])

    def witnessed(self) -> Witnessed:
        """Count who has cosigned it."""
        from ledger.keys import verify  # noqa: PLC0415 - loaded when needed
        from ledger.store.store import Store  # noqa: PLC0415 - loaded when needed
        from ledger.tlog.note import parse_note  # noqa: PLC0415 - loaded when needed
        from ledger.tlog.quorum import count  # noqa: PLC0415 - loaded when needed

        with self.store.reading() as view:
            note = parse_note(Store.published(view, self.size))
        return count(self.trust.policy, note, log_keys=self.trust.log, verify=verify)


def _head(session: Session, store: Store, note: bytes) -> _Head:
    from ledger.tlog.checkpoint import parse_checkpoint  # noqa: PLC0415 - loaded when needed
    from ledger.tlog.note import parse_note  # noqa: PLC0415 - loaded when needed

    return _Head(store, remembered_trust(session, store), parse_checkpoint(parse_note(note).text).size, note)


def remembered_trust(session: Session, store: Store) -> Trust:
    """Return the trust file that the ledger remembers; where there is none, what record 0 alone says.

    Raises:
        FormatError: It is another ledger's.
    """
    from ledger.founding import trust_of  # noqa: PLC0415 - loaded when needed

    with store.reading() as view:
        bare = trust_of(view)
    found = session.trust(None, store=store, allow_weak_policy=True)
    if found is None:
        return bare
    trust, place = found
    if (trust.ledger, trust.origin) != (bare.ledger, bare.origin):
        raise FormatError(f"is of ledger {trust.ledger}, {session.ledger} holds ledger {bare.ledger}", file=place)
    return trust


def publish(session: Session, store: Store, note: bytes, *, timeout: float) -> int:
    """Ask every witness of the policy for its cosignature of the newest checkpoint, and keep what verifies."""
    head = _head(session, store, note)
    return _report(session, head, head.collect(timeout))


def quorum(session: Session, store: Store, *, timeout: float = 10) -> None:
    """See that the newest checkpoint has the quorum that the ledger's trust file names; ask the witnesses where it has not.

    Raises:
        QuorumError: It has not, and they do not give it.
    """
    from ledger.store.store import Store  # noqa: PLC0415 - loaded when needed

    if not remembered_trust(session, store).policy.asked:
        return
    with store.reading() as view:
        newest = Store.newest_checkpoint(view)
    if newest is None:
        return
    head = _head(session, store, newest[3])
    if head.witnessed().reached:
        return
    head.collect(timeout)
    found = head.witnessed()
    if not found.reached:
        raise QuorumError(f"{found.line} for the checkpoint at size {head.size}", hint="ask again: plumbline checkpoint --publish")


def take(session: Session, store: Store, note: bytes, file: str) -> int:
    """Take the cosignature lines that a witness gave as a file, and keep what verifies."""
    from ledger.keys import verify  # noqa: PLC0415 - loaded when needed
    from ledger.witness.collect import MAX_ANSWER_BYTES, Outcome, read_cosignatures  # noqa: PLC0415 - loaded when needed

    head = _head(session, store, note)
    witnesses = head.trust.policy.witnesses
    lines = read_input(file, limit=MAX_ANSWER_BYTES)
    try:
        found = read_cosignatures(note, lines, keys=[one.key for one in witnesses], verify=verify)
    except FormatError as refusal:
        raise refusal.at(file=file) from refusal
    if not found:
        raise FormatError("holds no cosignature by a witness of the policy", file=file, hint="see `plumbline trust` for who is asked")
    if not session.dry_run:
        head.keep(found)
    by = {(one.name, one.key_id) for one in found}
    named = [one.name for one in witnesses if (one.key.name, one.key.key_id.hex()) in by]
    return _report(session, head, [Outcome(name, cosigned=True, said=f"cosigned size {head.size}") for name in named])


def request(session: Session, store: Store, note: bytes, *, witness: str, old: int | None) -> bytes:
    """Return the add-checkpoint request to carry to a witness; from size 0, or from what it is known to have."""
    from ledger.witness.witness import Request  # noqa: PLC0415 - loaded when needed

    head = _head(session, store, note)
    named = next((one for one in head.trust.policy.witnesses if one.name == witness), None)
    if named is None:
        raise UnknownError("witness", witness, hint="see `plumbline trust` for who is asked")
    start = head.known(named) if old is None else old
    if start > head.size:
        raise ConsistencyError(f"the newest checkpoint has size {head.size}, the witness is said to have {start}")
    return Request(start, tuple(head.path(start)) if 0 < start < head.size else (), note).to_bytes()


def _report(session: Session, head: _Head, outcomes: list[Outcome]) -> int:
    counted = head.witnessed()
    reached = counted.reached or not counted.asked
    if session.as_json:
        print_json({"line": counted.line, "reached": reached, "size": head.size, "witnesses": [asdict(one) for one in outcomes]})
    else:
        width = max((len(one.witness) for one in outcomes), default=0)
        for one in outcomes:
            say(f"{one.witness.ljust(width)}  {one.said}")
        say(counted.line, style="green" if reached else "red")
    return 0 if reached else 1


def set_policy(session: Session, store: Store, file: str, *, allow_weak_policy: bool) -> Trust:
    """Write the witnesses, groups, quorum and auditors of a file into the trust file that the ledger remembers."""
    from ledger.files import replace_file  # noqa: PLC0415 - loaded when needed
    from ledger.founding import trust_of  # noqa: PLC0415 - loaded when needed
    from ledger.tlog.quorum import WitnessPolicy  # noqa: PLC0415 - loaded when needed
    from ledger.trust import Trust, read_trust  # noqa: PLC0415 - loaded when needed

    with store.reading() as view:
        bare = trust_of(view)
    try:
        lines = read_input(file, limit=1 << 20).decode().split("\n")
    except UnicodeDecodeError as error:
        raise FormatError("is not UTF-8 text", file=file) from error
    for number, line in enumerate(lines, start=1):
        if line and not line.startswith("#") and line.split(" ")[0] not in ("witness", "group", "quorum", "auditor"):
            raise FormatError(f"{line[:60]!r} is no line of a policy: want witness, group, quorum or auditor", file=file, line=number)
    # Read as a trust file whose first lines are the ledger's own, so that a policy is judged by the one reader that verifiers have.
    own = Trust(bare.ledger, bare.origin, bare.log, WitnessPolicy()).text().replace("quorum none\n", "")
    try:
        made = read_trust((own + "\n".join(lines)).encode(), file=file, allow_weak_policy=allow_weak_policy)
    except FormatError as refusal:
        shift = own.count("\n")
        raise (refusal.at(line=refusal.line - shift) if refusal.line else refusal) from refusal
    _check_urls(made, file)
    place = session.remembered(store, "trust")
    replace_file(place, made.text().encode())
    return made


def _check_urls(trust: Trust, file: str) -> None:
    from ledger.witness.collect import check_url  # noqa: PLC0415 - loaded when needed

    for witness in trust.policy.witnesses:
        if witness.url:
            try:
                check_url(witness.url)
            except FormatError as refusal:
                raise refusal.at(file=file) from refusal


def write_out(path: str, data: bytes) -> None:
    """Write a file, or standard output for "-"."""
    from ledger.files import replace_file  # noqa: PLC0415 - loaded when needed

    if path == "-":
        sys.stdout.buffer.write(data)
    else:
        replace_file(Path(path), data)
        say(f"wrote {path}")
