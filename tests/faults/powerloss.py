"""The power fails at any moment of a run that was recorded: every state of the disk that may be left opens, and has what was acknowledged.

The run is a founding and some bookings of a key that was never used; the states are drawn by lot from what `disk` says may survive.
"""

from __future__ import annotations

import pickle
import random
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from client import PARTY, Client, Outcome, Say, founded
from disk import Disk, Folder
from figure import Figure
from kills import FIRST
from tracing import Call, traced

BOOKINGS = 6
SHARES = (0.0, 1.0, 0.1, 0.5, 0.9)
"""How much of what was not synced survives in a state."""
CALLS = "openat,pwrite64,write,fsync,fdatasync,ftruncate,mkdir,rename,unlink,rmdir,unlinkat,renameat,renameat2,link"
FOUNDED = ("founded",)
PASSES = 60
KEY_END = b"-----END OPENSSH PRIVATE KEY-----\n"
_TEXT = re.compile(r'["<]((?:\\x[0-9a-f]{2})*)[">]')
_RESULT = re.compile(r"\) += (-?\d+)[^)]*\Z")


def powerloss(amount: int, seed: int, folder: Path) -> Figure:
    """Let the power fail in a recorded run until so many different states were looked at."""
    lot = random.Random(seed)
    steps = recorded(folder)
    states = Path(mkdtemp(prefix="plumbline-power-", dir=_quick(folder)))
    known: set[bytes] = set()
    counts: Counter[str] = Counter({"system calls recorded": len(steps)})
    wrong: list[str] = []
    try:
        for at, disk, client in _moments(folder / "run", steps, lot, density=amount / len(steps) / 2):
            share = lot.choice(SHARES)
            left = disk.root.survives(lot, share)
            name = sha256(b"\0".join(part for path, content in sorted(left.items()) for part in (path.encode(), content or b""))).digest()
            if name in known:
                continue
            known.add(name)
            outcome = _looked_at(states / "state", left, client)
            counts.update(outcome.counts)
            counts["with a part of what was not synced"] += 0 < share < 1
            if outcome.problems:
                wrong.append(f"after call {at}, state {len(known)} (seed {seed}): {'; '.join(outcome.problems[:3])}")
            if len(known) == amount:
                break
    finally:
        shutil.rmtree(states)
    return Figure(len(known), "states", len(wrong), dict(sorted(counts.items())), tuple(wrong[:FIRST]))


def _quick(folder: Path) -> Path:
    """Return a folder in memory where there is one: the states are many, and need no disk."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() else folder


@dataclass(frozen=True)
class Step:
    """A system call that succeeded: its name, the texts in it, its last argument, its result and all of it."""

    name: str
    texts: list[bytes]
    last: str
    result: int
    whole: str

    @classmethod
    def of(cls, call: Call) -> Step | None:
        """Read what strace wrote, None where the call failed."""
        whole = _TEXT.sub("", call.rest)
        found = _RESULT.search(whole)
        if found is None or int(found[1]) < 0:
            return None
        texts = [bytes.fromhex(text.replace("\\x", "")) for text in _TEXT.findall(call.rest)]
        return cls(call.name, texts, whole.rpartition(") = ")[0].rpartition(", ")[2], int(found[1]), whole)


def recorded(folder: Path) -> list[Step]:
    """Record a run: a founding, then bookings, with what was said to the client among the calls."""

    def run(say: Say) -> None:
        founded(folder / "run")
        say(FOUNDED)
        Client(folder / "run").work(say, bookings=BOOKINGS)

    (folder / "run" / PARTY).mkdir(parents=True)  # durable before the run: whoever names a folder has made it
    said: list[tuple[Any, ...]] = []
    calls = traced(run, ["-y", "-xx", "-s", "1000000", "-e", f"trace={CALLS}"], folder / "trace", hear=said.append)
    assert len(said) == 1 + 2 * BOOKINGS, said
    return [step for step in map(Step.of, calls) if step is not None]


def _moments(run: Path, steps: list[Step], lot: random.Random, *, density: float) -> Iterator[tuple[int, Disk, Client]]:
    """Play the run over and over, and return disk and client after calls drawn by lot, once the ledger was founded."""
    for _ in range(PASSES):
        disk, client, begun = Disk(str(run)), Client(run), False
        disk.make(str(run / PARTY), Folder())
        disk.synced(str(run))
        for at, step in enumerate(steps):
            said = played(disk, step)
            if said == FOUNDED:
                begun = True
            elif said:
                client.hear(said)
            if begun and lot.random() < density:
                yield at, disk, client


def played(disk: Disk, step: Step) -> tuple[Any, ...] | None:
    """Do to the disk what a system call did, and return what was said where it wrote to the client."""
    texts = step.texts
    names = [text.decode(errors="replace") for text in texts]
    if step.name == "write" and names[0].startswith("pipe:"):
        said = pickle.loads(texts[1][4:])  # noqa: S301 - our own child wrote it; 4 bytes say how long it is
        return said if isinstance(said, tuple) else None
    play: dict[str, Callable[[], None]] = {
        "openat": lambda: disk.opened(names[1], step.whole),
        "write": lambda: disk.written(names[0], texts[1][: step.result]),
        "pwrite64": lambda: disk.written(names[0], texts[1][: step.result], int(step.last)),
        "fsync": lambda: disk.synced(names[0]),
        "fdatasync": lambda: disk.synced(names[0]),
        "ftruncate": lambda: disk.cut(names[0], int(step.last)),
        "mkdir": lambda: disk.make(names[0], Folder()),
        "rename": lambda: disk.moved(names[0], names[1]),
        "unlink": lambda: disk.gone(names[0]),
    }
    play[step.name]()  # a call that is traced and not played ends the measurement
    return None


def _looked_at(place: Path, left: dict[str, bytes | None], client: Client) -> Outcome:
    """Put a state on the disk and let the client recover there."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for path, content in left.items():
        if content is None:
            (place / path).mkdir()
        else:
            (place / path).write_bytes(content)
    here = replace(client, folder=place, acknowledged=dict(client.acknowledged))
    outcome = here.recover()
    for key in ("log.key", "registrar.key"):
        if not (left.get(f"keys/{key}") or b"").endswith(KEY_END):
            outcome.problems.append(f"the key file {key} is lost")
    return outcome
