"""The trust file: what a verifier pins, handed over out of band (SPEC.md, "Trust file").

Nothing inside a certificate, an export or an evidence file is ever taken as trust.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ledger.errors import FormatError, SignatureError
from ledger.keys import check_public_key
from ledger.tlog.checkpoint import check_origin
from ledger.tlog.note import Algorithm, VerifierKey, parse_vkey
from ledger.tlog.quorum import WitnessPolicy, lint, parse_policy

FORMAT = "plumbline/trust/v1"
_LEDGER = re.compile(r"\A[0-9a-f]{64}\Z")
_POLICY = ("witness", "group", "quorum")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Trust:
    """A ledger id in hex, the log's name and keys, the witnesses whose quorum is asked for, and the keys of auditors."""

    ledger: str
    origin: str
    log: tuple[VerifierKey, ...]
    policy: WitnessPolicy = field(default_factory=WitnessPolicy)
    auditors: tuple[VerifierKey, ...] = ()

    @property
    def quorum(self) -> str:
        """The name of the witness or group that is asked for, or "none"."""
        return self.policy.quorum

    def text(self) -> str:
        """Return the file's text."""
        lines = [FORMAT, f"ledger {self.ledger}", f"origin {self.origin}"]
        lines += [f"log {key.format()}" for key in self.log]
        lines += self.policy.lines()
        lines += [f"auditor {key.format()}" for key in self.auditors]
        return "\n".join(lines) + "\n"


def read_trust(data: bytes, *, file: str, allow_weak_policy: bool = False) -> Trust:
    """Read a trust file.

    Args:
        data: Its bytes.
        file: Its name, for messages.
        allow_weak_policy: Take a quorum that two halves of the witnesses could both reach.

    Raises:
        FormatError: It is none; the message names the line.
        QuorumError: Its quorum is too weak.
    """
    try:
        lines = data.decode().split("\n")
    except UnicodeDecodeError as error:
        raise FormatError("is not UTF-8 text", file=file) from error
    if lines[0] != FORMAT:
        raise FormatError(f"is no trust file: it begins with {lines[0][:40]!r}, want {FORMAT!r}", file=file, line=1)
    facts: dict[str, list[str]] = {"ledger": [], "origin": [], "log": [], "auditor": []}
    policy: list[tuple[int, str]] = []
    for number, line in enumerate(lines[1:], start=2):
        if _CONTROL.search(line):
            raise FormatError("holds a control character", file=file, line=number)
        word, _, rest = line.partition(" ")
        if not line or line.startswith("#"):
            continue
        if (word not in facts and word not in _POLICY) or not rest.strip():
            raise FormatError(f"{line[:60]!r} is no line of a trust file", file=file, line=number)
        if word in _POLICY:
            policy.append((number, line))
        else:
            facts[word].append(rest)
    try:
        trust = _trust(facts, parse_policy(policy))
    except FormatError as refusal:
        raise refusal.at(file=file) from refusal
    if not allow_weak_policy:
        lint(trust.policy)
    return trust


def _trust(facts: dict[str, list[str]], policy: WitnessPolicy) -> Trust:
    for word in ("ledger", "origin"):
        if len(facts[word]) != 1:
            raise FormatError(f"has {len(facts[word])} {word} lines, want 1")
    if not _LEDGER.match(facts["ledger"][0]):
        raise FormatError(f"the ledger id {facts['ledger'][0][:70]!r} is not 64 lower-case hex digits")
    origin = facts["origin"][0]
    check_origin(origin)
    log = tuple(_log_key(text) for text in facts["log"])
    auditors = tuple(parse_vkey(text) for text in facts["auditor"])
    if not log:
        raise FormatError("has no log line")
    trust = Trust(facts["ledger"][0], origin, log, policy, auditors)
    _check_keys(trust)
    return trust


def _check_keys(trust: Trust) -> None:
    """Refuse keys that may not be used, are of another kind than their line says, or would count twice."""
    for key in (*trust.log, *trust.auditors, *(witness.key for witness in trust.policy.witnesses)):
        _check_key(key)
    for key in (*trust.log, *trust.auditors):
        if key.algorithm is not Algorithm.ED25519:
            raise FormatError(f"the key of {key.name} has algorithm {key.algorithm:#04x}; that of a log or an auditor has 0x01")
    for key in trust.log:
        if key.name != trust.origin:
            raise FormatError(f"log key {key.name} is not named for the origin {trust.origin}")
    own = {key.public_key for key in trust.log}
    if len(own) < len(trust.log):
        raise FormatError("has two log lines with one public key")
    twice = next((witness.name for witness in trust.policy.witnesses if witness.key.public_key in own), None)
    if twice is not None:
        raise FormatError(f"witness {twice} has the log's own key; a log does not witness itself")


def _log_key(text: str) -> VerifierKey:
    """Read a log line of a policy: the key, and perhaps a URL, which is nobody's proof of anything."""
    words = text.split(" ")
    if len(words) > 2 or not words[-1]:  # noqa: PLR2004 - a key and a URL
        raise FormatError("a log line is: log VKEY, and perhaps a URL")
    return parse_vkey(words[0])


def _check_key(key: VerifierKey) -> None:
    """Refuse a key that no signature may be verified with, before anything rests on it; the verifier refuses it once more."""
    if key.algorithm is Algorithm.MLDSA_COSIGNATURE:
        return
    try:
        check_public_key(key.public_key)
    except SignatureError as refusal:
        raise FormatError(f"{key.name}: {refusal}") from refusal
