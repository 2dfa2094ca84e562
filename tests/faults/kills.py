"""A client, and every tenth time the server as well, killed with -9 at a moment drawn by lot, over and over on growing ledgers.

The client is forked from a process that has loaded everything, so that the moment falls among its appends, not among its imports.
"""

from __future__ import annotations

import multiprocessing as mp
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from client import Client, Outcome, Say, founded
from figure import Figure
from house import House
from server import Server

FORK = mp.get_context("fork")
LEDGER_ROUNDS = 25
"""Rounds on one ledger: the audit after each goes through all of it."""
LONGEST_APPENDS = 2.5
"""The moment is drawn from the time that so many appends take."""
SERVER_ROUNDS = 10
QUICK = ("recovery_init_sync_method=syncfs",) if sys.platform == "linux" else ()
"""What was written before a kill is made durable by one call before recovery, not file by file: a restart takes 0.3 s instead of 4 s."""
FIRST = 5


def hear_out(heard: Connection, hear: Say) -> None:
    """Take in what a process says until its pipe ends with it, perhaps amid a word."""
    try:
        while True:
            hear(heard.recv())
    except (EOFError, OSError):
        return


def kills_sqlite(amount: int, seed: int, folder: Path) -> Figure:
    """Kill the client of a ledger in a file."""
    return _kills(amount, seed, folder, server=None)


def kills_postgresql(amount: int, seed: int, folder: Path) -> Figure:
    """Kill the client of a ledger on a server, and every tenth time the server with all its processes."""
    with served("restart_after_crash=off", *QUICK) as server:
        return _kills(amount, seed, folder, server=server)


@contextmanager
def served(*options: str) -> Iterator[Server]:
    """Keep every `House` on a server of its own meanwhile."""
    server = Server(*options).start()
    House.server = server
    try:
        yield server
    finally:
        House.server = None
        server.stop()


def _kills(amount: int, seed: int, folder: Path, *, server: Server | None) -> Figure:
    numbers = random.Random(seed)
    template = founded(folder / "template")
    longest = LONGEST_APPENDS * _append_seconds(template)
    client = Client(template.folder)
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for turn in range(amount):
        if turn % LEDGER_ROUNDS == 0 or (wrong and wrong[-1].startswith(f"round {turn - 1} ")):
            client = Client(template.copy(folder / f"ledger-{turn}").folder)
        target = server if server is not None and turn % SERVER_ROUNDS == SERVER_ROUNDS - 1 else None
        seconds = numbers.uniform(0, longest)
        outcome = _round(client, seconds, target)
        counts.update(outcome.counts)
        if outcome.problems:
            wrong.append(f"round {turn} (seed {seed}, killed after {seconds:.4f} s): {'; '.join(outcome.problems[:3])}")
    return Figure(amount, "kills", len(wrong), dict(sorted(counts.items())), tuple(wrong[:FIRST]))


def _append_seconds(template: House) -> float:
    """Return how long an append takes here, tried on a copy."""
    trial = Client(template.copy(template.folder.with_name("trial")).folder)
    started = time.monotonic()
    trial.work(trial.hear, bookings=4)
    return (time.monotonic() - started) / len(trial.acknowledged)


def _round(client: Client, seconds: float, server: Server | None) -> Outcome:
    """Let a client book, kill it or the server under it, and look what is left."""
    known = len(client.acknowledged)
    heard, said = FORK.Pipe(duplex=False)
    child = FORK.Process(target=client.work, args=(said.send,), daemon=True)
    child.start()
    said.close()
    client.hear(heard.recv())
    time.sleep(seconds)
    if server is None:
        child.kill()
    else:
        server.kill()
    hear_out(heard, client.hear)
    child.join()
    if server is not None:
        server.start()
    journal = client.folder / "ledger.db-journal"
    hot = journal.exists() and journal.stat().st_size > 0
    told = len(client.acknowledged) - known
    outcome = client.recover()
    outcome.counts["acknowledged before the kill"] += told
    if server is not None:
        outcome.counts["kills of the server"] += 1
        outcome.counts["clients told that it is gone"] += any("cannot be reached" in refusal for refusal in client.refusals)
    if House.server is None:
        outcome.counts["hot journals"] += hot
    outcome.problems += [refusal for refusal in client.refusals if server is None or "cannot be reached" not in refusal]
    client.refusals.clear()
    return outcome
