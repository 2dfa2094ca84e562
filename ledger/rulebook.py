"""The rules that this program carries, read from data files.

A certificate names each rule that it was judged by with its version and the SHA-256 of the canonical JSON of its file, so that a reader
can see that the rule was the same.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files

from pydantic import ValidationError

from ledger.errors import FormatError, UnknownError
from ledger.tlog import canonical
from schemas.rule import Kind, Rule

_DEFAULTS: dict[Kind, tuple[str, ...]] = {
    "recycled-content": ("iso14021.rc_pb", "ftc.260_13.qualified", "eu.2023_1542.art8_2_pb"),
    "domestic-origin": ("usmca.wo.pb", "ftc.musa_323", "ntib.origin", "cn.mofcom46.sb"),
}


def load(rule_id: str) -> Rule:
    """Return a rule by its id.

    Raises:
        UnknownError: There is no such rule.
    """
    return _entry(rule_id)[0]


def digest(rule: Rule) -> str:
    """Return the SHA-256, in hex, of the canonical JSON of a rule's file.

    Raises:
        UnknownError: There is no such rule.
    """
    return _entry(rule.id)[1]


def all_rules() -> tuple[Rule, ...]:
    """Return every rule, sorted by id."""
    return tuple(rule for rule, _ in _book().values())


def for_kind(kind: Kind) -> tuple[Rule, ...]:
    """Return the rules that a kind of certificate is judged by when none is named."""
    return tuple(load(rule_id) for rule_id in _DEFAULTS[kind])


def read_rule(data: bytes, *, file: str) -> tuple[Rule, str]:
    """Read one rule file; return the rule with the SHA-256 of its canonical JSON.

    Raises:
        EncodingError: The bytes are not JSON of the canonical domain.
        FormatError: They are no rule, or not the one that the file is named for.
    """
    value = canonical.parse(data, what=file)
    try:
        rule = Rule.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise FormatError(first["msg"], file=file, field=".".join(str(part) for part in first["loc"]) or None) from None
    if f"{rule.id}.json" != file:
        raise FormatError(f"holds the rule {rule.id}", file=file, field="id")
    return rule, sha256(canonical.encode(value)).hexdigest()


def _entry(rule_id: str) -> tuple[Rule, str]:
    found = _book().get(rule_id)
    if found is None:
        raise UnknownError("rule", rule_id, hint="rules: " + " ".join(_book()))
    return found


@cache
def _book() -> dict[str, tuple[Rule, str]]:
    """Read every rule file once."""
    found = sorted(files("ledger").joinpath("data/rules").iterdir(), key=lambda file: file.name)
    entries = [read_rule(file.read_bytes(), file=file.name) for file in found if file.name.endswith(".json")]
    return {rule.id: (rule, hashed) for rule, hashed in entries}
