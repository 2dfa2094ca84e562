"""Writing evidence from a ledger: the records, their place in the newest checkpoint, and what an auditor stated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from ledger.attested import Attested
from ledger.errors import CheckpointError, UnknownError
from ledger.evidence.format import Evidence, Prior
from ledger.evidence.touch import Touch, touch_of_claim, touch_of_key
from ledger.store.store import Store
from ledger.store.view import StoreView
from ledger.tlog import merkle, tile
from ledger.tlog.merkle import Hash
from ledger.tlog.multiproof import multiproof
from ledger.tlog.note import parse_note
from ledger.view import Claim


def evidence_of_claim(
    view: StoreView, number: str, *, basis: int, rules: Sequence[bytes] = (), statement: Attested | None = None
) -> Evidence:
    """Return the evidence of a certificate.

    Args:
        view: The ledger.
        number: The certificate.
        basis: The size of the log that it was computed on.
        rules: The canonical JSON of the rules that it quotes, in the order of their ids.
        statement: An auditor's statement to show completeness with.

    Raises:
        UnknownError: There is no such certificate.
        CheckpointError: No checkpoint covers its record yet.
    """
    claim = view.claim(number)
    if claim is None:
        raise UnknownError("certificate", number)
    upto = max((claim.position >> 8) + 1, statement.statement.size if statement else 0)
    priors = {basis} | ({statement.statement.size} if statement else set())
    touch = touch_of_claim(view, claim, upto=upto)
    found = _evidence(view, ("certificate", claim.credential), touch, claim, priors=priors, statement=statement)
    found.rules = list(rules)
    return found


def evidence_of_key(view: StoreView, key: str) -> Evidence:
    """Return all records of a key as evidence.

    Raises:
        UnknownError: There is no such key.
        CheckpointError: No checkpoint covers its last record yet.
    """
    return _evidence(view, ("key", key), touch_of_key(view, key), None, priors=set(), statement=None)


def _evidence(
    view: StoreView,
    subject: tuple[Literal["certificate", "key"], str],
    touch: Touch,
    claim: Claim | None,
    *,
    priors: set[int],
    statement: Attested | None,
) -> Evidence:
    newest = Store.newest_checkpoint(view)
    size = 0 if newest is None else newest[0]
    last = touch.records[-1] if claim is None else claim.position >> 8
    if size <= last:
        raise CheckpointError(f"no checkpoint covers record {last} yet", hint="sign one with `plumbline checkpoint`")
    indexes = tuple(index for index in touch.records if index < size)

    def records() -> Iterator[tuple[int, bytes]]:
        for index in indexes:
            yield index, view.record(index).note

    anchors = _anchors(view, indexes, size)
    sizes = {one for one in priors | set(anchors) if 0 < one < size}
    found = Evidence(
        subject,
        checkpoint=Store.published(view, size),
        priors=[_prior(view, one, size) for one in sorted(sizes)],
        anchors=[anchors[one] for one in sorted(anchors)],
        scope=sorted(touch.scope),
        leaves=[(index, merkle.leaf_hash(note)) for index, note in records()],
        nodes=multiproof(indexes, size, lambda low, high: tile.subtree_root(view, low, high, size)),
        records=records,
    )
    if statement is not None:
        _state(found, statement)
    return found


def _prior(view: StoreView, size: int, newest: int) -> Prior:
    return Prior(size, Hash(view.root_at(size) or b""), tuple(tile.consistency(view, size, newest)))


def _anchors(view: StoreView, indexes: tuple[int, ...], size: int) -> Mapping[int, bytes]:
    """Return older checkpoints that show when records of a compromised key were in the log already."""
    anchors: dict[int, bytes] = {}
    for index in indexes:
        facts = view.key(view.signer(index))
        if facts is None or facts.compromised_since is None:
            continue
        covering = Store.checkpoint_covering(view, index)
        while covering is not None and covering[0] < size:
            note = Store.published(view, covering[0])
            if len(parse_note(note).signatures) > 2:  # noqa: PLR2004 - the log's own two; a witness's shows the time
                anchors[covering[0]] = note
                break
            covering = Store.checkpoint_covering(view, covering[0])
    return anchors


def _state(found: Evidence, statement: Attested) -> None:
    """Add an auditor's statement, and the lines of the batches and keys that the evidence is about."""
    scope = {f'["batch","{name}",'.encode() for name in found.scope}
    chosen = [(number, line) for number, line in enumerate(statement.lines) if line.startswith(b'["key",') or _beginning(line) in scope]
    leaves = [merkle.leaf_hash(line) for line in statement.lines]
    found.attest, found.lines = statement.note, chosen
    found.line_nodes = multiproof([number for number, _ in chosen], len(leaves), lambda low, high: merkle.root(leaves[low:high]))


def _beginning(line: bytes) -> bytes:
    """Return a batch line up to and with the comma behind the batch's name; a name holds neither quote nor comma."""
    return line[: line.index(b",", len(b'["batch",')) + 1]
