"""Ledgers in which companies, thieves, a careless clerk and a dishonest operator act, all from one seed; invariants after every step.

A step is one act that somebody attempts. The clock, chance and faults (a request or its answer is lost) come from the seed, so that a
failure's ledger and step say how to see it again: `play(seed, ledger, steps)`. Most ledgers are short and in memory, and their records
carry no real signature; the ledgers with `signed` are signed and verified, and some of them are put into a file and audited there.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from actors import Attempt, Company, Raw, Scene
from books import ORIGIN, Books
from figure import Figure
from invariants import Invariants, balance, differences
from keyring import signer
from ledger.errors import ChainError, LedgerError
from ledger.keys import Signer, prove_possession
from ledger.memory import Memory
from ledger.record import Record, read_record
from ledger.state import apply, authenticate
from ledger.tlog import canonical, note
from ledger.tlog.merkle import Frontier, leaf_hash
from ledger.tlog.note import Signature
from lots import InvariantError, Lot, check
from operators import CHECKPOINT, try_in_file, try_tricks
from paperwork import ACTS
from tally import Tally

STEPS = 400
"""Steps of one ledger. The cost of a step grows with what a correction has to book again."""
SIGNED, STORED = 10, 250
"""One ledger of so many is signed; one of so many is also kept in a file."""
BEGUN = 1_767_600_000
ADMIN, WORK = "1", "2"
SITES = {"yard": ("gate", "shed"), "smelter": ("works",), "maker": ("hall",), "trader": ("store",)}
COUNTRY = {"trader": "MX"}
CUSTOMERS = {
    "yard": ("smelter:works", "trader:store"),
    "smelter": ("maker:hall", "trader:store"),
    "maker": ("trader:store",),
    "trader": ("maker:hall", "smelter:works"),
}
CORRECTABLE = frozenset({"receive", "transform", "ship", "accept", "assay", "adjust", "dispose", "return", "determine"})


@dataclass
class Pen:
    """What the owner of a key knows of its chain, and what it signed that nobody has answered."""

    signer: Signer
    seq: int = -1
    prev: str | None = None
    seen: int = 0
    waiting: bytes = b""


@dataclass
class World:
    """One ledger with everybody who acts in it."""

    chance: Random
    signed: bool
    books: Books = field(default_factory=Books)
    frontier: Frontier = field(default_factory=Frontier)
    pens: dict[str, Pen] = field(default_factory=dict)
    companies: dict[str, Company] = field(default_factory=dict)
    holdings: dict[str, list[str]] = field(default_factory=dict)
    coming: dict[str, list[str]] = field(default_factory=dict)
    done: dict[str, list[tuple[str, int, Raw]]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    stolen: str = ""
    now: int = BEGUN
    made: int = 0

    def __post_init__(self) -> None:
        self.memory: Memory = self.books.memory
        self.tally = Tally(self._booked)
        self.invariants = Invariants(self.memory, self.tally)
        genesis = self.books.records[0]
        self.frontier = self.frontier.append(leaf_hash(genesis.note))
        self.memory.roots[1] = self.frontier.root()
        self.pens["registrar/1"] = Pen(signer("registrar/1"), 0, genesis.id)
        self.invariants.heads["registrar/1"] = 0, genesis.id
        for name, sites in SITES.items():
            self._admit(name, sites)

    def _booked(self, batch: str, place: int) -> int:
        booking = self.memory.bookings[place]
        return booking.after[batch].dry_left if booking else 0

    @property
    def time(self) -> str:
        """Return the time by the injected clock."""
        return datetime.fromtimestamp(self.now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _admit(self, name: str, sites: tuple[str, ...]) -> None:
        country = COUNTRY.get(name, "US")
        key = self._new_key(name, ADMIN)
        party = {"id": name, "name": name.title(), "country": country}
        admitted = {"type": "admit", "party": party, "key": key.vkey.format(), "proof": prove_possession(key, ORIGIN)}
        self.must("registrar/1", admitted)
        for site in sites:
            facts = {"id": f"{name}:{site}", "party": name, "name": site, "country": country}
            self.must(f"{name}/{ADMIN}", {"type": "site", "site": facts})
        self.companies[name] = Company(name, tuple(f"{name}:{site}" for site in sites), CUSTOMERS[name], f"{name}/{WORK}")
        self.holdings[name], self.coming[name], self.done[name] = [], [], []
        self.enrol(name, WORK)

    def _new_key(self, party: str, number: str) -> Signer:
        key = signer(f"{party}/{number}")
        self.pens[key.name] = Pen(key)
        return key

    def enrol(self, party: str, number: str) -> None:
        """Enrol a key of a company for its work, and use it from then on."""
        key = self._new_key(party, number)
        facts = {"party": party, "key": key.vkey.format(), "proof": prove_possession(key, ORIGIN), "scopes": ["record", "certify"]}
        self.must(f"{party}/{ADMIN}", {"type": "enrol", **facts})
        self.companies[party].key = key.name

    def must(self, key: str, event: Raw) -> None:
        """Log what nothing stands in the way of."""
        check(self.attempt(Attempt(key, ({"time": self.time, **event},))), f"{key} could not log {event['type']}")

    # Signing and sending

    def signed_note(self, key: str, events: tuple[Raw, ...], *, head: tuple[int, str | None]) -> bytes:
        """Return a record of these events, behind this head of its key's chain."""
        pen = self.pens[key]
        seen = None
        newest = self.memory.size // CHECKPOINT * CHECKPOINT
        if newest and (pen.seen or self.chance.random() < 0.3):  # now and then somebody looks at the log before signing
            pen.seen = newest
            seen = {"root": self.memory.roots[pen.seen].hex(), "size": pen.seen}
        header = {"genesis": self.books.ledger_id, "key": key, "made": self.time, "prev": head[1], "seen": seen, "seq": head[0] + 1}
        lines = [b"plumbline/record/v1", canonical.encode(header), *(canonical.encode(event) for event in events)]
        text = b"\n".join(lines) + b"\n"
        signature = pen.signer.sign(text) if self.signed else bytes(64)
        return note.format_note(text, [Signature(key, pen.signer.vkey.key_id, signature)])

    def send(self, data: bytes) -> int:
        """Give a record to the log, as `ledger.log.append` does; return its index.

        Raises:
            LedgerError: It is refused.
        """
        record = read_record(data)
        known = self.memory.index_of(record.id)
        if known is not None:
            return known
        if self.signed:
            authenticate(self.memory, record)
        changes = apply(self.memory, record)
        self.memory.fold(changes)
        self.frontier = self.frontier.append(leaf_hash(record.note))
        self.memory.roots[self.memory.size] = self.frontier.root()
        self.books.records.append(record)
        events = self._took(changes.index, record)
        self.invariants.after(changes, record, events)
        return changes.index

    def _took(self, index: int, record: Record) -> list[Raw]:
        """Enter an accepted record in the second books, and remember what the companies need."""
        party = record.header.key.partition("/")[0]
        events: list[Raw] = [json.loads(line) for line in record.text.split(b"\n")[2:-1]]
        self.tally.record(index, record.id, party)
        for number, event in enumerate(events):
            place = index << 8 | number
            self.tally.enter(place, event)
            if event["type"] in CORRECTABLE:
                self.done[party].append((record.id, number, event))
            for name, lot in self.tally.states.get(place, {}).items():
                if lot.status == "in_transit":
                    self.coming[lot.to.partition(":")[0]].append(name)
                elif name not in self.holdings[lot.holder]:
                    self.holdings[lot.holder].append(name)
        return events

    def attempt(self, attempt: Attempt) -> bool:
        """Sign and send what somebody attempts; say whether it was taken. What is refused changes nothing."""
        pen = self.pens[attempt.key]
        data = self.signed_note(attempt.key, attempt.events, head=(pen.seq, pen.prev))
        return self._sent(attempt, data, pen)

    def _sent(self, attempt: Attempt, data: bytes, pen: Pen) -> bool:
        before = self._state()
        try:
            index = self.send(data)
        except LedgerError as refusal:
            self.refusals[type(refusal).__name__] += 1
            check(self._state() == before, f"a refused record changed {before} to {self._state()}")
            if isinstance(refusal, ChainError):
                self._overtaken(attempt.key)
            return False
        check(not attempt.forbidden, f"{attempt.key} had taken what must be refused: {attempt.events}")
        record = self.books.records[index]
        pen.seq, pen.prev = record.header.seq, record.id
        if self.chance.random() < 0.02:  # the answer is lost, so it is sent again
            after = self._state()
            check(self.send(data) == index and self._state() == after, f"record {index} was sent again and entered again")
            self.counts["sent twice"] += 1
        return True

    def _state(self) -> tuple[int, ...]:
        memory = self.memory
        parts = (memory.numbers, memory.bookings, memory.claims, memory.heads, memory.keys, memory.events, memory.sites)
        return (memory.size, *(len(part) for part in parts))

    def _overtaken(self, key: str) -> None:
        """Somebody else signed with this key: its owner revokes it, and enrols another."""
        party, number = key.split("/")
        check(key == self.stolen, f"the chain of {key} is not where its owner left it")
        self.counts["thefts noticed"] += 1
        self.must(f"{party}/{ADMIN}", {"type": "revoke", "key": key, "compromised_since": self.time})
        self.enrol(party, str(int(number) + 1))

    # Acting

    def step(self) -> None:
        """Let somebody attempt something."""
        while True:
            self.now += self.chance.randrange(60, 9000)
            name = self.chance.choice(tuple(self.companies))
            found = self.chance.choice(ACTS[name])(self.scene(name))
            if found is None:
                continue
            if self.stolen and self.chance.random() < 0.1 and self.stolen.startswith(f"{name}/"):  # thieves are rare
                self._steal(found)
            else:
                self._act(found)
            return

    def _act(self, attempt: Attempt) -> None:
        """Let a company act. Now and then the request is lost, and its outbox sends the same bytes again the next time it acts."""
        pen = self.pens[attempt.key]
        if pen.waiting:
            data, pen.waiting = pen.waiting, b""
            taken = self._sent(Attempt(attempt.key, ()), data, pen)
        elif self.chance.random() < 0.01:  # as above
            pen.waiting = self.signed_note(attempt.key, attempt.events, head=(pen.seq, pen.prev))
            self.counts["requests lost"] += 1
            return
        else:
            taken = self.attempt(attempt)
        self.counts["acts taken" if taken else "acts refused"] += 1

    def _steal(self, attempt: Attempt) -> None:
        """Let a thief sign with a stolen key, behind the last record of its chain that is in the log."""
        key = self.stolen
        facts, head = self.memory.keys[key], self.memory.heads.get(key)
        data = self.signed_note(key, attempt.events, head=(head.seq, head.record) if head else (-1, None))
        before = self._state()
        try:
            self.send(data)
        except LedgerError as refusal:
            self.refusals[type(refusal).__name__] += 1
            check(self._state() == before, "a thief's refused record changed the books")
            self.counts["thefts refused after the key's end" if not facts.active else "thefts refused by other rules"] += 1
            return
        check(facts.active, f"{key} signed after its end")
        check(not attempt.forbidden, f"a thief had taken what must be refused: {attempt.events[0]['type']}")
        self.counts["thefts taken before the key's end"] += 1

    def scene(self, name: str) -> Scene:
        """Return what a company sees."""
        company = self.companies[name]
        certificates = [number for number, one in self.tally.certificates.items() if one.party == name]
        return Scene(
            self.chance, self.time, company, lambda: self._number(name), lambda wanted: self._pick(name, wanted),
            lambda lot: self.tally.ids[lot.fixed >> 8], self._arriving(name), self.done[name], certificates,
        )  # fmt: skip

    def _number(self, party: str) -> str:
        self.made += 1
        return f"{party}:N{self.made}"

    def _pick(self, party: str, wanted: Callable[[Lot], bool]) -> tuple[str, Lot] | None:
        names = self.holdings[party]
        for _ in range(8):
            if not names:
                return None
            at = self.chance.randrange(len(names))
            lot = self.tally.now(names[at])
            if lot is None or lot.holder != party or not (lot.dry_left or lot.gone_dry):
                names[at] = names[-1]
                names.pop()
            elif wanted(lot):
                return names[at], lot
        return None

    def _arriving(self, party: str) -> tuple[str, Lot] | None:
        names = self.coming[party]
        while names:
            lot = self.tally.now(names[0])
            if lot is not None and lot.status == "in_transit" and lot.to.startswith(f"{party}:"):
                return names[0], lot
            names.pop(0)
        return None


def play(seed: int, ledger: int, steps: int = STEPS) -> World:
    """Play one ledger and derive it again from its records.

    Raises:
        InvariantError: An invariant does not hold; the message says at which step.
    """
    chance = Random(f"{seed} {ledger}")
    step = 0
    try:
        world = World(chance, signed=ledger % SIGNED == 0)
        theft = chance.randrange(steps) if chance.random() < 0.5 else -1  # a key is stolen in every second ledger
        for step in range(steps):  # named in the message below
            if step == theft:
                world.stolen = world.companies[chance.choice(tuple(world.companies))].key
            world.step()
        derive_again(world)
    except InvariantError as broken:
        raise InvariantError(f"seed {seed}, ledger {ledger}, step {step}: {broken}") from broken
    return world


def derive_again(world: World) -> None:
    """Derive everything again from the records' bytes, and let the operator try what can be done to them."""
    if world.signed:
        try_tricks(world)
        return
    again = Memory()
    leaf = b""
    for record in world.books.records:
        again.fold(apply(again, read_record(record.note)))
        leaf = hashlib.sha256(b"\x00" + record.note).digest()
        again.roots[again.size] = world.memory.roots[again.size]
    check(bool(leaf) and not differences(world.memory, again), f"derived again, the books differ in {differences(world.memory, again)}")
    check(not balance(again), f"the books do not balance: {balance(again)}")


def measure(amount: int, seed: int, folder: Path) -> Figure:
    """Play ledgers until this many steps were attempted."""
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    steps = ledger = 0
    while steps < amount:
        length = min(STEPS, amount - steps)
        try:
            world = play(seed, ledger, length)
            if ledger % STORED == 0:
                try_in_file(world, folder / str(ledger))
        except InvariantError as broken:
            wrong.append(str(broken))
        else:
            counts += world.counts
            counts["certificates"] += len(world.tally.certificates)
            counts["ledgers signed"] += world.signed
        steps, ledger = steps + length, ledger + 1
    also = {"ledgers": ledger, **dict(sorted(counts.items()))}
    return Figure(steps, "steps", len(wrong), also, tuple(wrong[:5]))
