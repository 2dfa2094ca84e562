"""Rule books: the rules that this program carries, and packs of somebody's own, read from data files.

A certificate names each rule that it was judged by with its version and the SHA-256 of the canonical JSON of its file, so that a reader
can see that the rule was the same. A pack is a folder of such files; a customer's specification is a rule like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

from pydantic import ValidationError

from ledger.errors import DuplicateError, EvidenceError, FormatError, LimitError, UnknownError, clipped
from ledger.tlog import canonical
from schemas.rule import Kind, Rule

MAX_RULE_BYTES = 65_531
"""The longest rule that a line of evidence holds: `rule `, its canonical JSON, and a newline in 65,537 bytes."""

_DEFAULTS: dict[Kind, tuple[str, ...]] = {
    "recycled-content": ("iso14021.rc_pb", "ftc.260_13.qualified", "eu.2023_1542.art8_2_pb"),
    "domestic-origin": ("usmca.wo.pb", "ftc.musa_323", "ntib.origin", "cn.mofcom46.sb"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule as its file has it: the rule, the canonical JSON and the SHA-256 of that in hex."""

    rule: Rule
    canonical: bytes

    @property
    def sha256(self) -> str:
        """The hash that certificates quote."""
        return sha256(self.canonical).hexdigest()


class Book:
    """Rules by their ids."""

    def __init__(self, entries: Iterable[Entry], *, own: frozenset[str] = frozenset()) -> None:
        self._entries = {entry.rule.id: entry for entry in sorted(entries, key=lambda entry: entry.rule.id)}
        self.own = own or frozenset(self._entries)

    def load(self, rule_id: str) -> Entry:
        """Return a rule by its id.

        Raises:
            UnknownError: There is no such rule.
        """
        found = self._entries.get(rule_id)
        if found is None:
            raise UnknownError(
                "rule", rule_id, where="the book of rules", hint="list them with `plumbline rules`; a pack of your own: --rule-pack DIR"
            )
        return found

    def all(self) -> tuple[Entry, ...]:
        """Return every rule, sorted by id."""
        return tuple(self._entries.values())

    def for_kind(self, kind: Kind) -> tuple[Entry, ...]:
        """Return the rules that a kind of certificate is judged by when none is named."""
        return tuple(self.load(rule_id) for rule_id in _DEFAULTS[kind])

    def with_pack(self, pack: Mapping[str, bytes]) -> Book:
        """Return this book with the rules of a pack (file name → bytes).

        Raises:
            EncodingError, FormatError: A file is no rule.
            DuplicateError: A rule has the id of one that is there.
        """
        added = [read_rule(data, file=name) for name, data in sorted(pack.items())]
        twice = next((entry.rule.id for entry in added if entry.rule.id in self._entries), None)
        if twice is not None:
            raise DuplicateError("rule", twice, hint="give a rule of your own an id of your own, such as acme.lead.recycled")
        return Book([*self._entries.values(), *added], own=self.own)

    def with_supplied(self, supplied: Iterable[Entry]) -> tuple[Book, list[str]]:
        """Return this book with rules that came with a certificate in place of its own, and what a reader must know of them.

        Raises:
            EvidenceError: One has id and version of a rule of this program, and another text.
        """
        entries, cautions = dict(self._entries), []
        for entry in supplied:
            rule, mine = entry.rule, entries.get(entry.rule.id)
            if mine is None:
                cautions.append(f"rule {rule.id} v{rule.version} is none of this program's; it came with the certificate: {rule.citation}")
            elif mine.rule.version != rule.version:
                cautions.append(f"rule {rule.id} v{rule.version} came with the certificate; this program has v{mine.rule.version}")
            elif mine.canonical != entry.canonical:
                raise EvidenceError(
                    f"rule {rule.id} v{rule.version} came with the certificate and differs from this program's of that version"
                )
            entries[rule.id] = entry
        return Book(entries.values(), own=self.own), cautions


def read_rule(data: bytes, *, file: str) -> Entry:
    """Read one rule file.

    Raises:
        EncodingError: The bytes are not JSON of the canonical domain.
        FormatError: They are no rule, or not the one that the file is named for.
    """
    entry = parse_rule(data, what=file)
    if f"{entry.rule.id}.json" != file:
        raise FormatError(f"holds the rule {entry.rule.id}", file=file, field="id")
    return entry


def parse_rule(data: bytes, *, what: str) -> Entry:
    """Read a rule from JSON.

    Raises:
        EncodingError: The bytes are not JSON of the canonical domain.
        FormatError: They are no rule.
        LimitError: The rule is longer than evidence can carry.
    """
    value = canonical.parse(data, what=what)
    written = canonical.encode(value)
    if len(written) > MAX_RULE_BYTES:
        raise LimitError(f"the rule in {what}", got=len(written), limit=MAX_RULE_BYTES, unit="bytes")
    try:
        rule = Rule.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        said = clipped(str(first["msg"]).removeprefix("Value error, "), first["input"])
        raise FormatError(said, file=what, field=".".join(str(part) for part in first["loc"] if "[" not in str(part)) or None) from None
    return Entry(rule, written)


@cache
def own() -> Book:
    """Return the book of this program, read once."""
    folder = files("ledger").joinpath("data/rules")
    return Book(read_rule(file.read_bytes(), file=file.name) for file in folder.iterdir() if file.name.endswith(".json"))
