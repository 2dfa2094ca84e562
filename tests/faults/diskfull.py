"""No room is left for a file, or on a whole file system: what was acknowledged stays, the refusal is clean, and room is all it takes.

Everywhere a limit on the size of files is set in the client's process; where one may mount, every fourth time a file system of that size.
"""

from __future__ import annotations

import random
import resource
import shutil
import subprocess
from collections import Counter
from pathlib import Path

from client import Client, Say, founded
from figure import Figure
from kills import FIRST, FORK, hear_out

BOOKINGS = 40
SMALL_BYTES = 4096
MOUNT_ROUNDS = 4


def disk_full(amount: int, seed: int, folder: Path) -> Figure:
    """Let a client book until there is no room, then give it some."""
    lot = random.Random(seed)
    template = founded(folder / "template")
    stored = template.folder.joinpath("ledger.db").stat().st_size
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    tried = turn = 0
    while tried < amount:
        turn += 1
        limit = lot.choice([lot.randint(0, SMALL_BYTES), lot.randint(SMALL_BYTES, stored), lot.randint(stored, 2 * stored)])
        small = folder / "small"
        mounted = turn % MOUNT_ROUNDS == 0 and _mounted(small, _size(template.folder) + limit % (1 << 18))
        try:
            client = Client(template.copy(small if mounted else folder / f"ledger-{turn}").folder)
            _work(client, None if mounted else limit)
            refusals = list(client.refusals)
            if mounted:
                subprocess.run(["mount", "-o", "remount,size=64m", str(small)], check=True)
            if refusals:
                tried += 1
                counts["on a file system without room"] += mounted
                problems = _judged(client, refusals, counts)
                if problems:
                    wrong.append(f"round {turn} (seed {seed}, {limit} bytes{', mounted' * mounted}): {'; '.join(problems[:3])}")
            else:
                counts["with room enough"] += 1
        finally:
            if mounted:
                subprocess.run(["umount", str(small)], check=True)
        shutil.rmtree(client.folder, ignore_errors=True)
    return Figure(tried, "full disks", len(wrong), dict(sorted(counts.items())), tuple(wrong[:FIRST]))


def _judged(client: Client, refusals: list[str], counts: Counter[str]) -> list[str]:
    """Let the client recover, now that there is room, and return what is wrong."""
    counts["acknowledged before"] += len(client.acknowledged)
    outcome = client.recover()
    counts["told of an error, and the record is in the log"] += outcome.counts["durable though not acknowledged"]
    counts["sent again"] += outcome.counts["sent again"]
    return outcome.problems + [refusal for refusal in refusals if refusal.startswith("not in our words")]


def _work(client: Client, limit: int | None) -> None:
    """Let a client book in a process of its own, with a limit on the size of files, or none."""

    def limited(say: Say) -> None:
        if limit is not None:  # Python ignores SIGXFSZ, so that a write fails instead
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        client.work(say, bookings=BOOKINGS)

    heard, said = FORK.Pipe(duplex=False)
    child = FORK.Process(target=limited, args=(said.send,), daemon=True)
    child.start()
    said.close()
    hear_out(heard, client.hear)
    child.join()


def _size(folder: Path) -> int:
    """Return how much room the files of a folder take, in whole pages."""
    return sum(-(-path.stat().st_size // 4096) * 4096 for path in folder.rglob("*"))


def _mounted(place: Path, size: int) -> bool:
    """Mount a file system of a size, where one may."""
    place.mkdir(exist_ok=True)
    if shutil.which("mount") is None:
        return False
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], capture_output=True, check=False)
    return done.returncode == 0
