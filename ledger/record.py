"""Records: signed notes with a header and 1 to 256 events (SPEC.md, "Record").

A record is read once from the bytes that arrived. Those bytes are kept; they are never serialised again in order to be checked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from ledger.errors import FormatError, LimitError, clipped
from ledger.tlog import canonical, note
from ledger.tlog.note import Signature, VerifierKey
from schemas.event import EVENT, Event
from schemas.record import Header

_T = TypeVar("_T")
_HEADER: TypeAdapter[Header] = TypeAdapter(Header)
_UNION_STEP = re.compile(r"[A-Za-z-]+\[.*\]|function-.*|[A-Z][a-z]{2,}[A-Za-z]*")
"""What pydantic puts into a place for a union's branch: a type or a model's name. A constituent (Pb, PVDF) is neither."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it was read: `note` are its exact bytes, `text` what is signed, `id` the SHA-256 of the text in hex."""

    note: bytes
    text: bytes
    id: str
    signature: Signature
    header: Header
    events: tuple[Event, ...]


def read_record(data: bytes) -> Record:
    """Read a record from its bytes.

    Raises:
        FormatError, EncodingError, LimitError: The bytes are no record; the message names the line and field.
    """
    text, signature = note.parse_record_note(data)
    lines = note.record_lines(text)
    header = _checked(_HEADER, lines[1], line=2)
    if signature.name != header.key:
        raise FormatError(f"the signature line is by {signature.name}, the header names {header.key}", line=2, field="key")
    events = tuple(read_event(line, line=number) for number, line in enumerate(lines[2:], start=3))
    return Record(data, text, note.record_id(text), signature, header, events)


def read_event(data: bytes, *, line: int | None = None) -> Event:
    """Read one event from canonical bytes.

    Raises:
        FormatError, EncodingError: It is none.
    """
    return _checked(EVENT, data, line=line)


def _checked(adapter: TypeAdapter[_T], data: bytes, *, line: int | None) -> _T:
    canonical.decode(data, what="record" if line is None else f"record line {line}")
    return validated(adapter, data, line=line)


def validated(adapter: TypeAdapter[_T], data: bytes, *, line: int | None = None) -> _T:
    """Check JSON bytes against a model.

    Raises:
        FormatError: They do not fit; the message names the first field that does not, and what it wants.
    """
    try:
        return adapter.validate_json(data)
    except ValidationError as error:
        raise _explained(error, line=line) from error


def read_as(wanted: Any, raw: object) -> Any:  # noqa: ANN401 - any model or annotated type of schemas, and an instance of it
    """Return a value that people gave as one of the models or types of `schemas`.

    Raises:
        FormatError, EncodingError: It does not fit.
    """
    return validated(TypeAdapter(wanted), canonical.encode(raw))


def _explained(error: ValidationError, *, line: int | None) -> FormatError:
    """Turn pydantic's report into one refusal in our words."""
    details = error.errors(include_url=False)
    # Of a union's branches the one that got furthest is the one that was meant.
    detail = max(details, key=lambda item: (item["type"] not in ("missing", "extra_forbidden"), len(item["loc"])))
    if detail["type"] == "missing":  # a name that was mistyped is missing and one too many
        detail = next((item for item in details if item["type"] == "extra_forbidden" and item["loc"][:-1] == detail["loc"][:-1]), detail)
    place = ["event" if error.title.startswith("tagged-union") else "", *(str(step) for step in detail["loc"])]
    named = [step for before, step in pairwise(place) if not (before == "event" and step in _TYPES) and not _UNION_STEP.fullmatch(step)]
    got = detail["input"] if detail["type"] != "union_tag_invalid" else detail.get("ctx", {}).get("tag")
    return FormatError(clipped(_problem(dict(detail)), got), line=line, field=".".join(named) or None)


_TYPES = frozenset(
    {
        "genesis", "policy", "admit", "site", "enrol", "retire", "revoke", "receive", "transform", "ship", "accept", "assay", "adjust",
        "dispose", "return", "determine", "certify", "declare", "withdraw", "correct", "void",
    }
)  # fmt: skip


def _problem(detail: dict[str, Any]) -> str:
    kind, context, got = detail["type"], detail.get("ctx", {}), detail["input"]
    shown = repr(got) if isinstance(got, str | int | bool) or got is None else type(got).__name__
    known: dict[str, str] = {
        "missing": "is missing",
        "extra_forbidden": "is not a field here",
        "string_type": f"must be text, got {shown}",
        "int_type": f"must be a whole number, got {shown}",
        "bool_type": f"must be true or false, got {shown}",
        "list_type": f"must be a list, got {shown}",
        "dict_type": f"must be an object, got {shown}",
        "model_type": f"must be an object, got {shown}",
        "model_attributes_type": f"must be an object, got {shown}",
        "literal_error": f"must be {context.get('expected', '')}, got {shown}",
        "union_tag_not_found": "has no type",
        "union_tag_invalid": f"{context.get('tag', '')!r} is no event type; known: {' '.join(_known(context))}",
        "value_error": str(context.get("error", "")),
    }
    return known.get(kind, f"{str(detail['msg']).lower()}, got {shown}")


def _known(context: dict[str, Any]) -> list[str]:
    return sorted(re.findall("'([a-z-]+)'", context.get("expected_tags", "")))


def write_record(header: Header, events: Sequence[Event], *, key: VerifierKey, sign: Callable[[bytes], bytes]) -> Record:
    """Sign a record and return it as anybody would read it.

    Raises:
        LimitError: It would be larger than an entry may be.
        FormatError, EncodingError: An event cannot stand in a record.
    """
    text = record_text(header, events)
    data = note.format_note(text, [key.signed(sign(text))])
    if len(data) > note.MAX_RECORD_BYTES:
        raise LimitError(
            "this record",
            got=len(data),
            limit=note.MAX_RECORD_BYTES,
            unit="bytes",
            hint="write a larger transform as merges first, or put fewer events into one record",
        )
    return read_record(data)


def record_text(header: Header, events: Sequence[Event]) -> bytes:
    """Return the text that a record's key signs: format line, header, one event a line."""
    lines = [note.RECORD_FORMAT.encode(), dump(header, nulls=True), *(dump(event) for event in events)]
    return b"\n".join(lines) + b"\n"


def dump(model: BaseModel, *, nulls: bool = False) -> bytes:
    """Return a model's canonical JSON. Events leave out what was not stated; a header states its nulls, except `over`."""
    if nulls:
        data = model.model_dump(mode="json", by_alias=True)
        if data.get("over") is None:
            data.pop("over", None)
    else:
        data = model.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
    return canonical.encode(data)
