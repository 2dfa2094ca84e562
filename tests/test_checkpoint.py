import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyring import signer
from ledger.errors import CheckpointError, FormatError, LimitError, SignatureError
from ledger.keys import generate, verify
from ledger.tlog.checkpoint import (
    MAX_TIME,
    Checkpoint,
    check_origin,
    cosign,
    cosignature_message,
    cosigner,
    parse_checkpoint,
    parse_decimal,
    sign_checkpoint,
    verify_checkpoint,
    verify_cosignatures,
)
from ledger.tlog.merkle import EMPTY_ROOT, Frontier, Hash, leaf_hash
from ledger.tlog.note import Signature, decode_base64, format_note, parse_note, parse_vkey
from published import folder, table

ORIGIN = "ledger.example/lead"
LOG = signer(ORIGIN)
NEXT_LOG = generate(ORIGIN, seed=bytes(32))
WITNESS = signer("witness.example/w1")
TIME = 1_772_460_300
ROOT = leaf_hash(b"entry")
CHECKPOINT = Checkpoint(ORIGIN, 812, ROOT)
NOTE = sign_checkpoint(CHECKPOINT, key=LOG.vkey, sign=LOG.sign, time=TIME)
TEXT = CHECKPOINT.text()
TESSERA = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"


def checked(note: bytes, *keys):
    return verify_checkpoint(note, log_keys=keys or [LOG.vkey], verify=verify)


def test_a_signed_checkpoint_verifies_and_tells_its_time():
    signed = checked(NOTE)
    assert (signed.checkpoint, signed.time, signed.note) == (CHECKPOINT, TIME, NOTE)
    assert b"ledger.example/lead\n812\n" + NOTE.split(b"\n")[2] + b"\n" == TEXT


def test_a_checkpoint_without_the_logs_cosignature_has_no_time():
    assert checked(format_note(TEXT, [LOG.vkey.signed(LOG.sign(TEXT))])).time is None


def test_every_published_tessera_checkpoint_verifies_and_has_the_root_of_its_entries():
    log = folder("tlog-tiles-tessera") / "log"
    words = "one two three four five six seven eit nain ten ileven twelf threeten fourten fivten"
    entries = words.split()
    frontier = Frontier()
    for size in range(16):
        signed = checked((log / f"checkpoint.{size}").read_bytes(), parse_vkey(TESSERA))
        assert signed.checkpoint == Checkpoint("example.com/log/testdata", size, frontier.root())
        assert signed.time is None
        if size < 15:
            frontier = frontier.append(leaf_hash(entries[size].encode()))
    assert (log / "checkpoint").read_bytes() == (log / "checkpoint.15").read_bytes()


def test_published_c2sp_examples_have_our_text_and_cosigned_message():
    examples = table("signed-note", "c2sp-examples.json")
    note = parse_note(examples["c2sp_checkpoint_example"]["note"].encode())
    assert parse_checkpoint(note.text).text() == note.text
    cosigned = examples["c2sp_cosigned_example"]
    line = decode_base64(cosigned["cosignature_line"].split(" ")[2].rstrip("\n"))
    time = int.from_bytes(line[4:12], "big")
    assert len(line) == 76
    assert cosignature_message(note.text, time).decode() == cosigned["signed_message"]


def test_the_published_sigsum_checkpoint_is_signed_again_bit_for_bit():
    case = table("signed-note", "c2sp-examples.json")["sigsum_checkpoint_issue99"]
    note = parse_note(case["note"].encode())
    name = note.text.split(b"\n")[0].decode()
    log = generate(name, seed=bytes.fromhex(case["log_privkey_seed_hex"]))
    assert log.public_key.hex() == case["log_pubkey_hex"]
    assert format_note(note.text, [log.vkey.signed(log.sign(note.text))]) == case["note"].encode()
    assert checked(case["note"].encode(), log.vkey).checkpoint.size == 10


def test_a_checkpoint_with_a_foreign_origin_line_is_refused():
    """The Go checksum database signs under another name than its origin line, which is a sentence."""
    case = table("signed-note", "c2sp-examples.json")["sum_golang_org_35225469"]
    with pytest.raises(FormatError, match=r"^line 1: 'go.sum database tree' is not an origin"):
        checked(case["note"].encode(), parse_vkey(case["vkey"]))


@given(st.integers(0, MAX_TIME), st.binary(min_size=32, max_size=32), st.integers(0, MAX_TIME))
def test_a_checkpoint_survives_its_bytes(size, root, time):
    checkpoint = Checkpoint(ORIGIN, size, Hash(root))
    assert parse_checkpoint(checkpoint.text()) == checkpoint
    signed = checked(sign_checkpoint(checkpoint, key=LOG.vkey, sign=LOG.sign, time=time))
    assert (signed.checkpoint, signed.time) == (checkpoint, time)


def test_any_of_the_logs_keys_may_sign_and_each_that_signs_must_verify():
    both = [LOG.vkey, NEXT_LOG.vkey]
    assert checked(NOTE, *both).checkpoint == CHECKPOINT
    assert checked(sign_checkpoint(CHECKPOINT, key=NEXT_LOG.vkey, sign=NEXT_LOG.sign, time=TIME), *both).checkpoint == CHECKPOINT
    half = format_note(TEXT, [LOG.vkey.signed(LOG.sign(TEXT)), NEXT_LOG.vkey.signed(bytes(64))])
    message = f"{ORIGIN}+{NEXT_LOG.vkey.key_id.hex()}: the signature is not one of public key {NEXT_LOG.public_key.hex()} over this text"
    with pytest.raises(SignatureError, match=f"^{re.escape(message)}$"):
        checked(half, *both)


def test_lines_by_unknown_keys_are_passed_over_even_under_the_logs_name():
    lines = [
        Signature(ORIGIN, b"abcd", bytes(64)),
        Signature("other", LOG.vkey.key_id, bytes(64)),
        cosign(TEXT, key=WITNESS.vkey, sign=WITNESS.sign, time=TIME + 9),
    ]
    assert checked(format_note(TEXT, [*lines, *parse_note(NOTE).signatures])).time == TIME


def test_the_time_is_the_latest_of_the_logs_cosignatures():
    lines = [LOG.vkey.signed(LOG.sign(TEXT))] + [cosign(TEXT, key=LOG.vkey, sign=LOG.sign, time=time) for time in (5, 9, 7)]
    assert checked(format_note(TEXT, lines)).time == 9


def test_a_witness_cosignature_is_verified_under_the_witness_key():
    line = cosign(TEXT, key=WITNESS.vkey, sign=WITNESS.sign, time=TIME)
    note = parse_note(format_note(TEXT, [line]))
    assert verify_cosignatures(note, key=cosigner(WITNESS.vkey), verify=verify) == [TIME]
    assert verify_cosignatures(note, key=cosigner(LOG.vkey), verify=verify) == []
    assert cosigner(WITNESS.vkey).key_id == hashlib.sha256(b"witness.example/w1\n\x04" + WITNESS.public_key).digest()[:4]


def test_a_signature_never_passes_for_a_cosignature_nor_a_cosignature_for_a_signature():
    signature = LOG.sign(TEXT)
    stamped = TIME.to_bytes(8, "big")
    swapped = cosigner(LOG.vkey).signed(stamped + signature)
    with pytest.raises(SignatureError):
        checked(format_note(TEXT, [LOG.vkey.signed(signature), swapped]))
    with pytest.raises(SignatureError):
        checked(format_note(TEXT, [LOG.vkey.signed(LOG.sign(cosignature_message(TEXT, TIME)))]))


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (bytes(71), f"the cosignature of {ORIGIN} has 71 bytes, want 72"),
        (b"\x80" + bytes(71), f"the cosignature of {ORIGIN} has time 9223372036854775808, beyond 2^63 - 1"),
        (
            (TIME + 1).to_bytes(8, "big") + LOG.sign(cosignature_message(TEXT, TIME)),
            f"{ORIGIN}+{cosigner(LOG.vkey).key_id.hex()}: the signature is not one of public key {LOG.public_key.hex()} over this text",
        ),
    ],
)
def test_a_damaged_cosignature_of_the_log_is_refused(payload, message):
    with pytest.raises(SignatureError, match=f"^{re.escape(message)}$"):
        checked(format_note(TEXT, [LOG.vkey.signed(LOG.sign(TEXT)), cosigner(LOG.vkey).signed(payload)]))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ([], f"the checkpoint of {ORIGIN} at size 812 is signed by none of the log's keys"),
        ([NEXT_LOG.vkey], f"the checkpoint of {ORIGIN} at size 812 is signed by none of the log's keys"),
        ([cosigner(LOG.vkey)], f"the checkpoint of {ORIGIN} at size 812 is signed by none of the log's keys"),
        ([parse_vkey(TESSERA)], f"the checkpoint is of {ORIGIN}, want example.com/log/testdata"),
        ([WITNESS.vkey, parse_vkey(TESSERA)], f"the checkpoint is of {ORIGIN}, want example.com/log/testdata or witness.example/w1"),
    ],
)
def test_a_checkpoint_of_another_log_or_key_is_refused(keys, message):
    with pytest.raises(CheckpointError, match=f"^{re.escape(message)}$"):
        verify_checkpoint(NOTE, log_keys=keys, verify=verify)


def test_a_key_of_the_right_value_under_another_origin_does_not_sign():
    twin = generate("other.example/lead", seed=hashlib.sha256(ORIGIN.encode()).digest())
    with pytest.raises(CheckpointError, match=r"^the checkpoint is of ledger.example/lead, want other.example/lead$"):
        checked(NOTE, twin.vkey)
    with pytest.raises(CheckpointError, match=r"^the key of other.example/lead cannot sign a checkpoint of ledger.example/lead$"):
        sign_checkpoint(CHECKPOINT, key=twin.vkey, sign=twin.sign, time=TIME)


ROOT_TEXT = TEXT.split(b"\n")[2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "a checkpoint has 3 lines and no extension lines, got 0"),
        (b"a.b/c\n0\n", "a checkpoint has 3 lines and no extension lines, got 2"),
        (b"a.b/c\n0\n" + ROOT_TEXT, "a checkpoint has 3 lines and no extension lines, got 2"),
        (TEXT + b"extension\n", "a checkpoint has 3 lines and no extension lines, got 4"),
        (b"ledger/lead\n0\n" + ROOT_TEXT + b"\n", None),
        (b"a.b/c\n012\n" + ROOT_TEXT + b"\n", "line 2: the size is '012', want a decimal up to 2^63 - 1 without leading zeros"),
        (b"a.b/c\n0\n" + ROOT_TEXT[:-1] + b"\n", f"line 3: '{ROOT_TEXT[:-1].decode()}' is not base64"),
        (b"a.b/c\n0\nAAAA\n", "line 3: the root has 3 bytes, want 32"),
        (b"a.b/c\n0\n\xff\n", r"line 3: '\ufffd' is not base64"),
    ],
)
def test_a_damaged_checkpoint_is_refused_at_its_line(text, message):
    wanted = message or "line 1: 'ledger/lead' is not an origin: want a host with a dot, a slash and a path, in a-z 0-9 . / -"
    with pytest.raises(FormatError, match=f"^{re.escape(wanted)}$"):
        parse_checkpoint(text)


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "00", "01", "1.0", "1e3", " 1", "1 ", "1\n", "\u0661", "9223372036854775808", "1" * 5000, "0x1"]
)
def test_a_decimal_has_one_spelling(text):
    with pytest.raises(FormatError, match=r"^the index is .*, want a decimal up to 2\^63 - 1 without leading zeros$"):
        parse_decimal(text, what="the index")


def test_the_bounds_of_a_decimal_are_inside():
    assert parse_decimal("0", what="the index") == 0
    assert parse_decimal("9223372036854775807", what="the index") == MAX_TIME


@pytest.mark.parametrize(
    "origin", ["", "a", "a.b", "a/b", "a.b/", "A.b/c", "a.b/c d", "a..b/c", ".b/c", "a.b//c", "a.b/c\n", "keystone/scale-1", "a.b/é"]
)
def test_what_is_not_an_origin_is_refused(origin):
    with pytest.raises(FormatError, match="is not an origin"):
        check_origin(origin)


def test_an_origin_is_a_host_with_a_dot_and_a_path():
    for origin in ("a.b/c", "ledger.example/lead/2026", "xn--abc.example.com/a.b-c"):
        check_origin(origin)


@given(st.integers(0, len(TEXT) * 8 - 1))
def test_one_flipped_bit_in_a_checkpoints_text_is_refused(bit):
    damaged = bytearray(NOTE)
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises((FormatError, CheckpointError, SignatureError)):
        checked(bytes(damaged))


@given(st.binary(max_size=100) | st.lists(st.sampled_from(NOTE.splitlines(keepends=True)), max_size=8).map(b"".join))
def test_any_bytes_are_this_checkpoint_or_refused_by_name(data):
    try:
        signed = checked(data)
    except (FormatError, LimitError, CheckpointError, SignatureError):
        return
    assert signed.checkpoint == CHECKPOINT


def test_the_checkpoint_of_an_empty_log_verifies():
    empty = Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    assert checked(sign_checkpoint(empty, key=LOG.vkey, sign=LOG.sign, time=0)).time == 0
