"""Whose cosignatures make a checkpoint everybody's: witnesses, groups and the quorum (c2sp.org/tlog-policy).

    witness <name> <vkey> [<url>]
    group <name> <k, any or all> <name> …
    quorum <name or none>

The quorum names a witness, or a group whose members are organisations: a member that is a group holds one organisation's keys. Two
quorums of k out of n organisations share one when 2k > n, and an honest one among those they share never cosigns both sides of a fork. So
a policy is safe as long as no more than 2k − n − 1 organisations lie.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ledger.errors import FormatError, LedgerError, QuorumError
from ledger.tlog.checkpoint import verify_cosignatures
from ledger.tlog.note import Algorithm, Note, VerifierKey, parse_vkey, shown

NONE: Final = "none"
MAX_WITNESSES: Final = 60
"""A note has at most 64 signature lines, of which two are the log's."""
MAX_GROUPS: Final = 128

_COSIGNERS: Final = frozenset({Algorithm.COSIGNATURE, Algorithm.MLDSA_COSIGNATURE})
_COUNT: Final = re.compile(r"[1-9][0-9]{0,2}")

Verify = Callable[[bytes, bytes, bytes], None]


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness as a policy names it, and where it is asked for cosignatures."""

    name: str
    key: VerifierKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A group has witnessed what at least `threshold` of its members have."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WitnessPolicy:
    """Witnesses, groups, and the name of the one whose word counts; "none" where nobody is asked."""

    witnesses: tuple[Witness, ...] = ()
    groups: tuple[Group, ...] = ()
    quorum: str = NONE

    @property
    def asked(self) -> bool:
        """Whether a quorum is asked for."""
        return self.quorum != NONE

    @property
    def organisations(self) -> tuple[int, int]:
        """Return how many organisations are asked for, of how many."""
        group = self._group(self.quorum)
        if group is None:
            return (1, 1) if self.asked else (0, 0)
        return group.threshold, len(group.members)

    @property
    def safe_against(self) -> int:
        """Return how many organisations may lie before two histories could both reach the quorum."""
        k, n = self.organisations
        return 2 * k - n - 1

    def _group(self, name: str) -> Group | None:
        return next((group for group in self.groups if group.name == name), None)

    def witnessed(self, name: str, by: Mapping[str, int]) -> bool:
        """Say whether a witness or group has witnessed what these witnesses have cosigned."""
        group = self._group(name)
        return name in by if group is None else sum(self.witnessed(member, by) for member in group.members) >= group.threshold

    def members(self) -> tuple[str, ...]:
        """Return the organisations of the quorum by name."""
        group = self._group(self.quorum)
        return (self.quorum,) if group is None else group.members

    def lines(self) -> list[str]:
        """Return the lines of a policy."""
        found = [f"witness {one.name} {one.key.format()}{f' {one.url}' if one.url else ''}" for one in self.witnesses]
        found += [f"group {one.name} {one.threshold} {' '.join(one.members)}" for one in self.groups]
        return [*found, f"quorum {self.quorum}"]


@dataclass(frozen=True, slots=True)
class Witnessed:
    """Who cosigned a checkpoint, counted by organisation; `times` are those of counted witnesses, in seconds since 1970."""

    asked: bool
    reached: bool
    organisations: int = 0
    threshold: int = 0
    of: int = 0
    safe_against: int = 0
    times: Mapping[str, int] = field(default_factory=dict)

    @property
    def line(self) -> str:
        """Return it in words."""
        if not self.asked:
            return "UNWITNESSED (no quorum asked)"
        if not self.reached:
            return f"QUORUM NOT REACHED ({self.organisations} of {self.of} organisations, {self.threshold} asked)"
        weak = "two histories could both have reached it"
        safe = f"safe against {self.safe_against} dishonest" if self.safe_against >= 0 else weak
        return f"WITNESSED by {self.organisations} of {self.of} organisations ({self.threshold} asked; {safe})"


def parse_policy(lines: Iterable[tuple[int, str]]) -> WitnessPolicy:
    """Read the lines of a policy.

    Args:
        lines: Number and text of each `witness`, `group` and `quorum` line, in their order.

    Raises:
        FormatError: One is wrong; the error names it.
    """
    reading = _Reading()
    for number, line in lines:
        try:
            reading.take(line.split(" "))
        except FormatError as refusal:
            raise refusal.at(line=number) from refusal
    if reading.quorum is None:
        raise FormatError("has 0 quorum lines, want 1", hint="the line `quorum none` asks no witness")
    return WitnessPolicy(tuple(reading.witnesses), tuple(reading.groups), reading.quorum)


@dataclass(slots=True)
class _Reading:
    witnesses: list[Witness] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)
    quorum: str | None = None

    def take(self, words: list[str]) -> None:
        word, *rest = words
        if not all(rest):
            raise FormatError("the words of a line stand one space apart, and none behind the last")
        if word == "witness":
            self._witness(rest)
        elif word == "group":
            self._group(rest)
        elif self.quorum is not None:
            raise FormatError("has 2 quorum lines, want 1")
        elif len(rest) != 1 or (rest[0] != NONE and rest[0] not in self.names):
            raise FormatError(f"quorum {shown(' '.join(rest))} names no witness or group of a line before it")
        else:
            self.quorum = rest[0]

    def _name(self, name: str) -> None:
        if name == NONE or name in self.names:
            raise FormatError(f"the name {shown(name)} is taken; witnesses and groups have a name each, and none is nobody's")
        self.names.add(name)

    def _witness(self, rest: list[str]) -> None:
        if len(rest) not in (2, 3):
            raise FormatError("a witness line is: witness NAME VKEY, and perhaps a URL")
        key = parse_vkey(rest[1])
        if key.algorithm not in _COSIGNERS:
            raise FormatError(f"witness {shown(rest[0])} has a key of algorithm {key.algorithm:#04x}, a cosigner's is 0x04 or 0x06")
        if any(other.key.public_key == key.public_key for other in self.witnesses):
            raise FormatError(f"witness {shown(rest[0])} has the public key of another witness; one key counts once")
        self._name(rest[0])
        self.witnesses.append(Witness(rest[0], key, rest[2] if len(rest) > 2 else ""))  # noqa: PLR2004 - a URL behind name and key
        if len(self.witnesses) > MAX_WITNESSES:
            raise FormatError(f"has more than {MAX_WITNESSES} witnesses")

    def _group(self, rest: list[str]) -> None:
        if len(rest) < 3:  # noqa: PLR2004 - a name, a threshold and a member
            raise FormatError("a group line is: group NAME (K, any or all) NAME …")
        name, threshold, *members = rest
        for member in members:
            if member not in self.names:
                raise FormatError(f"group {shown(name)} has the member {shown(member)}, which no line before it defines")
            if member in self.members or members.count(member) > 1:
                raise FormatError(f"{shown(member)} is a member of two groups, or twice of one; each counts once")
        k = {"any": "1", "all": str(len(members))}.get(threshold, threshold)
        if not _COUNT.fullmatch(k) or int(k) > len(members):
            raise FormatError(f"group {shown(name)} asks for {shown(threshold)} of {len(members)} members, want 1 to {len(members)}")
        self._name(name)
        self.members |= set(members)
        self.groups.append(Group(name, int(k), tuple(members)))
        if len(self.groups) > MAX_GROUPS:
            raise FormatError(f"has more than {MAX_GROUPS} groups")


def lint(policy: WitnessPolicy) -> None:
    """Refuse a quorum that two histories could both reach with every witness honest.

    Raises:
        QuorumError: 2k is not above n.
    """
    k, n = policy.organisations
    if policy.asked and 2 * k <= n:
        raise QuorumError(
            f"the quorum asks for {k} of {n} organisations: two histories could both reach it, want more than half",
            hint="ask for more of them, or accept the risk with --allow-weak-policy",
        )


def count(policy: WitnessPolicy, note: Note, *, log_keys: Sequence[VerifierKey], verify: Verify) -> Witnessed:
    """Count the witnesses of a policy who cosigned a checkpoint.

    A line that does not verify counts for nothing, as one by a stranger. The log's own key never counts, whatever the policy says.

    Args:
        policy: The policy of a trust file.
        note: A checkpoint whose signature by the log was verified.
        log_keys: The log's keys.
        verify: Verifies one signature.
    """
    own = {key.public_key for key in log_keys}
    times: dict[str, int] = {}
    for witness in policy.witnesses:
        if witness.key.public_key in own:
            continue
        try:
            seen = verify_cosignatures(note, key=witness.key, verify=verify)
        except LedgerError:
            continue
        if seen:
            times[witness.name] = max(seen)
    k, n = policy.organisations
    reached = sum(policy.witnessed(member, times) for member in policy.members())
    return Witnessed(policy.asked, policy.asked and reached >= k, reached, k, n, policy.safe_against, times)
