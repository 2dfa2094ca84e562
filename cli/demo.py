"""The demonstration: the main job on a small ledger, every file left to look at, and a copy that is tampered with."""

from __future__ import annotations

import hashlib
import io
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Self

import click

from cli.demo_story import Raw, Story, load
from cli.output import print_json, say
from cli.session import Session, json_option, now_seconds
from ledger.errors import StoreError

ORIGIN = "demo.plumbline.example/2026-q1"
BELONGS = "made by plumbline demo"
_KEYS = {
    "keystone/scale-1": "record",
    "norte/1": "",
    "summit/furnace-1": "record",
    "voltaic/plant-1": "record",
    "voltaic/quality-1": "certify",
}


@click.command()
@click.argument("folder", metavar="[DIR]", required=False, default="plumbline-demo")
@json_option
@click.pass_context
def demo(ctx: click.Context, folder: str) -> None:
    """Play a whole quarter of five invented companies and leave every file in DIR to look at.

    Trucks of spent batteries become new ones; two certificates are issued and verified; a copy of the ledger is tampered with and audited.
    """
    with Demonstration(Path(folder), as_json=bool(ctx.obj["json"])) as shown:
        shown.found()
        shown.tell()
        shown.certify()
        shown.look()
        shown.tamper()
        shown.close()


class Demonstration:
    """One demonstration in one folder."""

    def __init__(self, folder: Path, *, as_json: bool) -> None:
        self.folder = folder
        self.as_json = as_json
        self.path = folder / "ledger.db"
        self.results: dict[str, Any] = {"folder": str(folder)}
        self.story: Story = load()

    def __enter__(self) -> Self:
        """Take the folder, or refuse one that holds something else."""
        marker = self.folder / "README.txt"
        if self.folder.exists() and not self.folder.is_dir():
            raise StoreError(f"{self.folder} is a file, no folder", hint="give an empty or a new folder")
        if self.folder.exists() and any(self.folder.iterdir()) and not (marker.exists() and BELONGS in marker.read_text()):
            raise StoreError(f"{self.folder} holds something that is not a demonstration", hint="give an empty or a new folder")
        if self.folder.exists():
            shutil.rmtree(self.folder)
        (self.folder / "keys").mkdir(parents=True)
        marker.write_text(f"{BELONGS}; deleted and made again when the demonstration runs again\n")
        return self

    def __exit__(self, *_: object) -> None:
        """Leave everything where it is."""

    def say(self, text: str = "", *, style: str | None = None) -> None:
        """Tell a line of the story."""
        if not self.as_json:
            say(text, style=style)

    def wrapped(self, text: str) -> None:
        """Tell a paragraph."""
        import textwrap  # noqa: PLC0415 - loaded when needed

        for line in textwrap.wrap(text, 96):
            self.say(f"  {line}")

    def session(self, key: str = "") -> Session:
        """Return a command's session on the demonstration's ledger."""
        return Session({"ledger": str(self.path), "key": str(self.key_file(key)) if key else None, "json": self.as_json})

    def key_file(self, key: str) -> Path:
        """Return where a key lies."""
        if key == "registrar/1":
            return self.path.with_name("ledger.db.keys") / "registrar.key"
        return self.folder / "keys" / (key.replace("/", "-") + ".key")

    def log(self, key: str, events: list[dict[str, Any]]) -> None:
        """Log events with a key, signed at the time of the last of them."""
        session = self.session(key)
        desk = session.desk()
        times = iter([event["time"].replace("T14:00", "T14:30") for event in events])
        desk.made = lambda: next(times)
        desk.write(session.log(session.store()), [[event] for event in events])

    def found(self) -> None:
        """Make the ledger, its parties, their sites and keys."""
        import secrets  # noqa: PLC0415 - loaded when needed

        from ledger.founding import Founding, found  # noqa: PLC0415 - loaded when needed
        from ledger.keys import generate, prove_possession, write_key_file  # noqa: PLC0415 - loaded when needed

        self.say("PLUMBLINE: a quarter of five invented companies, January to March 2026", style="green")
        self.say()
        keys = self.path.with_name("ledger.db.keys")
        facts = Founding(self.path, keys, ORIGIN, None, nonce=secrets.token_bytes(16), made="2026-01-02T08:00:00Z")
        made = found(facts, clock=now_seconds, seed=secrets.token_bytes)
        self.results["ledger"] = made.ledger_id
        admitted, sited = [], {}
        day = "2026-01-02T14:00:00Z"
        for company in self.story.parties:
            party = company["id"]
            key = generate(f"{party}/1", seed=secrets.token_bytes(32))
            write_key_file(self.key_file(key.name), key, None)
            admitted.append(
                {
                    "type": "admit",
                    "time": day,
                    "party": {"id": party, "name": company["name"], "country": company["country"], "roles": [company["role"]]},
                    "key": key.vkey.format(),
                    "proof": prove_possession(key, ORIGIN),
                }
            )
            sited[party] = [_site(facts) for facts in self.story.sites if facts["id"].startswith(f"{party}:")]
        self.log("registrar/1", admitted)
        for name, scope in _KEYS.items():
            if not scope:
                continue
            key = generate(name, seed=secrets.token_bytes(32))
            write_key_file(self.key_file(name), key, None)
            party = name.split("/")[0]
            proof = prove_possession(key, ORIGIN)
            sited[party].append({"type": "enrol", "time": day, "party": party, "key": key.vkey.format(), "proof": proof, "scopes": [scope]})
        for party, events in sited.items():
            if events:
                self.log(f"{party}/1", events)
        names = ", ".join(company["name"] for company in self.story.parties[:-1])
        self.wrapped(
            f"The registrar admits {names} and the auditor {self.story.parties[-1]['name']}. Each has keys of its own; "
            "nobody can sign for another."
        )
        self.say()

    def tell(self) -> None:
        """Log the quarter in the order of its days, then tell it by chapters."""
        told = self.story.chapters
        days = sorted(
            (event["time"], number, key, event) for number, (key, event) in enumerate(event for chapter in told for event in chapter.events)
        )
        waiting: list[dict[str, Any]] = []
        signer = ""
        for _, _, key, event in days:
            if waiting and key != signer:
                self.log(signer, waiting)
                waiting = []
            signer = key
            waiting.append(event)
        self.log(signer, waiting)
        for chapter in told:
            self.say(f"{chapter.title}  ({len(chapter.events)} records)", style="cyan")
            self.wrapped(chapter.text)
            self.say()
        self.results["events"] = len(days)

    def certify(self) -> None:
        """Issue both certificates over the customer's lot, then deliver it."""
        from cli.certify import issue  # noqa: PLC0415 - loaded when needed

        session = Session({"ledger": str(self.path), "key": str(self.key_file("voltaic/quality-1")), "json": False})
        signer = session.signer(self.key_file("voltaic/quality-1"))
        self.say("Two certificates", style="cyan")
        for kind, file in (
            ("recycled-content", "certificate-recycled-content.pdf"),
            ("domestic-origin", "certificate-domestic-origin.pdf"),
        ):
            wish = {
                "kind": kind,
                "batches": ["voltaic:LOT-4711"],
                "to": self.story.customer,
                "order": "PO 88-20417",
                "period": "2026-01-01/2026-03-31",
                "condition": "wet",
            }
            with _kept_back(words=self.as_json):
                number = issue(session, signer, wish, self.folder / file, made="2026-03-31T15:00:00Z")
            self.results[kind] = number
        lot = {"type": "ship", "time": "2026-03-31T16:00:00Z", "site": "voltaic:dayton", "batch": "voltaic:LOT-4711"}
        self.log("voltaic/plant-1", [{**lot, "to": {"outside": self.story.customer, "country": "DK"}}])
        self.say()

    def look(self) -> None:
        """Verify both certificates, draw the trace, audit the ledger, and leave the reports."""
        from cli.audit import _write_report  # noqa: PLC0415 - loaded when needed
        from cli.picture import svg_picture  # noqa: PLC0415 - loaded when needed
        from ledger.files import replace_file  # noqa: PLC0415 - loaded when needed
        from ledger.lineage import trace  # noqa: PLC0415 - loaded when needed

        store = self.session().store()
        with store.reading() as view:
            back = trace(view, "voltaic:LOT-4711", "back")
            picture = svg_picture(view, back, "Pb", title="Where the lead in voltaic:LOT-4711 came from")
        replace_file(self.folder / "trace-LOT-4711.svg", picture.encode())
        trucks = sum(1 for row in back.batches if row["material"] == "spent_battery" and row["kind"] == "receive")
        self.say(f"The lot goes back over {len(back.edges)} draws to {trucks} trucks: trace-LOT-4711.svg")
        self.results["trace"] = {"batches": len(back.batches), "edges": len(back.edges), "trucks": trucks}
        shutil.copy(self.path.with_name("ledger.db.keys") / "trust", self.folder / "trust")
        for kind in ("recycled-content", "domestic-origin"):
            line, holds = self.verified(self.folder / f"certificate-{kind}.pdf")
            self.say(f"verify certificate-{kind}.pdf   {line}", style="green" if holds else "red")
            self.results[f"{kind} holds"] = holds
        found = self.audited(self.path)
        _write_report(found, self.folder / "audit-report.pdf")
        flags = sum(finding.severity == "flag" for finding in found.findings)
        self.say(
            f"audit   {'HOLDS' if found.holds else 'DOES NOT HOLD'}: {found.size} records, {flags} flags to look at: audit-report.pdf",
            style="green",
        )
        self.results["audit"] = {"holds": found.holds, "size": found.size, "root": found.root}
        self.say()

    def verified(self, file: Path) -> tuple[str, bool]:
        """Verify a certificate as its reader does: from the PDF and the trust file, without the ledger."""
        from ledger.evidence.format import lines_of, read_evidence  # noqa: PLC0415 - loaded when needed
        from ledger.evidence.verification import verify_evidence  # noqa: PLC0415 - loaded when needed
        from ledger.trust import read_trust  # noqa: PLC0415 - loaded when needed
        from reports.attachment import read_attached  # noqa: PLC0415 - loaded when needed

        trust = read_trust((self.folder / "trust").read_bytes(), file="trust")
        credential, evidence = read_attached(file.read_bytes())
        found = verify_evidence(read_evidence(lines_of(evidence or b"")), credential=credential, trust=trust)
        return found.line, found.holds

    def audited(self, path: Path) -> Any:  # noqa: ANN401 - an Audit, loaded when needed
        """Audit a ledger with the mark and the trust file of the demonstration."""
        from ledger.audit import Held, audit  # noqa: PLC0415 - loaded when needed
        from ledger.mark import read_mark  # noqa: PLC0415 - loaded when needed
        from ledger.store.store import Store  # noqa: PLC0415 - loaded when needed
        from ledger.trust import read_trust  # noqa: PLC0415 - loaded when needed

        mark = self.path.with_name("ledger.db.keys") / "mark"
        trust = read_trust((self.folder / "trust").read_bytes(), file="trust")
        return audit(Store.open(path), Held(mark=read_mark(mark), mark_place=str(mark), trust=trust))

    def tamper(self) -> None:
        """Change one truck's country in a copy, as somebody with the database in hands could, and audit the copy."""
        copy = self.folder / "tampered-copy.db"
        shutil.copy(self.path, copy)
        with closing(sqlite3.connect(copy)) as database:
            index, data = next(
                (index, bytes(data))
                for index, data in database.execute("SELECT idx, record FROM entry ORDER BY idx")
                if b'"collected_in":"MX"' in bytes(data)
            )
            forged = data.replace(b'"collected_in":"MX"', b'"collected_in":"US"')
            database.execute("DROP TRIGGER entry_is_append_only_update")
            leaf = hashlib.sha256(b"\x00" + forged).digest()
            database.execute("UPDATE entry SET record = ?, leaf = ? WHERE idx = ?", (forged, leaf, index))
            database.commit()
        found = self.audited(copy)
        self.say("Then somebody makes a Mexican truck American in a copy of the ledger, and mends its hash too:", style="cyan")
        for finding in [finding for finding in found.findings if finding.severity == "broken"][:4]:
            where = "the store" if finding.index is None else f"record {finding.index}"
            self.say(f"  BROKEN  {where}  {finding.code}: {_short(finding.message)}")
        self.say(f"audit tampered-copy.db   DOES NOT HOLD, first bad record {found.first_bad}", style="red")
        self.results["tampered"] = {"holds": found.holds, "first_bad": found.first_bad, "changed": index}
        self.say()

    def close(self) -> None:
        """Say what lies where."""
        if self.as_json:
            print_json(self.results)
            return
        self.say(f"Everything is in {self.folder}: the ledger, keys, two certificates, the trace, the audit report, and the tampered copy.")
        self.say("Look further:")
        at = f"-L {self.path}"
        for command in (
            f"plumbline show voltaic:LOT-4711 {at}",
            f"plumbline trace voltaic:LOT-4711 {at}",
            f"plumbline balance {at}",
            f"plumbline verify {self.folder}/certificate-recycled-content.pdf --trust {self.folder}/trust",
            f"plumbline audit -L {self.folder}/tampered-copy.db --trust {self.folder}/trust",
        ):
            self.say(f"  {command}")
        self.say("The ledger proves statements, not metal: what was signed, that it adds up, and that nobody changed it since.")


def _site(told: Raw) -> Raw:
    """Return the event that registers a site of the story."""
    facts = {name: told[name] for name in ("id", "name", "country", "subdivision")}
    facts |= {
        "party": told["id"].split(":")[0],
        "roles": [told["role"]],
        "capacity": {"value": told["capacity_t"], "unit": "t", "per": "year"},
    }
    return {"type": "site", "time": "2026-01-02T14:00:00Z", "site": facts}


def _short(text: str) -> str:
    return text if len(text) <= 110 else text[:107] + "..."  # noqa: PLR2004 - a line


@contextmanager
def _kept_back(*, words: bool) -> Iterator[None]:
    """Keep a command's hints back, and where the demonstration prints JSON its words too."""
    with redirect_stderr(io.StringIO()), redirect_stdout(io.StringIO()) if words else nullcontext():
        yield
