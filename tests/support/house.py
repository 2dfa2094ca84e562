"""A ledger for tests: founded in a folder with keys in the clear, a desk per key, the same clock and salts on every run.

It is kept in a file there, or on the tests' server while `House.server` is one; then `place` in the folder says where.
"""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from books import ORIGIN, TIME, Books, Salts, sign
from kept import InFile, Kept, OnServer, translated
from keyring import signer
from ledger.audit import Audit, Held, audit
from ledger.compose import compose, place_of
from ledger.desk import Desk
from ledger.errors import LedgerError
from ledger.founding import Founding, found
from ledger.keys import prove_possession
from ledger.log import Appended, Log, append, seen_now
from ledger.mark import read_mark
from ledger.outbox import Outbox
from ledger.record import read_record
from ledger.replay import Entry
from ledger.store.place import Address, Place
from ledger.store.store import Store
from ledger.store.tables import meta, metadata
from ledger.tlog.note import VerifierKey
from ledger.trust import read_trust
from program import Program
from server import Server

Raw = dict[str, Any]
NONCE = bytes(16)


class Clock:
    """The log's clock: a second later each time it is asked."""

    def __init__(self, now: int = 1_772_460_300) -> None:
        self.now = now

    def __call__(self) -> int:
        self.now += 1
        return self.now


def seeds() -> Callable[[int], bytes]:
    """Return what gives a founding its seeds: the log's, then the registrar's, as `keyring` makes them."""
    names = iter((ORIGIN, "registrar/1"))
    return lambda _: hashlib.sha256(next(names).encode()).digest()


class House:
    """A ledger in a folder. `log()` opens it anew each time, as a command does."""

    server: ClassVar[Server | None] = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        address = folder / "place"
        self.path: Place = Address(address.read_text(encoding="utf-8")) if address.exists() else folder / "ledger.db"
        self.keys = folder / "keys"
        self.mark = self.keys / "mark"
        self.clock = Clock()
        self.salts = Salts()
        self.desks: dict[str, Desk] = {}

    @classmethod
    def found(cls, folder: Path) -> House:
        """Make a ledger in an empty folder."""
        folder.mkdir(exist_ok=True)
        if cls.server is not None:
            (folder / "place").write_text(cls.server.address(cls.server.new_database()).text, encoding="utf-8")
        house = cls(folder)
        found(Founding(house.path, house.keys, ORIGIN, None, NONCE, TIME), clock=house.clock, seed=seeds())
        return house

    @classmethod
    def empty(cls, folder: Path) -> Store:
        """Make a store with nothing in it."""
        return Store.create(folder / "empty.db" if cls.server is None else cls.server.address(cls.server.new_database()))

    @classmethod
    def moved(cls, filed: House, folder: Path) -> House:
        """Return a ledger that was kept in a file as one where ledgers are kept now, row by row: quicker than writing it again there."""
        if cls.server is None:
            return filed.copy(folder)
        shutil.copytree(filed.folder, folder, dirs_exist_ok=True)
        (folder / "place").write_text(cls.server.address(cls.server.new_database()).text, encoding="utf-8")
        house = cls(folder)
        with Store(filed.path).reading() as old, Store.create(house.path).writing() as new:
            for table in metadata.sorted_tables:
                rows = [dict(row._mapping) for row in old.connection.execute(table.select())]
                if table is meta:
                    new.connection.execute(table.delete())
                if rows:
                    new.connection.execute(table.insert(), rows)
        return house

    def copy(self, folder: Path) -> House:
        """Return a copy of everything in another folder."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        self.kept.like(folder)
        house = House(folder)
        house.clock.now, house.salts.count = self.clock.now, self.salts.count
        return house

    @property
    def kept(self) -> Kept:
        """The ledger's place, with a foreign hand's means."""
        if isinstance(self.path, Path):
            return InFile(self.path)
        assert self.server is not None
        return OnServer(self.server, self.path.text.partition("@/")[2].partition("?")[0])

    @property
    def on_server(self) -> bool:
        """Whether it is kept on a server."""
        return not isinstance(self.path, Path)

    def words(self, statement: str) -> str:
        """Return a statement that is written for SQLite as this ledger's database reads it."""
        return translated(statement) if self.on_server else statement

    def put_back(self, older: House, *, mark: bool = False) -> None:
        """Put an older copy of the ledger in the place of this one, also its mark if asked for."""
        self.kept.put_back(older.kept)
        if mark:
            shutil.copy(older.mark, self.mark)

    def log(self, *, busy_seconds: float = 1) -> Log:
        """Open the log."""
        return Log(Store.open(self.path, busy_seconds=busy_seconds), signer(ORIGIN), self.mark, self.clock)

    def desk(self, key: str) -> Desk:
        """Return the desk of a key."""
        if key not in self.desks:
            outbox = Outbox(self.folder / f"{key.replace('/', '-')}.key")
            self.desks[key] = Desk(signer(key), outbox, lambda: TIME, self.salts)
        return self.desks[key]

    def write(self, key: str, *raws: Raw) -> Appended:
        """Sign events as one record and append it."""
        return self.desk(key).write(self.log(), [raws])

    def admit(self, party: str, *, sites: dict[str, str] | None = None, country: str = "US") -> None:
        """Admit a party with its key party/1 and register its sites (name → country)."""
        self.write("registrar/1", admission(party, country=country))
        for site, where in (sites or {"works": country}).items():
            self.write(f"{party}/1", registration(party, site, where))

    def entries(self) -> list[Entry]:
        """Return what is stored of every entry."""
        store = Store(self.path)
        with store.reading() as view:
            return list(store.entries(view))

    def audit(self, **held: Any) -> Audit:
        """Audit the ledger with its mark and its own trust file."""
        held.setdefault("trust", read_trust((self.keys / "trust").read_bytes(), file="trust"))
        try:
            held["mark"] = read_mark(self.mark)
        except LedgerError as refusal:
            held["mark_problem"] = str(refusal)
        return audit(Store(self.path), Held(mark_place=str(self.mark), **held))

    def sql(self, *statements: str, values: tuple[object, ...] = ()) -> None:
        """Do to the ledger what the program never would: the triggers are taken away and put back, as a foreign hand would."""
        self.kept.sql(statements, values)

    def files(self) -> dict[str, bytes]:
        """Return every file with its bytes, and what is stored where that is no file."""
        found = {str(path.relative_to(self.folder)): path.read_bytes() for path in sorted(self.folder.rglob("*")) if path.is_file()}
        return found if isinstance(self.path, Path) else found | {"ledger": self.kept.content()}

    @property
    def log_keys(self) -> list[VerifierKey]:
        """The log's keys as they are known from elsewhere."""
        return [signer(ORIGIN).vkey]


def admission(party: str, *, country: str = "US") -> Raw:
    """Return the event that admits a party."""
    key = signer(f"{party}/1")
    facts = {"id": party, "name": party.title(), "country": country}
    return {"type": "admit", "time": TIME, "party": facts, "key": key.vkey.format(), "proof": prove_possession(key, ORIGIN)}


def registration(party: str, site: str, country: str) -> Raw:
    """Return the event that registers a site."""
    return {"type": "site", "time": TIME, "site": {"id": f"{party}:{site}", "party": party, "name": site, "country": country}}


def enrolment(party: str, name: str) -> Raw:
    """Return the event that enrols another key for records."""
    key = signer(f"{party}/{name}")
    proof = prove_possession(key, ORIGIN)
    return {"type": "enrol", "time": TIME, "party": party, "key": key.vkey.format(), "proof": proof, "scopes": ["record"]}


def receipt(batch: str, mass: str = "1000", **more: Any) -> Raw:
    """Return the receipt of a batch of paste, in kilograms."""
    party = batch.split(":", maxsplit=1)[0]
    event: Raw = {
        "type": "receive",
        "time": TIME,
        "site": f"{party}:works",
        "batch": batch,
        "material": "battery_paste",
        "mass": {"value": mass, "unit": "kg"},
        "assay": {"Pb": {"value": "75", "unit": "%"}},
        "feedstock": "end_of_life",
        "places": {"collected_in": "US"},
    }
    return event | more


def disposal(batch: str, mass: str | None = None, **more: Any) -> Raw:
    """Return the disposal of a batch, or of a mass in kilograms of it."""
    party = batch.split(":", maxsplit=1)[0]
    event: Raw = {"type": "dispose", "time": TIME, "site": f"{party}:works", "batch": batch, "reason": "landfill"}
    return event | ({} if mass is None else {"mass": {"value": mass, "unit": "kg"}}) | more


def draft(house: House, key: str, *raws: Raw) -> bytes:
    """Return a signed record that the ledger would take, without sending it."""
    log = house.log()
    with log.store.reading() as view:
        place = place_of(view, key, seen=seen_now(view))
        composed = compose(view, raws, key=key, place=place, made=TIME, salt=house.salts)
    return sign(composed.header, composed.events, signer(key)).note


def send(house: House, *notes: bytes) -> Appended:
    """Append signed records, as `submit` does."""
    return append(house.log(), lambda _: notes)


def stored(books: Books, folder: Path) -> House:
    """Put the records of a ledger in memory into a store, and return it."""
    house = House.found(folder)
    Store(house.path).database.remove()
    house.mark.unlink()
    Store.create(house.path)
    append(house.log(), lambda _: [books.records[0].note], begin=True)
    append(house.log(), lambda _: [record.note for record in books.records[1:]])
    return house


def played(folder: Path, *, seed: int = 7, steps: int = 90) -> House:
    """Return a ledger in which two plants have worked for a while, with corrections, kettles and stock-takes."""
    numbers = random.Random(seed)
    program = Program()
    program.run([(numbers.randrange(999), numbers.randrange(999), numbers.randrange(999)) for _ in range(steps)])
    house = House.found(folder)
    house.admit("yard", sites={"gate": "US", "shed": "US"})
    house.admit("works", sites={"hall": "MX"}, country="MX")
    for key, raw in program.done:
        house.write(key, raw)
    return house


def offline(house: House, *raws: Raw, key: str = "keystone/1") -> list[Any]:
    """Sign events, one record each, as without a connection."""
    return house.desk(key).sign([[raw] for raw in raws], ledger_id=read_record(house.entries()[0][1]).id)


def waiting(house: House, key: str = "keystone/1") -> list[int]:
    """Return the seqs that wait in a key's outbox."""
    return [one.seq for one in house.desk(key).outbox.waiting()]


def beside(house: House) -> dict[str, bytes]:
    """Return the bytes of ledger and keys, without the outboxes."""
    return {name: data for name, data in house.files().items() if "outbox" not in name}
