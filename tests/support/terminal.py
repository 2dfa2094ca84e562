"""A person at a terminal, for tests: commands run in process, as `plumbline` runs them, in a folder of their own.

`Terminal` remembers where its ledger and its keys are; `house` founds a ledger with a yard and a works.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.main import run

ORIGIN = "ledger.example/lead"
TIME = "2026-03-02T14:05:00Z"

Raw = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed with --json."""
        return json.loads(self.out)

    @property
    def error(self) -> Raw:
        """The refusal that it printed with --json."""
        found: Raw = json.loads(self.out)["error"]
        return found


class _Typed(io.TextIOWrapper):
    """Standard input that is no terminal, so that nothing asks."""

    def isatty(self) -> bool:
        return False


@contextmanager
def _surroundings(typed: bytes, variables: dict[str, str]) -> Iterator[None]:
    """Give a command its standard input, and no other settings than these."""
    kept_input, kept = sys.stdin, dict(os.environ)
    for name in [name for name in os.environ if name.startswith("PLUMBLINE_")]:
        del os.environ[name]
    os.environ.update(variables)
    sys.stdin = _Typed(io.BytesIO(typed))
    try:
        yield
    finally:
        sys.stdin = kept_input
        os.environ.clear()
        os.environ.update(kept)


def command(*arguments: object, typed: bytes = b"", **variables: str) -> Said:
    """Run a command; upper-case keywords are environment variables."""
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with _surroundings(typed, variables), redirect_stdout(out), redirect_stderr(err):
        code = run([str(argument) for argument in arguments])
    return Said(code, _written(out), _written(err))


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()


class Terminal:
    """A folder with a ledger, keys by their names, and files to write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "ledger.db"
        self.keys: dict[str, Path] = {}

    def run(self, *arguments: object, typed: bytes = b"", **variables: str) -> Said:
        """Run a command on the ledger."""
        return command(*arguments, "-L", self.path, typed=typed, **variables)

    def done(self, *arguments: object, typed: bytes = b"", **variables: str) -> Said:
        """Run a command on the ledger that must succeed."""
        said = self.run(*arguments, typed=typed, **variables)
        assert said.code == 0, (arguments, said.out, said.err)
        return said

    def init(self) -> Said:
        """Found the ledger with keys in the clear."""
        said = self.done("init", "--origin", ORIGIN, "--no-passphrase", "--json")
        self.keys["registrar/1"] = self.path.with_name("ledger.db.keys") / "registrar.key"
        return said

    def new_key(self, name: str) -> Raw:
        """Make a key and return its vkey and its proof of possession."""
        file = self.folder / f"{name.replace('/', '-')}.key"
        made: Raw = self.done("key", "new", name, "-o", file, "--no-passphrase", "--json").json
        self.keys[name] = file
        return made

    def admit(self, party: str, *, country: str = "US", sites: dict[str, str] | None = None) -> None:
        """Admit a party with its key party/1, and register its sites (name → country)."""
        key = self.new_key(f"{party}/1")
        admitted = {"id": party, "name": f"{party.title()} Inc.", "country": country}
        self.log("registrar/1", {"type": "admit", "time": TIME, "party": admitted, "key": key["vkey"], "proof": key["proof"]})
        for site, where in (sites or {"works": country}).items():
            facts = {"id": f"{party}:{site}", "party": party, "name": site, "country": where}
            self.log(f"{party}/1", {"type": "site", "time": TIME, "site": facts})

    def write(self, name: str, *events: Raw | str) -> Path:
        """Write a JSONL file; a text is a line as it stands."""
        lines = [event if isinstance(event, str) else json.dumps(event) for event in events]
        file = self.folder / name
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return file

    def log(self, key: str, *events: Raw) -> Said:
        """Log events, which must be taken; one record each."""
        return self.done("log", self.write("events.jsonl", *events), "-k", self.keys[key], "--json")

    def try_log(self, key: str, *events: Raw | str, options: tuple[str, ...] = ()) -> Said:
        """Try to log events, or lines."""
        return self.run("log", self.write("events.jsonl", *events), "-k", self.keys[key], *options)

    def show(self, batch: str) -> Raw:
        """Return what the ledger knows of a batch."""
        found: Raw = self.done("show", batch, "--json").json
        return found

    def files(self) -> dict[str, bytes]:
        """Return every file of the folder with its bytes."""
        return {str(file.relative_to(self.folder)): file.read_bytes() for file in sorted(self.folder.rglob("*")) if file.is_file()}


def truck(batch: str, mass: str = "42200", **more: Any) -> Raw:
    """Return the receipt of a truck of spent batteries."""
    facts = {"batch": batch, "material": "spent_battery", "mass": {"value": mass, "unit": "lb"}, "feedstock": "end_of_life"}
    return {
        "type": "receive",
        "time": TIME,
        "site": f"{batch.split(':', maxsplit=1)[0]}:works",
        **facts,
        "places": {"collected_in": "US"},
        **more,
    }


def lead(batch: str, mass: str = "20000", **more: Any) -> Raw:
    """Return the receipt of bought soft lead, with its paper."""
    facts = {"material": "soft_lead", "mass": {"value": mass, "unit": "kg"}, "assay": {"Pb": {"value": "99.97", "unit": "%"}}}
    return truck(batch) | facts | {"documents": [{"kind": "certificate", "sha256": "ab" * 32, "number": "A-17"}]} | more


def house(folder: Path) -> Terminal:
    """Return a terminal on a new ledger with a yard and a works, each with a site called works and the key party/1."""
    made = Terminal(folder)
    made.init()
    made.admit("yard")
    made.admit("works")
    return made
