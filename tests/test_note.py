import base64
import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyring import signer
from ledger.errors import FormatError, LimitError, SignatureError, UnknownVersionError
from ledger.keys import verify
from ledger.tlog.note import (
    MAX_RECORD_BYTES,
    Algorithm,
    Signature,
    VerifierKey,
    check_name,
    decode_base64,
    format_note,
    parse_note,
    parse_record_note,
    parse_vkey,
    record_id,
    record_lines,
    shown,
)
from published import table

SCALE = signer("keystone/scale-1")
HEADER = b'{"genesis":null,"key":"keystone/scale-1","made":"2026-03-02T14:05:00Z","prev":null,"seen":null,"seq":0}'
TEXT = b"plumbline/record/v1\n" + HEADER + b'\n{"type":"receive"}\n'
RECORD = format_note(TEXT, [SCALE.vkey.signed(SCALE.sign(TEXT))])
LINE = RECORD[len(TEXT) + 1 :]
ENCODED = LINE.split(b" ")[2].rstrip(b"\n").decode()


def published(name: str):
    return table("signed-note", "golang-note-vectors.json")[name]


def signed_by(vkey: str, note: bytes) -> bool:
    """Say whether a known key signed the note, refusing it when one of the key's lines does not verify."""
    key, parsed = parse_vkey(vkey), parse_note(note)
    found = [line for line in parsed.signatures if (line.name, line.key_id) == (key.name, key.key_id)]
    for line in found:
        verify(key.public_key, parsed.text, line.signature)
    return bool(found)


# ---- keys


def test_published_vkeys_are_read_and_written_alike():
    for text in (published("vkey_peter"), published("vkey_enoch")):
        assert parse_vkey(text).format() == text
    example = table("signed-note", "c2sp-examples.json")["c2sp_signed_note_example"]
    assert parse_vkey(example["vkey"]).format() == example["vkey"]


def test_a_published_bad_vkey_is_refused():
    for text in published("bad_vkeys"):
        with pytest.raises(FormatError):
            parse_vkey(text)


def test_every_part_of_a_vkey_and_every_changed_byte_is_refused():
    text = published("vkey_peter")
    parts = {text[start:end] for start in range(len(text)) for end in range(start, len(text) + 1)} - {text}
    changed = {text[:at] + chr(ord(text[at]) + 1) + text[at + 1 :] for at in range(len(text))}
    for damaged in parts | changed:
        with pytest.raises(FormatError):
            parse_vkey(damaged)


@given(st.text(min_size=1, max_size=20), st.binary(min_size=32, max_size=32), st.sampled_from(Algorithm))
def test_a_vkey_survives_its_text(name, public_key, algorithm):
    try:
        key = VerifierKey(name, algorithm, public_key)
    except FormatError:
        return
    assert parse_vkey(key.format()) == key


def test_the_key_id_begins_the_hash_of_name_algorithm_and_key():
    wanted = hashlib.sha256(b"keystone/scale-1\n\x01" + SCALE.public_key).digest()[:4]
    assert SCALE.vkey.key_id == wanted
    assert VerifierKey(SCALE.name, Algorithm.COSIGNATURE, SCALE.public_key).key_id != wanted


def vkey_with(key: bytes) -> str:
    return f"a/b+{hashlib.sha256(b'a/b' + bytes([10]) + key).hexdigest()[:8]}+{base64.b64encode(key).decode()}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is not a vkey: want <name>+<8 hex digits>+<base64>"),
        ("a/b+0123456G+AAAA", "'a/b+0123456G+AAAA' is not a vkey: want <name>+<8 hex digits>+<base64>"),
        ("a b+01234567+AAAA", "the key name 'a b' holds a space, a control character or a plus"),
        ("a/b+01234567+AAA", "'AAA' is not base64"),
        (vkey_with(b"\x02" + bytes(32)), "the vkey of 'a/b' has algorithm 0x02, want 0x01, 0x04 or 0x06"),
        (vkey_with(b"\x06" + bytes(32)), "the public key of a/b has 32 bytes, want 1312"),
        (vkey_with(b"\x01" + bytes(31)), "the public key of a/b has 31 bytes, want 32"),
        (vkey_with(b"\x01" + bytes(32))[:4] + "00000000" + vkey_with(b"\x01" + bytes(32))[12:], None),
    ],
)
def test_what_is_not_a_vkey_is_refused(text, message):
    wanted = message or f"the vkey of 'a/b' has key ID 00000000, its key gives {vkey_with(bytes([1]) + bytes(32))[4:12]}"
    with pytest.raises(FormatError, match=f"^{re.escape(wanted)}$"):
        parse_vkey(text)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "a key name has 1 to 255 bytes, got ''"),
        ("a" * 256, f"a key name has 1 to 255 bytes, got '{'a' * 60}\\u2026'"),
        ("a+b", "the key name 'a+b' holds a space, a control character or a plus"),
        ("a\u00a0b", r"the key name 'a\xa0b' holds a space, a control character or a plus"),
        ("a\u3000b", r"the key name 'a\u3000b' holds a space, a control character or a plus"),
        ("a\nb", r"the key name 'a\nb' holds a space, a control character or a plus"),
        ("a\ud800", r"the key name 'a\ud800' holds a lone surrogate"),
    ],
)
def test_what_is_not_a_key_name_is_refused(name, message):
    with pytest.raises(FormatError, match=f"^{re.escape(message)}$"):
        check_name(name)


@pytest.mark.parametrize("text", ["AA", "AA=", "AB==", "AAB=", "AA==\n", " AA==", "A-==", "AA==AA==", "é", "=", "A==="])
def test_another_spelling_of_base64_is_refused(text):
    with pytest.raises(FormatError, match=r"is not base64|is another spelling"):
        decode_base64(text)


def test_base64_that_encodes_to_itself_is_decoded():
    assert decode_base64("") == b""
    assert decode_base64("AP+/") == b"\x00\xff\xbf"
    message = "'AB==' does not encode to itself again: it is another spelling of the same base64"
    with pytest.raises(FormatError, match=f"^{re.escape(message)}$"):
        decode_base64("AB==")


# ---- notes


def test_a_published_note_is_made_again_bit_for_bit():
    case = published("sign")
    note = parse_note(case["note"].encode())
    assert note.text.decode() == case["text"]
    assert format_note(note.text, note.signatures) == case["note"].encode()
    assert signed_by(published("vkey_peter"), case["note"].encode())


def test_every_published_note_opens_or_is_refused_as_it_says():
    """Where Go refuses a note that none of the asked keys signed, or a key asked for twice, the caller decides here."""
    for case in published("open"):
        note = bytes.fromhex(case["note_hex"]) if "note_hex" in case else case["note"].encode()
        wanted = set(case.get("verified", []))
        try:
            got = {parse_vkey(vkey).name for vkey in case["verifiers"] if signed_by(vkey, note)}
        except (FormatError, LimitError):
            assert case["error"] == "malformed note"
        except SignatureError:
            assert case["error"].startswith("invalid signature")
        else:
            assert got == wanted or case["error"].startswith(("note has no verifiable", "ambiguous key"))


def test_published_c2sp_notes_verify():
    examples = table("signed-note", "c2sp-examples.json")
    for name in ("c2sp_signed_note_example", "sum_golang_org_35225469"):
        assert signed_by(examples[name]["vkey"], examples[name]["note"].encode())


SIGNATURES = st.lists(
    st.builds(
        Signature,
        st.from_regex(r"[a-z/é.-]{1,12}", fullmatch=True),
        st.binary(min_size=4, max_size=4),
        st.binary(min_size=1, max_size=70),
    ),
    min_size=1,
    max_size=5,
)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]) | st.just("\n"), max_size=40), SIGNATURES)
def test_a_note_survives_its_bytes(text, signatures):
    data = format_note(f"{text}\n".encode(), signatures)
    note = parse_note(data)
    assert (note.text, list(note.signatures)) == (f"{text}\n".encode(), signatures)
    assert format_note(note.text, note.signatures) == data


@given(
    st.binary(max_size=80) | st.lists(st.sampled_from([b"\n", b"\xe2\x80\x94 ", b"a", b" ", b"AAAAAAA=", b"="]), max_size=12).map(b"".join)
)
def test_any_bytes_are_a_note_that_writes_back_alike_or_are_refused(data):
    try:
        note = parse_note(data)
    except (FormatError, LimitError):
        return
    assert format_note(note.text, note.signatures) == data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "line 1: a note ends in a newline"),
        (b"a\n\n\xe2\x80\x94 k AAAAAAA=", "line 3: a note ends in a newline"),
        (b"a\n", "a note has an empty line and then signature lines"),
        (b"a\n\n", "a note has an empty line and then signature lines"),
        (b"a\nb\xff\n", "line 2: not UTF-8 at byte 3"),
        (b"a\n\n- k AAAAAAA=\n", "line 3: '- k AAAAAAA=' is not a signature line: want \u2014 <key name> <base64>"),
        (b"a\n\n\xe2\x80\x94 k\n", r"line 3: '\u2014 k' is not a signature line: want " + "\u2014 <key name> <base64>"),
        (b"a\n\n\xe2\x80\x94  AAAAAAA=\n", "line 3: a key name has 1 to 255 bytes, got ''"),
        (b"a\n\n\xe2\x80\x94 k+ AAAAAAA=\n", "line 3: the key name 'k+' holds a space, a control character or a plus"),
        (b"a\n\n\xe2\x80\x94 k AAAAAAA= \n", "line 3: 'AAAAAAA= ' is not base64"),
        (b"a\n\n\xe2\x80\x94 k AAAAAA==\n", "line 3: the signature of 'k' has 4 bytes, want a key ID of 4 and more"),
        (b"a\n\n\xe2\x80\x94 k AAAAAAA=\n\xe2\x80\x94 k AAAA\n", "line 4: the signature of 'k' has 3 bytes, want a key ID of 4 and more"),
    ],
)
def test_what_is_not_a_note_is_refused_at_its_line(data, message):
    with pytest.raises(FormatError, match=f"^{re.escape(message)}$"):
        parse_note(data)


@pytest.mark.parametrize("point", [*range(10), *range(11, 32), *range(0x7F, 0xA0), 0x2028, 0x2029])
def test_a_control_character_or_another_line_end_is_refused(point):
    message = f"line 2: the character U+{point:04X} may not stand in a note"
    with pytest.raises(FormatError, match=f"^{re.escape(message)}$"):
        parse_note(f"a\nb{chr(point)}\n\n\u2014 k AAAAAAA=\n".encode())
    with pytest.raises(FormatError, match=f"^{re.escape(message)}$"):
        format_note(f"a\nb{chr(point)}\n".encode(), [Signature("k", bytes(4), b"s")])


def test_more_signature_lines_than_asked_for_are_refused():
    line = "\u2014 k AAAAAAA=\n"
    assert len(parse_note(f"a\n\n{line * 16}".encode(), max_signatures=16).signatures) == 16
    with pytest.raises(LimitError, match=r"^the note has 17 signature lines, the limit is 16$"):
        parse_note(f"a\n\n{line * 17}".encode(), max_signatures=16)


@pytest.mark.parametrize(
    ("text", "signatures", "message"),
    [
        (b"a", [Signature("k", bytes(4), b"s")], "a note's text ends in a newline"),
        (b"a\n", [], "a note has at least one signature"),
    ],
)
def test_what_would_not_be_a_note_is_not_written(text, signatures, message):
    with pytest.raises(FormatError, match=f"^{re.escape(message)}$"):
        format_note(text, signatures)


# ---- records


def test_a_record_gives_its_text_its_signature_and_its_lines():
    text, signature = parse_record_note(RECORD)
    assert text == TEXT
    assert (signature.name, signature.key_id) == (SCALE.name, SCALE.vkey.key_id)
    verify(SCALE.public_key, text, signature.signature)
    assert record_lines(text) == [b"plumbline/record/v1", HEADER, b'{"type":"receive"}']
    assert record_id(text) == hashlib.sha256(TEXT).hexdigest()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (RECORD + LINE, "line 6: a record has exactly one signature line, got 2"),
        (RECORD + b"\xe2\x80\x94 other AAAAAAA=\n", "line 6: a record has exactly one signature line, got 2"),
        (RECORD + b"\n", "a note has an empty line and then signature lines"),
        (RECORD + b"x", "line 6: a note ends in a newline"),
        (RECORD[:-1], "line 5: a note ends in a newline"),
        (RECORD + b"x\n", "line 6: 'x' is not a signature line: want \u2014 <key name> <base64>"),
        (TEXT + b"\n\n" + LINE, "line 4: a record has one empty line, before its signature"),
        (b"\n" + RECORD, "line 1: a record begins with the line plumbline/record/v1, got ''"),
        (RECORD.replace(b"\n", b"\r\n"), "line 1: the character U+000D may not stand in a note"),
        (RECORD.replace(b"plumbline/record/v1", b"plumbline/audit/v1"), None),
        (b"\xef\xbb\xbf" + RECORD, r"line 1: a record begins with the line plumbline/record/v1, got '\ufeffplumbline/record/v1'"),
        (b"\n\n" + LINE, "line 1: a record begins with the line plumbline/record/v1, got ''"),
        (b"plumbline/record/v1\n\n" + LINE, "line 1: a record has a header and at least one event, got 1 lines"),
        (b"plumbline/record/v1\n{}\n\n" + LINE, "line 2: a record has a header and at least one event, got 2 lines"),
        (RECORD.replace(ENCODED.encode(), ENCODED.encode() + b"="), f"line 5: '{ENCODED[:60]}\\u2026' is not base64"),
    ],
)
def test_a_damaged_record_is_refused(data, message):
    wanted = message or "line 1: a record begins with the line plumbline/record/v1, got 'plumbline/audit/v1'"
    with pytest.raises(FormatError, match=f"^{re.escape(wanted)}$"):
        parse_record_note(data)


def test_a_signature_spelled_in_another_way_is_refused():
    assert ENCODED.endswith("=")
    respelled = ENCODED[:-2] + chr(ord(ENCODED[-2]) + 1) + "="
    assert base64.b64decode(respelled) == base64.b64decode(ENCODED)
    with pytest.raises(FormatError, match=r"line 5: .* is another spelling of the same base64"):
        parse_record_note(RECORD.replace(ENCODED.encode(), respelled.encode()))


def test_a_later_record_format_is_named():
    message = "the record format is 'plumbline/record/v2', this program knows plumbline/record/v1"
    with pytest.raises(UnknownVersionError, match=f"^{re.escape(message)}$"):
        parse_record_note(RECORD.replace(b"record/v1", b"record/v2"))


def test_a_record_of_65535_bytes_is_read_and_one_more_is_refused():
    room = MAX_RECORD_BYTES - len(RECORD)
    largest = RECORD.replace(b'{"type":"receive"}', b'{"type":"receive"}' + b" " * room)
    assert len(largest) == MAX_RECORD_BYTES
    parse_record_note(largest)
    with pytest.raises(LimitError, match=r"^the record has 65536 bytes, the limit is 65535$") as caught:
        parse_record_note(largest.replace(b"receive", b"receives"))
    assert caught.value.hint == "write a large transform as merge records first"


def test_a_record_has_at_most_256_events():
    head = b"plumbline/record/v1\n{}\n"
    assert len(record_lines(head + b"{}\n" * 256)) == 258
    with pytest.raises(LimitError, match=r"^the record has 257 events, the limit is 256$"):
        record_lines(head + b"{}\n" * 257)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "line 1: a record begins with the line plumbline/record/v1, got ''"),
        (b"\xff\n", r"line 1: a record begins with the line plumbline/record/v1, got '\ufffd'"),
        (b"plumbline/record/v1\n{}\n{}", "line 3: a record's text ends in a newline"),
    ],
)
def test_text_that_is_not_a_records_is_refused(text, message):
    with pytest.raises(FormatError, match=f"^{re.escape(message)}$"):
        record_lines(text)


def test_lines_end_at_the_newline_and_nowhere_else():
    """Python's splitlines also cuts at U+0085, U+2028 and some control characters; none of them can reach a record."""
    for ending in ("\v", "\f", "\x1c", "\x85", "\u2028", "\u2029"):
        with pytest.raises(FormatError, match=r"^line 3: the character U\+[0-9A-F]{4} may not stand in a note$"):
            parse_record_note(RECORD.replace(b"receive", f"re{ending}ceive".encode()))


@given(st.integers(0, len(RECORD) * 8 - 1))
def test_one_flipped_bit_anywhere_is_refused_or_breaks_the_signature_or_names_another_key(bit):
    damaged = bytearray(RECORD)
    damaged[bit // 8] ^= 1 << bit % 8
    try:
        text, signature = parse_record_note(bytes(damaged))
    except (FormatError, UnknownVersionError):
        return
    if (signature.name, signature.key_id) == (SCALE.name, SCALE.vkey.key_id):
        with pytest.raises(SignatureError):
            verify(SCALE.public_key, text, signature.signature)


def test_foreign_text_is_shown_clipped_and_in_ascii():
    assert shown("é" * 100) == "'" + r"\xe9" * 60 + r"\u2026'"


def test_foreign_text_is_shown_up_to_a_length_and_clipped_behind_it():
    assert shown("a" * 60) == f"'{'a' * 60}'"
    assert shown("a" * 61) == f"'{'a' * 60}\\u2026'"


def test_a_name_of_the_most_bytes_is_one():
    check_name("é" * 127 + "a")
    with pytest.raises(FormatError):
        check_name("é" * 128)


def test_a_record_under_many_signatures_is_refused_for_their_number_whatever_it_is():
    with pytest.raises(FormatError, match="a record has exactly one signature line, got 70$"):
        parse_record_note(RECORD + LINE * 69)


@pytest.mark.parametrize(("data", "line"), [(b"\n\xff", 2), (b"\na\tb\n", 2), (b"a\nb\n\xff\n\n", 3), (b"a\n\x00\n\n\n", 2)])
def test_a_character_that_is_refused_is_told_with_its_line(data, line):
    with pytest.raises(FormatError, match=f"^line {line}: "):
        parse_note(data)
