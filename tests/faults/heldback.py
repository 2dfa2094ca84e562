"""Older copies, forks and frozen views of a log, shown to somebody who holds one checkpoint of it.

At every size of a log: the store is put back with its mark; the log is written on otherwise from there; the view from then is shown as the
newest. The holder audits what is shown against the checkpoint, and compares.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

from books import ORIGIN
from exported import exported
from figure import Figure
from house import House, disposal, receipt
from keyring import signer
from ledger.audit import Held, audit_mirror
from ledger.compare import Side, compare, verify_fork
from ledger.keys import verify
from ledger.mirror.source import open_mirror
from ledger.trust import read_trust

LOG_KEYS = [signer(ORIGIN).vkey]


def measure(amount: int, seed: int, folder: Path) -> Figure:
    """Try all three at so many sizes of a log that grows by one record each time."""
    dice = random.Random(seed)
    house = House.found(folder / "log")
    house.admit("keystone")
    copies, held = [], b""
    for number in range(amount):
        copies.append(house.copy(folder / f"copy-{number}"))
        held = _write(house, dice, number)
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for number, copy in enumerate(copies):
        for trick, shown in (
            ("roll-back", _rolled_back(house, copy, held)),
            ("freeze", _frozen(copy, held)),
            ("fork", _forked(copy, held)),
        ):
            counts[f"{trick}s shown"] += 1
            wrong += [] if shown else [f"{trick} at step {number} of {amount} was not seen"]
        counts["that pass where no checkpoint is held"] += 1  # every one of these copies is a log that holds: `_frozen` asserts it
    return Figure(3 * amount, "older copies, frozen views and forks", len(wrong), dict(counts), tuple(wrong[:10]))


def _write(house: House, dice: random.Random, number: int, *, other: str = "") -> bytes:
    """Append one record and return the checkpoint that acknowledges it."""
    if number % 3 == 2:
        return house.write("keystone/1", disposal(f"keystone:B{number - 1}{other}")).checkpoint
    return house.write("keystone/1", receipt(f"keystone:B{number}{other}", str(dice.randrange(500, 20_000)))).checkpoint


def _rolled_back(house: House, copy: House, held: bytes) -> bool:
    """Put the store and its mark back, and say whether the audit with the checkpoint names a roll-back."""
    newest = house.copy(copy.folder.with_name("newest"))
    house.put_back(copy, mark=True)
    report = house.audit(checkpoints=[("held", held)])
    house.put_back(newest, mark=True)
    return not report.holds and any(finding.code == "rollback" for finding in report.findings)


def _frozen(copy: House, held: bytes) -> bool:
    """Show the older view as the newest, and say whether the holder sees that it is behind."""
    folder = exported(copy, copy.folder / "frozen")
    mirror = open_mirror(str(folder))
    trust = read_trust((copy.keys / "trust").read_bytes(), file="trust")
    plain = audit_mirror(mirror, Held(trust=trust))
    assert plain.holds
    assert not plain.fresh
    report = audit_mirror(mirror, Held(trust=trust, checkpoints=[("held", held)]))
    there = compare(Side("shown", mirror.checkpoint(), mirror), Side("held", held), log_keys=LOG_KEYS, verify=verify)
    return not report.holds and there.relation in ("behind", "unknown")


def _forked(copy: House, held: bytes) -> bool:
    """Write on otherwise from the copy, beyond the held checkpoint, and say whether that is proved to be a fork."""
    dice, number = random.Random(1), 0
    goal = int(held.split(b"\n")[1])
    while len(copy.entries()) <= goal:
        copy.write("keystone/1", receipt(f"keystone:F{number}", str(dice.randrange(500, 20_000))))
        number += 1
    mirror = open_mirror(str(exported(copy, copy.folder / "forked")))
    found = compare(Side("shown", mirror.checkpoint(), mirror), Side("held", held), log_keys=LOG_KEYS, verify=verify)
    if found.relation != "fork" or found.fork is None:
        return False
    verify_fork(found.fork, log_keys=LOG_KEYS, verify=verify)
    return True
