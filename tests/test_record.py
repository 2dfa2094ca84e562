"""Records: what is not canonical, not closed or not whole is refused with its line and field."""

import json
import re

import pytest

from books import TIME, sign
from keyring import signer
from ledger.errors import EncodingError, FormatError, InputError, LimitError, UnknownVersionError
from ledger.record import read_event, read_record, write_record
from ledger.tlog import canonical, note
from schemas.record import Header

KEY = signer("keystone/1")
HEADER = Header(genesis="ab" * 32, key=KEY.name, made=TIME, prev=None, seen=None, seq=0)
EVENT_LINE = (
    b'{"batch":"keystone:A","feedstock":"end_of_life","mass":{"unit":"lb","value":"42200"},"material":"spent_battery",'
    b'"places":{"collected_in":"US"},"site":"keystone:works","time":"2026-03-02T14:05:00Z","type":"receive"}'
)
GOOD = sign(HEADER, (read_event(EVENT_LINE),), KEY)
HEADER_LINE = GOOD.text.split(b"\n")[1]


TYPES = (
    "accept adjust admit assay certify correct declare determine dispose enrol genesis policy receive retire return revoke ship site "
    "transform void withdraw"
)


def signed(*lines, name=KEY):
    """Sign lines as they are."""
    text = b"".join(line + b"\n" for line in (b"plumbline/record/v1", *lines))
    return note.format_note(text, [name.vkey.signed(name.sign(text))])


def changed(old, new):
    assert EVENT_LINE.count(old) == 1
    return signed(HEADER_LINE, EVENT_LINE.replace(old, new))


SIGNATURE = GOOD.note[len(GOOD.text) + 1 :]
BASE64 = SIGNATURE.split(b" ")[2].strip()
OTHER = note.format_note(GOOD.text, [signer("keystone/2").vkey.signed(KEY.sign(GOOD.text))])

REFUSED = {
    "nothing": (b"", FormatError, None),
    "two signature lines": (GOOD.note + SIGNATURE, FormatError, "line 6: a record has exactly one signature line, got 2"),
    "a second line by somebody else": (
        GOOD.note + signer("keystone/2").vkey.signed(b"x" * 64).line(),
        FormatError,
        "line 6: a record has exactly one signature line, got 2",
    ),
    "another name": (OTHER, FormatError, "line 2, field key: the signature line is by keystone/2, the header names keystone/1"),
    "no signature": (GOOD.text, FormatError, None),
    "base64 spelled otherwise": (
        GOOD.note.replace(BASE64, BASE64[:-1]),
        FormatError,
        f"line 5: {BASE64[:-1].decode()[:60] + '…'!a} is not base64",
    ),
    "spaces in the JSON": (
        changed(b'"lb","value"', b'"lb", "value"'),
        EncodingError,
        "record line 3: not canonical JSON from byte 68 on: RFC 8785 sorts keys and allows no other spelling or space",
    ),
    "keys out of order": (
        signed(HEADER_LINE, b'{"type":"receive","batch":"keystone:A"}'),
        EncodingError,
        "record line 3: not canonical JSON from byte 2 on: RFC 8785 sorts keys and allows no other spelling or space",
    ),
    "an unknown field": (changed(b'"places"', b'"planet":"earth","places"'), EncodingError, None),
    "an unknown field in its place": (changed(b'"site"', b'"row":"3","site"'), FormatError, "line 3, field row: is not a field here"),
    "an unknown field within": (
        changed(b'"unit":"lb"', b'"scale":"A","unit":"lb"'),
        FormatError,
        "line 3, field mass.scale: is not a field here",
    ),
    "a missing field": (changed(b'"material":"spent_battery",', b""), FormatError, "line 3, field material: is missing"),
    "a float": (
        changed(b'"42200"', b"42200.5"),
        EncodingError,
        "record line 3: the number 42200.5 is not an integer; a measured number is a string with a unit",
    ),
    "an exponent": (
        changed(b'"42200"', b"1e400"),
        EncodingError,
        "record line 3: the number 1e400 is not an integer; a measured number is a string with a unit",
    ),
    "a number for a text": (changed(b'"42200"', b"42200"), FormatError, "line 3, field mass.value: must be text, got 42200"),
    "not a number": (changed(b'"42200"', b"NaN"), EncodingError, "record line 3: NaN is not JSON"),
    "a duplicate key": (
        changed(b'"unit":"lb"', b'"unit":"lb","unit":"kg"'),
        EncodingError,
        "record line 3: the key 'unit' stands twice in one object",
    ),
    "an unknown unit": (
        changed(b'"lb"', b'"stone"'),
        FormatError,
        "line 3, field mass.unit: 'stone' is no unit of mass; use one of kg g t lb short_ton long_ton",
    ),
    "a bad figure of a constituent": (
        signed(HEADER_LINE, b'{"assay":{"Pb":{"unit":"%","value":"x"}},' + EVENT_LINE[1:]),
        FormatError,
        "line 3, field assay.Pb.value: 'x' is no plain decimal number; write digits and at most one point, such as 42200 or 62.5",
    ),
    "a mistyped field": (
        changed(b'"material"', b'"materiall"'),
        FormatError,
        "line 3, field materiall: is not a field here",
    ),
    "a bare ton": (
        changed(b'"lb"', b'"ton"'),
        FormatError,
        "line 3, field mass.unit: 'ton' is ambiguous; say short_ton (2,000 lb), long_ton (2,240 lb) or t (1,000 kg)",
    ),
    "Arabic digits": (
        changed(b'"42200"', '"٤٢٢"'.encode()),
        FormatError,
        "line 3, field mass.value: '٤٢٢' is no plain decimal number; write digits and at most one point, such as 42200 or 62.5",
    ),
    "an unknown type": (
        changed(b'"type":"receive"', b'"type":"recieve"'),
        FormatError,
        f"line 3: 'recieve' is no event type; known: {TYPES}",
    ),
    "no type": (changed(b',"type":"receive"', b""), FormatError, "line 3: has no type"),
    "a list for an event": (signed(HEADER_LINE, b"[]"), FormatError, "line 3: must be an object, got list"),
    "a text for an object": (
        changed(b'{"unit":"lb","value":"42200"}', b'"42200 lb"'),
        FormatError,
        "line 3, field mass: must be an object, got '42200 lb'",
    ),
    "a word for yes": (
        changed(b'"places"', b'"opening":"yes","places"'),
        FormatError,
        "line 3, field opening: must be true or false, got 'yes'",
    ),
    "a truth for a count": (
        changed(b'"places"', b'"pieces":true,"places"'),
        FormatError,
        "line 3, field pieces: must be a whole number, got True",
    ),
    "a text for a list": (
        changed(b'"feedstock"', b'"documents":"x","feedstock"'),
        FormatError,
        "line 3, field documents: must be a list, got 'x'",
    ),
    "a text for a map": (changed(b'{"collected_in":"US"}', b'"US"'), FormatError, "line 3, field places: must be an object, got 'US'"),
    "a day that is none": (
        changed(b"2026-03-02T", b"2026-02-30T"),
        FormatError,
        "line 3, field time: '2026-02-30T14:05:00Z' is no time that exists",
    ),
    "a time without offset": (
        changed(b"14:05:00Z", b"14:05:00"),
        FormatError,
        "line 3, field time: '2026-03-02T14:05:00' is no RFC 3339 time with an offset, such as 2026-03-02T14:05:00Z",
    ),
    "an offset of ninety minutes": (
        changed(b"14:05:00Z", b"14:05:00+00:90"),
        FormatError,
        "line 3, field time: '2026-03-02T14:05:00+00:90' is no RFC 3339 time with an offset, such as 2026-03-02T14:05:00Z",
    ),
    "a header that says more": (
        signed(HEADER_LINE.replace(b'"seq":0', b'"seq":0,"zone":"x"'), EVENT_LINE),
        FormatError,
        "line 2, field zone: is not a field here",
    ),
    "a header without its nulls": (
        signed(HEADER_LINE.replace(b',"seen":null', b""), EVENT_LINE),
        FormatError,
        "line 2, field seen: is missing",
    ),
    "a negative seq": (
        signed(HEADER_LINE.replace(b'"seq":0', b'"seq":-1'), EVENT_LINE),
        FormatError,
        "line 2, field seq: input should be greater than or equal to 0, got -1",
    ),
    "a seq beyond": (
        signed(HEADER_LINE.replace(b'"seq":0', b'"seq":9007199254740992'), EVENT_LINE),
        EncodingError,
        "record line 2: the number 9007199254740992 is beyond ±(2^53 - 1)",
    ),
    "a seq in text": (
        signed(HEADER_LINE.replace(b'"seq":0', b'"seq":"0"'), EVENT_LINE),
        FormatError,
        "line 2, field seq: must be a whole number, got '0'",
    ),
    "an id in capitals": (
        signed(HEADER_LINE.replace(b"ab" * 32, b"AB" * 32), EVENT_LINE),
        FormatError,
        f"line 2, field genesis: '{'AB' * 32}' is not 64 lower-case hex digits",
    ),
    "no event": (signed(HEADER_LINE), FormatError, "line 2: a record has a header and at least one event, got 2 lines"),
    "an empty line between": (signed(HEADER_LINE, b"", EVENT_LINE), FormatError, None),
    "too many events": (signed(HEADER_LINE, *[EVENT_LINE] * 257), LimitError, None),
    "too large": (GOOD.note + b"x" * 65_535, LimitError, f"the record has {len(GOOD.note) + 65_535} bytes, the limit is 65535"),
    "carriage returns": (GOOD.note.replace(b"\n", b"\r\n"), FormatError, "line 1: the character U+000D may not stand in a note"),
    "a line separator": (
        GOOD.note.replace(b"spent", "\u2028".encode()),
        FormatError,
        "line 3: the character U+2028 may not stand in a note",
    ),
    "trailing bytes": (GOOD.note + b"x", FormatError, None),
    "a trailing empty line": (GOOD.note + b"\n", FormatError, None),
    "a later format": (
        GOOD.note.replace(b"record/v1", b"record/v2"),
        UnknownVersionError,
        "the record format is 'plumbline/record/v2', this program knows plumbline/record/v1",
    ),
    "a checkpoint": (
        GOOD.note.replace(b"plumbline/record/v1", b"ledger.example/lead"),
        FormatError,
        "line 1: a record begins with the line plumbline/record/v1, got 'ledger.example/lead'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bytes_that_are_no_record_are_refused(name):
    data, error, message = REFUSED[name]
    with pytest.raises(InputError) as refusal:
        read_record(data)
    assert isinstance(refusal.value, error)
    assert refusal.value.exit_code == 2
    if message is not None:
        assert str(refusal.value) == message


def test_a_record_that_would_be_too_large_is_not_written():
    event = read_event(EVENT_LINE)
    with pytest.raises(LimitError) as refusal:
        write_record(HEADER, [event] * 256 + [event], key=KEY.vkey, sign=KEY.sign)
    assert str(refusal.value) == "the record has 257 events, the limit is 256"
    long = read_event(canonical.encode({**json.loads(EVENT_LINE), "generator": {"process": "x" * 64, "name": "y" * 200}}))
    with pytest.raises(LimitError, match=re.escape("bytes, the limit is 65535")) as refusal:
        write_record(HEADER, [long] * 200, key=KEY.vkey, sign=KEY.sign)
    assert refusal.value.hint == "write a larger transform as merges first, or put fewer events into one record"


def test_one_event_alone_is_refused_without_a_line():
    with pytest.raises(FormatError, match="^field batch: is missing$"):
        read_event(EVENT_LINE.replace(b'"batch":"keystone:A",', b""))
    with pytest.raises(EncodingError, match="^record: not JSON at column 1$"):
        read_event(b"receive")


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"mass": {"pieces": 0}}, "field mass.pieces: input should be greater than 0, got 0"),
        ({"mass": "12 lb"}, "field mass: must be an object, got '12 lb'"),
        ({"mass": {"unit": "kg"}}, "field mass.value: is missing"),
        ({"reason": ""}, "field reason: is 0 characters long, 1 to 200 are allowed"),
    ],
)
def test_a_refusal_names_the_field_of_the_branch_that_was_meant(event, message):
    raw = {"type": "dispose", "time": TIME, "site": "keystone:works", "batch": "keystone:A", "mass": {"pieces": 1}, "reason": "r"} | event
    with pytest.raises(FormatError) as refusal:
        read_event(canonical.encode(raw))
    assert str(refusal.value) == message
    outer = {"type": "correct", "time": TIME, "of": {"record": "ab" * 32, "event": 0}, "event": raw, "reason": "r"}
    with pytest.raises(FormatError) as refusal:
        read_event(canonical.encode(outer))
    assert str(refusal.value) == message.replace("field ", "field event.", 1)


def test_what_cannot_be_corrected_is_no_type_within_a_correction():
    outer = {"type": "correct", "time": TIME, "of": {"record": "ab" * 32, "event": 0}, "event": {"type": "void"}, "reason": "r"}
    with pytest.raises(FormatError) as refusal:
        read_event(canonical.encode(outer))
    assert str(refusal.value) == (
        "field event: 'void' is no event type; known: accept adjust assay determine dispose receive return ship transform"
    )
