"""A dishonest operator: it holds the store and the log's key, so hashes, chains and checkpoints of what it passes on are its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from books import ORIGIN, Books
from house import House, stored
from invariants import balance, differences
from ledger.log import append
from ledger.memory import Memory
from ledger.replay import Entry, Replay
from ledger.store.store import Store
from ledger.tlog.merkle import Hash, chain_next, chain_start, leaf_hash
from lots import check

if TYPE_CHECKING:
    from simulated import World

Notes = list[bytes]
CHECKPOINT = 20
"""The log signs for its records after so many."""


def dropped(notes: Notes, at: int, _: Random) -> Notes:
    """Leave a record out."""
    return notes[:at] + notes[at + 1 :]


def swapped(notes: Notes, at: int, _: Random) -> Notes:
    """Exchange two neighbours."""
    return [*notes[:at], *reversed(notes[at : at + 2]), *notes[at + 2 :]]


def edited(notes: Notes, at: int, chance: Random) -> Notes:
    """Change one digit in a record."""
    data = notes[at]
    digits = [place for place, byte in enumerate(data) if 0x30 <= byte <= 0x39]  # 0 to 9
    place = chance.choice(digits)
    digit = chance.choice([byte for byte in b"0123456789" if byte != data[place]])
    return [*notes[:at], data[:place] + bytes([digit]) + data[place + 1 :], *notes[at + 1 :]]


def repeated(notes: Notes, at: int, _: Random) -> Notes:
    """Enter a record a second time, right behind the first."""
    return [*notes[: at + 1], notes[at], *notes[at + 1 :]]


def rolled_back(notes: Notes, at: int, _: Random) -> Notes:
    """Pass on an older copy."""
    return notes[:at]


ALONE = ("edited", "repeated")
"""What the records themselves show: whoever edits needs a company's key, and a key's chain has each record once."""
TRICKS: tuple[Callable[[Notes, int, Random], Notes], ...] = (dropped, swapped, edited, repeated, rolled_back)
EACH = 4
"""How often each is tried in a ledger."""


def try_tricks(world: World) -> None:
    """Verify a ledger from its bytes, stopping on the way for tricks: behind every point the tampered rest is verified on what is there.

    Raises:
        InvariantError: The honest ledger does not hold, or a trick passes somebody who holds the newest checkpoint.
    """
    notes = [record.note for record in world.books.records]
    tries = sorted((world.chance.randrange(1, len(notes) - 1), number % len(TRICKS)) for number in range(EACH * len(TRICKS)))
    done = Replay()
    for index, data in enumerate(notes):
        while tries and tries[0][0] == index:
            _, number = tries.pop(0)
            _try(world, done, TRICKS[number], notes)
        done.take(_entry(done, index, data), expected=index)
    check(not done.findings, f"the honest ledger does not hold: {done.findings[:1]}")
    check(not differences(world.memory, done.memory), f"verified again, the books differ in {differences(world.memory, done.memory)}")
    check(not balance(done.memory), f"the books do not balance: {balance(done.memory)}")


def _entry(done: Replay, index: int, data: bytes) -> Entry:
    """Return an entry with the hashes that belong to it, as an operator computes them."""
    leaf = leaf_hash(data)
    return index, data, leaf, chain_next(done.chain if index else chain_start(ORIGIN), leaf)


def _try(world: World, done: Replay, trick: Callable[[Notes, int, Random], Notes], notes: Notes) -> None:
    """Verify what a trick makes of the rest of the log, alone and against a checkpoint that somebody holds."""
    at = done.records
    passed = trick(notes, at, world.chance)
    told = Replay(Memory(done.memory), done.frontier, Hash(done.chain), records=at)
    for index in range(at, len(passed)):
        told.take(_entry(told, index, passed[index]), expected=index)
        if told.stopped is not None:
            break
    name = trick.__name__.replace("_", " ")
    world.counts["operator's tricks"] += 1
    if told.findings:
        world.counts["tricks seen from the records alone"] += 1
        return
    check(trick.__name__ not in ALONE, f"record {at} {name}: passes without a checkpoint")
    held = world.memory.roots[len(notes)]
    check(told.memory.roots.get(len(notes)) != held, f"record {at} {name}: passes also beside the newest checkpoint")
    world.counts["tricks seen only by who holds a checkpoint"] += 1
    world.counts[f"… {name}"] += 1


def try_in_file(world: World, folder: Path) -> None:
    """Keep a ledger in a file and audit it there; then an older copy is passed on, and a file that was edited.

    Raises:
        InvariantError: The honest file does not hold, the edited one does, or the older copy passes somebody who holds a newer checkpoint.
    """
    folder.mkdir()
    house, older = _filed(world, folder)
    found = house.audit()
    check(found.holds and found.size == world.memory.size, f"the file does not hold: {found.findings[:1]}")
    with Store(house.path).reading() as view:
        newest = Store.newest_checkpoint(view)
    assert newest is not None
    world.counts["older files that pass a plain audit"] += older.audit().holds
    told = older.audit(checkpoints=[("a customer's", newest[3])])
    check(told.rolled_back, "an older file passes beside a newer checkpoint")
    number = world.chance.randrange(1, world.memory.size)
    record = bytearray(world.books.records[number].note)
    record[len(record) // 2] ^= 1
    house.sql("UPDATE entry SET record = ? WHERE idx = ?", values=(bytes(record), number))
    check(not house.audit().holds, f"record {number} was edited in the file, and the audit holds")
    world.counts["ledgers in a file"] += 1


def _filed(world: World, folder: Path) -> tuple[House, House]:
    """Return a ledger in a file, appended from one checkpoint that its signers saw to the next, and a copy of it from halfway."""
    begun, notes = Books(), [record.note for record in world.books.records]
    begun.records = world.books.records[:CHECKPOINT]
    house = stored(begun, folder / "now")
    older = house
    for at in range(CHECKPOINT, len(notes), CHECKPOINT):
        append(house.log(), lambda _, at=at: notes[at : at + CHECKPOINT])  # type: ignore[misc]
        if at <= len(notes) // 2:
            older = house.copy(folder / f"then {at}")
    return house, older
