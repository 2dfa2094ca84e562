"""Witnesses and a small log for tests: checkpoints of any history, requests for them, and witnesses on disk, in memory or over HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from books import ORIGIN
from keyring import signer
from ledger.keys import verify
from ledger.store.witnessing import WitnessState
from ledger.tlog import merkle
from ledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from ledger.tlog.merkle import Hash
from ledger.tlog.note import VerifierKey
from ledger.witness import endpoint
from ledger.witness.witness import Cosigner, Latest, Misfit, Request, State, Witness

NOW = 1_772_460_360
LOG_KEYS: dict[str, tuple[VerifierKey, ...]] = {ORIGIN: (signer(ORIGIN).vkey,)}


def leaves(size: int, *, forked_after: int | None = None) -> list[Hash]:
    """Return the leaf hashes of a log of this size; from a place on, those of its other history."""
    common = size if forked_after is None else min(size, forked_after)
    return [merkle.leaf_hash(b"entry %d" % at) for at in range(common)] + [merkle.leaf_hash(b"other %d" % at) for at in range(common, size)]


def signed(hashes: Sequence[Hash], *, name: str = ORIGIN, by: str | None = None, root: Hash | None = None) -> bytes:
    """Return a checkpoint's note of a tree with these leaves, by the log's key or by another's."""
    key = signer(by or name)
    statement = Checkpoint(key.name, len(hashes), merkle.root(hashes) if root is None else root)
    note = sign_checkpoint(statement, key=key.vkey, sign=key.sign, time=NOW)
    return note if key.name == name else note.replace(key.name.encode(), name.encode())


def ask(old: int, hashes: Sequence[Hash]) -> bytes:
    """Return an add-checkpoint request as an honest log makes it."""
    return Request(old, tuple(merkle.consistency_path(hashes, old)), signed(hashes)).to_bytes()


class Clock:
    """A clock that goes a second forward each time it is asked."""

    def __init__(self, now: int = NOW) -> None:
        self.now = now

    def __call__(self) -> int:
        self.now += 1
        return self.now


@dataclass(slots=True)
class MemoryState:
    """A state in memory: it is its own notebook."""

    kept: dict[str, Latest] = field(default_factory=dict)
    misfits: list[Misfit] = field(default_factory=list)

    @contextmanager
    def deciding(self) -> Iterator[MemoryState]:
        """Give the notebook."""
        yield self

    def latest(self, origin: str) -> Latest | None:
        """Return what was kept last."""
        return self.kept.get(origin)

    def keep(self, origin: str, latest: Latest) -> None:
        """Keep the latest."""
        self.kept[origin] = latest

    def keep_misfit(self, _: str, misfit: Misfit) -> None:
        """Keep evidence."""
        self.misfits.append(misfit)


def witness(state: State, *, name: str = "w1.example/w", ml_dsa: bool = False, clock: Clock | None = None) -> Witness:
    """Return a witness of the log."""
    keys = tuple(Cosigner(key, sign) for key, sign in signer(name).cosigners())
    return Witness(keys if ml_dsa else keys[:1], LOG_KEYS, state, clock or Clock(), verify)


def state_in(folder: Path, name: str = "w1") -> WitnessState:
    """Return a witness's state on disk, new or as it is there."""
    return WitnessState.of_key(folder / f"{name}.db", folder / f"{name}.key", random=bytes, busy_seconds=20)


@contextmanager
def serving(who: Witness, *, prefix: str = "") -> Iterator[str]:
    """Serve a witness on this machine while the block runs, and give its URL."""
    server = endpoint.server(endpoint.application(who, prefix=prefix))
    listener = endpoint.listener("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    until = time.monotonic() + 20
    while not server.started and time.monotonic() < until:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}{prefix}"
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()
