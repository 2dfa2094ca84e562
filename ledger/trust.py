"""The trust file: what a verifier pins, handed over out of band (SPEC.md, "Trust file").

Nothing inside a certificate, an export or an evidence file is ever taken as trust.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ledger.errors import FormatError
from ledger.tlog.checkpoint import check_origin
from ledger.tlog.note import VerifierKey, parse_vkey

FORMAT = "plumbline/trust/v1"
_LEDGER = re.compile(r"\A[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Trust:
    """A ledger id in hex, the log's name and keys, and the keys of auditors. The quorum is "none" until witnesses are configured."""

    ledger: str
    origin: str
    log: tuple[VerifierKey, ...]
    quorum: str = "none"
    auditors: tuple[VerifierKey, ...] = ()

    def text(self) -> str:
        """Return the file's text."""
        lines = [FORMAT, f"ledger {self.ledger}", f"origin {self.origin}"]
        lines += [f"log {key.format()}" for key in self.log]
        lines += [f"quorum {self.quorum}"]
        lines += [f"auditor {key.format()}" for key in self.auditors]
        return "\n".join(lines) + "\n"


def read_trust(data: bytes, *, file: str) -> Trust:
    """Read a trust file.

    Raises:
        FormatError: It is none; the message names the line.
    """
    try:
        lines = data.decode().split("\n")
    except UnicodeDecodeError as error:
        raise FormatError("is not UTF-8 text", file=file) from error
    if lines[0] != FORMAT:
        raise FormatError(f"is no trust file: it begins with {lines[0][:40]!r}, want {FORMAT!r}", file=file, line=1)
    facts: dict[str, list[str]] = {"ledger": [], "origin": [], "log": [], "quorum": [], "auditor": []}
    for number, line in enumerate(lines[1:], start=2):
        word, _, rest = line.partition(" ")
        if not line or line.startswith("#"):
            continue
        if word in ("witness", "group"):
            raise FormatError(f"{word} lines need a program that checks witnesses; this version knows quorum none", file=file, line=number)
        if word not in facts or not rest:
            raise FormatError(f"{line[:60]!r} is no line of a trust file", file=file, line=number)
        facts[word].append(rest)
    return _trust(facts, file=file)


def _trust(facts: dict[str, list[str]], *, file: str) -> Trust:
    for word in ("ledger", "origin", "quorum"):
        if len(facts[word]) != 1:
            raise FormatError(f"has {len(facts[word])} {word} lines, want 1", file=file)
    if not _LEDGER.match(facts["ledger"][0]):
        raise FormatError(f"the ledger id {facts['ledger'][0][:70]!r} is not 64 lower-case hex digits", file=file)
    if facts["quorum"][0] != "none":
        raise FormatError(f"quorum {facts['quorum'][0][:40]!r} names a group that the file does not define", file=file)
    origin = facts["origin"][0]
    try:
        check_origin(origin)
        log, auditors = (tuple(parse_vkey(text) for text in facts[word]) for word in ("log", "auditor"))
    except FormatError as refusal:
        raise refusal.at(file=file) from refusal
    if not log:
        raise FormatError("has no log line", file=file)
    for key in log:
        if key.name != origin:
            raise FormatError(f"log key {key.name} is not named for the origin {origin}", file=file)
    return Trust(facts["ledger"][0], origin, log, "none", auditors)
