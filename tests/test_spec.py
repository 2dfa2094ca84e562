"""The worked example of ledger/SPEC.md, computed again from its bytes: once with a few lines of its own, once with the program."""

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest
from nacl.signing import SigningKey, VerifyKey

from keyring import signer
from ledger import compare, keys
from ledger.certificates import credential
from ledger.evidence import format as evidence
from ledger.mirror import source
from ledger.record import read_record
from ledger.rules import book
from ledger.tlog import canonical, merkle, note, private, proof, tile
from ledger.tlog.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from ledger.tlog.note import parse_record_note, parse_vkey, record_id
from schemas import identifier
from schemas.country import COUNTRIES

SPEC = (Path(__file__).parents[1] / "ledger" / "SPEC.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"^`([^`\n]+)`\n\n```\n(.*?)^```$", SPEC, re.DOTALL | re.MULTILINE))
VALUES = dict(re.findall(r"^\| `([^`\n]+)`[^|\n]*\| `([0-9a-f]+)` \|$", SPEC, re.MULTILINE))
RECORDS = [BLOCKS["record-0"].encode(), BLOCKS["record-1"].encode()]
CHECKPOINT, RECEIPT = BLOCKS["checkpoint"].encode(), BLOCKS["receipt"].encode()
ORIGIN = "ledger.example/lead"
TIME = 1_772_460_360


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def by_hand(data: bytes) -> tuple[bytes, str, bytes, bytes]:
    """Split a note at its empty line: the text, the first signature's name, key ID and signature."""
    text, _, lines = data.partition(b"\n\n")
    _, name, encoded = lines.split(b"\n")[0].decode().split(" ")
    blob = base64.b64decode(encoded)
    return text + b"\n", name, blob[:4], blob[4:]


def seed(name: str) -> SigningKey:
    return SigningKey(sha256(name.encode()))


def test_the_example_has_every_part_that_the_text_names():
    assert set(BLOCKS) == {"record-0", "record-1", "checkpoint", "receipt", "forbidden in names", "country codes"}
    assert len(VALUES) == 11


def test_the_records_by_hand():
    ids = []
    for number, data in enumerate(RECORDS):
        text, name, key_id, signature = by_hand(data)
        key = seed(name).verify_key
        key.verify(text, signature)
        assert key_id == sha256(name.encode(), b"\n\x01", bytes(key))[:4]
        lines = text.decode().split("\n")
        assert lines[0] == "plumbline/record/v1"
        for line in lines[1:-1]:
            assert json.dumps(json.loads(line), sort_keys=True, separators=(",", ":"), ensure_ascii=False) == line
        ids.append(sha256(text).hex())
        assert VALUES[f"record-{number} id"] == ids[-1]
    headers = [json.loads(data.split(b"\n")[1]) for data in RECORDS]
    assert [header["seq"] for header in headers] == [0, 1]
    assert (headers[0]["genesis"], headers[0]["prev"], headers[0]["seen"]) == (None, None, None)
    assert (headers[1]["genesis"], headers[1]["prev"]) == (ids[0], ids[0])
    assert headers[1]["seen"] == {"root": VALUES["root at size 1"], "size": 1}


def test_the_hashes_by_hand():
    leaves = [sha256(b"\0", data) for data in RECORDS]
    chain = [sha256(b"\2", ORIGIN.encode())]
    for leaf in leaves:
        chain.append(sha256(b"\2", chain[-1], leaf))
    root = sha256(b"\1", *leaves)
    assert (
        VALUES
        | {
            "leaf 0": leaves[0].hex(),
            "leaf 1": leaves[1].hex(),
            "chain start": chain[0].hex(),
            "chain 0": chain[1].hex(),
            "chain 1": chain[2].hex(),
            "root at size 0": sha256().hex(),
            "root at size 1": leaves[0].hex(),
            "root at size 2": root.hex(),
            "frontier at size 2": ((2).to_bytes(8, "big") + root).hex(),
        }
        == VALUES
    )


def test_the_checkpoint_and_the_receipt_by_hand():
    leaves = [sha256(b"\0", data) for data in RECORDS]
    text, name, key_id, signature = by_hand(CHECKPOINT)
    assert text.decode() == f"{ORIGIN}\n2\n{base64.b64encode(sha256(bytes([1]), *leaves)).decode()}\n"
    key = seed(ORIGIN).verify_key
    assert (name, key_id) == (ORIGIN, sha256(name.encode(), b"\n\x01", bytes(key))[:4])
    key.verify(text, signature)
    cosignature = base64.b64decode(CHECKPOINT.decode().split("\n")[5].split(" ")[2])
    assert cosignature[:4] == sha256(name.encode(), b"\n\x04", bytes(key))[:4]
    assert cosignature[4:12] == TIME.to_bytes(8, "big")
    key.verify(b"cosignature/v1\ntime %d\n" % TIME + text, cosignature[12:])
    path = base64.b64encode(leaves[0])
    assert b"c2sp.org/tlog-proof@v1\nindex 1\n" + path + b"\n\n" + CHECKPOINT == RECEIPT


def test_the_proof_of_possession_by_hand():
    event = json.loads(RECORDS[1].split(b"\n")[2])
    name, _, blob = event["key"].split("+", 2)
    key = VerifyKey(base64.b64decode(blob)[1:])
    message = f"plumbline/possession/v1\n{ORIGIN}\n{name}\n{event['key']}\n".encode()
    key.verify(message, base64.b64decode(event["proof"]))


def test_the_sealed_value_by_hand():
    salt, sealed = re.findall(r"With the salt `([0-9a-f]{32})`.*?sealed as\n`([0-9a-f]{64})`", SPEC, re.DOTALL)[0]
    want = sha256(b"plumbline/private/v1\n", bytes.fromhex(salt), b"documents.0.number", b"\0", b"WT-881").hex()
    assert sealed == want
    private.verify_opening(sealed, salt=bytes.fromhex(salt), field="documents.0.number", value="WT-881")


@pytest.mark.parametrize("number", [0, 1])
def test_the_records_by_the_program(number):
    data = RECORDS[number]
    text, signature = parse_record_note(data)
    registrar = signer("registrar/1")
    assert (signature.name, signature.key_id) == (registrar.name, registrar.vkey.key_id)
    keys.verify(registrar.public_key, text, signature.signature)
    assert record_id(text) == VALUES[f"record-{number} id"]
    for line in note.record_lines(text)[1:]:
        assert canonical.encode(canonical.decode(line, what="line")) == line
    record = read_record(data)
    assert (record.id, record.header.seq, record.note) == (VALUES[f"record-{number} id"], number, data)
    assert note.format_note(text, [registrar.vkey.signed(registrar.sign(text))]) == data


def test_the_log_by_the_program():
    leaves = [merkle.leaf_hash(data) for data in RECORDS]
    chain = merkle.chain_next(merkle.chain_start(ORIGIN), leaves[0])
    frontier = merkle.Frontier().append(leaves[0]).append(leaves[1])
    log = signer(ORIGIN)
    assert merkle.chain_next(chain, leaves[1]).hex() == VALUES["chain 1"]
    assert frontier.to_bytes().hex() == VALUES["frontier at size 2"]
    assert frontier.root().hex() == VALUES["root at size 2"]
    assert sign_checkpoint(Checkpoint(ORIGIN, 2, frontier.root()), key=log.vkey, sign=log.sign, time=TIME) == CHECKPOINT
    signed = verify_checkpoint(CHECKPOINT, log_keys=[log.vkey], verify=keys.verify)
    assert (signed.checkpoint.size, signed.time) == (2, TIME)
    receipt = proof.parse_proof(RECEIPT)
    assert proof.verify_proof(receipt, leaves[1], log_keys=[log.vkey], verify=keys.verify) == signed
    assert proof.format_proof(receipt) == RECEIPT


def test_the_admitted_key_shows_possession_by_the_program():
    event = json.loads(RECORDS[1].split(b"\n")[2])
    keys.verify_possession(parse_vkey(event["key"]), event["proof"], ORIGIN)
    assert keys.prove_possession(signer("keystone/admin"), ORIGIN) == event["proof"]


def test_the_ranges_forbidden_in_names_are_those_that_the_program_refuses():
    listed: set[int] = set()
    for part in BLOCKS["forbidden in names"].split():
        first, _, last = part.partition("-")
        listed.update(range(int(first, 16), int(last or first, 16) + 1))
    refused = {match.start() for match in identifier._FORBIDDEN.finditer("".join(map(chr, range(0x110000))))}
    assert listed == refused


@pytest.mark.parametrize(
    ("what", "limit"),
    [
        ("a record, with its signature line", f"{note.MAX_RECORD_BYTES:,} bytes"),
        ("events in a record", str(note.MAX_EVENTS)),
        ("depth of JSON", str(canonical.MAX_DEPTH)),
        ("an integer in JSON", f"±({2**53:d} - 1)".replace(str(canonical.MAX_INTEGER + 1), "2^53")),
        ("a key name", f"{note.MAX_NAME_BYTES} bytes"),
        ("signature lines of a checkpoint", str(note.MAX_SIGNATURES)),
        ("size of a log, index, time", f"{merkle.MAX_SIZE + 1} - 1".replace(str(2**63), "2^63")),
        ("hashes in an inclusion path", str(proof.MAX_PATH)),
        ("a credential", f"{credential.MAX_BYTES:,} bytes"),
        ("a receipt", f"{proof.MAX_PROOF_BYTES:,} bytes"),
        ("a fork proof", f"{compare.MAX_BYTES:,} bytes"),
        ("the checkpoint file of an export", f"{source.CHECKPOINT_BYTES:,} bytes"),
        ("an entry bundle", f"{tile.MAX_BUNDLE_BYTES:,} bytes"),
        ("evidence: records; batches", f"{evidence.MAX_RECORDS:,} each"),
        ("evidence: records; batches", f"{evidence.MAX_SCOPE:,} each"),
        ("evidence: prior roots; anchors", f"{evidence.MAX_PRIORS:,} each"),
        ("evidence: rules", f"{evidence.MAX_RULES}"),
        ("a rule, as canonical JSON", f"{evidence.MAX_LINE_BYTES - len(b'rule ') - len(b'~'):,} bytes"),
        ("a rule, as canonical JSON", f"{book.MAX_RULE_BYTES:,} bytes"),
        ("evidence: state lines", f"{2 * evidence.MAX_SCOPE:,}"),
        ("evidence: hashes of a multiproof", f"{evidence.MAX_NODES:,}"),
    ],
)
def test_the_limits_in_the_text_are_those_of_the_program(what, limit):
    assert f"| {what} | {limit} |\n" in SPEC


def test_a_flipped_bit_in_the_example_breaks_it():
    for number, data in enumerate(RECORDS):
        damaged = bytearray(data)
        damaged[len(damaged) // 2] ^= 1
        assert sha256(b"\0", bytes(damaged)).hex() != VALUES[f"leaf {number}"]


def test_the_country_codes_are_those_that_the_program_knows():
    assert BLOCKS["country codes"].split() == sorted(COUNTRIES)
