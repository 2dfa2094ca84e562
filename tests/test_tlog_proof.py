import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyring import signer
from ledger.errors import CheckpointError, FormatError, InclusionError, LimitError, SignatureError
from ledger.keys import generate, verify
from ledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from ledger.tlog.merkle import Hash, inclusion_path, leaf_hash, root
from ledger.tlog.proof import Proof, format_proof, parse_proof, verify_proof

ORIGIN = "ledger.example/lead"
LOG = signer(ORIGIN)
LEAVES = [leaf_hash(bytes([n])) for n in range(11)]
CHECKPOINT = Checkpoint(ORIGIN, 11, root(LEAVES))
NOTE = sign_checkpoint(CHECKPOINT, key=LOG.vkey, sign=LOG.sign, time=7)
PROOF = Proof(5, tuple(inclusion_path(LEAVES, 5)), NOTE)
DATA = format_proof(PROOF)
HASH_LINE = base64.b64encode(LEAVES[0]).decode()


def checked(proof: Proof, leaf: Hash = LEAVES[5]):
    return verify_proof(proof, leaf, log_keys=[LOG.vkey], verify=verify)


def test_a_receipt_verifies_and_tells_the_size_and_time_of_its_checkpoint():
    signed = checked(parse_proof(DATA))
    assert (signed.checkpoint, signed.time, signed.note) == (CHECKPOINT, 7, NOTE)


def test_a_proof_has_the_lines_of_tlog_proof():
    lines = DATA.decode().split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 5"]
    assert lines[2:6] == [base64.b64encode(one).decode() for one in PROOF.path]
    assert lines[6] == ""
    assert DATA.endswith(b"\n\n" + NOTE)


def test_every_entry_of_the_log_has_a_proof():
    for index, leaf in enumerate(LEAVES):
        checked(Proof(index, tuple(inclusion_path(LEAVES, index)), NOTE), leaf)


@given(
    st.integers(0, 2**63 - 1),
    st.lists(st.binary(min_size=32, max_size=32).map(Hash), max_size=63),
    st.binary(max_size=40),
    st.none() | st.binary(max_size=40),
)
def test_a_proof_survives_its_bytes(index, path, note, extra):
    proof = Proof(index, tuple(path), note, extra)
    assert parse_proof(format_proof(proof)) == proof


@given(
    st.binary(max_size=60)
    | st.lists(st.sampled_from([*DATA.splitlines(keepends=True), b"\n", b"extra AAAA\n", b"index 0\n"]), max_size=12).map(b"".join)
)
def test_any_bytes_are_a_proof_that_writes_back_alike_or_are_refused(data):
    try:
        proof = parse_proof(data)
    except FormatError:
        return
    assert format_proof(proof) == data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "a proof has an empty line before its checkpoint"),
        (DATA.replace(b"\n\n", b"\n"), "a proof has an empty line before its checkpoint"),
        (b"\n" + DATA, "line 1: a proof begins with the line c2sp.org/tlog-proof@v1, got ''"),
        (DATA.replace(b"@v1", b"@v2"), "line 1: a proof begins with the line c2sp.org/tlog-proof@v1, got 'c2sp.org/tlog-proof@v2'"),
        (DATA.replace(b"index", b"\xc3\xa9"), "line 2: not ASCII"),
        (b"\n\xff\n\n", "line 2: not ASCII"),
        (DATA.replace(b"index 5\n", b""), "line 2: a proof has a line: index, a space, the entry's index"),
        (b"c2sp.org/tlog-proof@v1\n\n" + NOTE, "line 2: a proof has a line: index, a space, the entry's index"),
        (b"c2sp.org/tlog-proof@v1\nextra \n\n" + NOTE, "line 3: a proof has a line: index, a space, the entry's index"),
        (DATA.replace(b"index 5", b"extra AA\nindex 5"), "line 2: 'AA' is not base64"),
        (DATA.replace(b"index 5", b"index 5\nextra AAAA"), "line 3: 'extra AAAA' is not base64"),
        (DATA.replace(b"index 5", b"index 05"), "line 2: the index is '05', want a decimal up to 2^63 - 1 without leading zeros"),
        (DATA.replace(b"index 5", b"index -5"), "line 2: the index is '-5', want a decimal up to 2^63 - 1 without leading zeros"),
        (DATA.replace(b"index 5\n", b"index 5\nAAAA\n"), "line 3: a hash of the path has 3 bytes, want 32"),
        (DATA.replace(b"\n", b"\r\n"), "a proof has an empty line before its checkpoint"),
    ],
)
def test_what_is_not_a_proof_is_refused_at_its_line(data, message):
    with pytest.raises(FormatError, match=f"^{re.escape(message)}$"):
        parse_proof(data)


def test_a_proof_beyond_its_limits_is_refused():
    with pytest.raises(LimitError, match=r"^the inclusion path has 64 hashes, the limit is 63$"):
        parse_proof(format_proof(Proof(0, (LEAVES[0],) * 64, NOTE)))
    with pytest.raises(LimitError, match=r"^the proof has 1048577 bytes, the limit is 1048576$"):
        parse_proof(bytes(1 << 20) + b"x")
    assert len(parse_proof(format_proof(Proof(0, (LEAVES[0],) * 63, NOTE))).path) == 63
    longest = DATA + b"x" * ((1 << 20) - len(DATA))
    assert format_proof(parse_proof(longest)) == longest


OTHER = leaf_hash(b"other")
PATH = PROOF.path


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(Proof(4, PATH, NOTE), id="index - 1"),
        pytest.param(Proof(6, PATH, NOTE), id="index + 1"),
        pytest.param(Proof(5 ^ 2, PATH, NOTE), id="index ^ 2"),
        pytest.param(Proof(11, PATH, NOTE), id="index beyond the size"),
        pytest.param(Proof(5, (OTHER, *PATH), NOTE), id="preceding garbage"),
        pytest.param(Proof(5, (*PATH, OTHER), NOTE), id="trailing garbage"),
        pytest.param(Proof(5, PATH[1:], NOTE), id="removed hash"),
        pytest.param(Proof(5, (), NOTE), id="empty path"),
        pytest.param(Proof(5, tuple(reversed(PATH)), NOTE), id="reversed path"),
        pytest.param(Proof(5, (OTHER, *PATH[1:]), NOTE), id="changed hash"),
    ],
)
def test_a_damaged_proof_is_refused(damaged):
    with pytest.raises(InclusionError):
        checked(damaged)


def test_a_proof_of_a_swapped_entry_is_refused():
    with pytest.raises(InclusionError, match=r"^index 5 in size 11 leads to root "):
        checked(PROOF, LEAVES[6])


def test_a_proof_against_another_logs_or_an_unsigned_checkpoint_is_refused():
    twin = generate(ORIGIN, seed=bytes(32))
    forged = sign_checkpoint(CHECKPOINT, key=twin.vkey, sign=twin.sign, time=7)
    with pytest.raises(CheckpointError, match="is signed by none of the log's keys"):
        checked(Proof(5, PATH, forged))
    grown = NOTE.replace(b"\n11\n", b"\n12\n")
    with pytest.raises(SignatureError):
        checked(Proof(5, PATH, grown))


def test_extra_data_changes_nothing_that_is_verified():
    assert checked(Proof(5, PATH, NOTE, b"anything")).checkpoint == CHECKPOINT
