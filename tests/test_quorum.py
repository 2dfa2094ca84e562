"""Witnesses, groups and the quorum: what a policy says, and whose cosignatures count."""

import re
import struct

import pytest

from books import ORIGIN
from keyring import signer
from ledger.errors import FormatError, QuorumError, SignatureError
from ledger.keys import verify
from ledger.tlog.checkpoint import (
    Checkpoint,
    cosign,
    cosigner,
    sign_checkpoint,
    subtree_message,
    verify_checkpoint,
    verify_cosignatures,
)
from ledger.tlog.merkle import EMPTY_ROOT
from ledger.tlog.note import Algorithm, Note, VerifierKey, parse_note, parse_vkey
from ledger.tlog.quorum import WitnessPolicy, count, lint, parse_policy

LOG = signer(ORIGIN)
ANNA, BERT, CARL, DORA = (signer(f"witness.example/{name}") for name in ("anna", "bert", "carl", "dora"))
STATEMENT = Checkpoint(ORIGIN, 0, EMPTY_ROOT)
TIME = 1_772_460_360


def policy(*lines):
    return parse_policy(enumerate(lines, start=1))


def witness(name, by, algorithm=Algorithm.COSIGNATURE):
    key = next(key for key, _ in by.cosigners() if key.algorithm is algorithm)
    return f"witness {name} {key.format()}"


def cosigned(*lines):
    """Return a checkpoint with more lines under it."""
    return parse_note(sign_checkpoint(STATEMENT, key=LOG.vkey, sign=LOG.sign, time=TIME) + b"".join(line.line() for line in lines))


def by(who, time=TIME, algorithm=Algorithm.COSIGNATURE):
    key, sign = next(pair for pair in who.cosigners() if pair[0].algorithm is algorithm)
    return cosign(STATEMENT.text(), key=key, sign=sign, time=time)


def counted(found, note):
    return count(found, note, log_keys=[LOG.vkey], verify=verify)


THREE = policy(witness("anna", ANNA), witness("bert", BERT), witness("carl", CARL), "group all-three 2 anna bert carl", "quorum all-three")


def test_a_quorum_is_counted_by_organisation():
    assert THREE.organisations == (2, 3)
    assert counted(THREE, cosigned()).line == "QUORUM NOT REACHED (0 of 3 organisations, 2 asked)"
    assert counted(THREE, cosigned(by(ANNA))).line == "QUORUM NOT REACHED (1 of 3 organisations, 2 asked)"
    found = counted(THREE, cosigned(by(ANNA), by(CARL, TIME + 5)))
    assert found.line == "WITNESSED by 2 of 3 organisations (2 asked; safe against 0 dishonest)"
    assert (found.reached, found.times) == (True, {"anna": TIME, "carl": TIME + 5})


def test_the_same_key_twice_counts_once():
    found = counted(THREE, cosigned(by(ANNA), by(ANNA, TIME + 1), by(ANNA, TIME + 2)))
    assert (found.reached, found.organisations) == (False, 1)


def test_two_keys_of_one_organisation_count_once():
    found = policy(
        witness("anna-1", ANNA),
        witness("anna-2", ANNA, Algorithm.MLDSA_COSIGNATURE),
        witness("bert", BERT),
        "group anna any anna-1 anna-2",
        "group both all anna bert",
        "quorum both",
    )
    both = cosigned(by(ANNA), by(ANNA, algorithm=Algorithm.MLDSA_COSIGNATURE))
    assert counted(found, both).line == "QUORUM NOT REACHED (1 of 2 organisations, 2 asked)"
    assert counted(found, cosigned(by(ANNA, algorithm=Algorithm.MLDSA_COSIGNATURE), by(BERT))).reached


def test_the_logs_own_cosignature_never_counts():
    weak = policy(f"witness self {cosigner(LOG.vkey).format()}", "quorum self")
    assert counted(weak, cosigned()).line == "QUORUM NOT REACHED (0 of 1 organisations, 1 asked)"


def test_a_line_that_does_not_verify_counts_for_nothing_and_sinks_nothing():
    bent = by(ANNA)
    forged = bent.__class__(bent.name, bent.key_id, bent.signature[:-1] + bytes([bent.signature[-1] ^ 1]))
    found = counted(THREE, cosigned(forged, by(BERT), by(CARL)))
    assert (found.reached, sorted(found.times)) == (True, ["bert", "carl"])


def test_a_stranger_does_not_count():
    assert not counted(THREE, cosigned(by(ANNA), by(DORA))).reached


def test_without_a_quorum_nobody_is_asked():
    assert WitnessPolicy().organisations == (0, 0)
    assert counted(WitnessPolicy(), cosigned(by(ANNA))).line == "UNWITNESSED (no quorum asked)"


def test_a_single_witness_may_be_the_quorum():
    one = policy(witness("anna", ANNA), "quorum anna")
    assert one.members() == ("anna",)
    assert counted(one, cosigned(by(ANNA))).line == "WITNESSED by 1 of 1 organisations (1 asked; safe against 0 dishonest)"
    lint(one)


@pytest.mark.parametrize(("k", "n", "holds"), [(1, 1, True), (1, 2, False), (2, 3, True), (2, 4, False), (3, 4, True)])
def test_half_of_the_organisations_are_too_few(k, n, holds):
    people = [signer(f"witness.example/{number}") for number in range(n)]
    names = [f"w{number}" for number in range(n)]
    lines = [witness(name, one) for name, one in zip(names, people, strict=True)]
    found = policy(*lines, f"group g {k} {' '.join(names)}", "quorum g")
    assert found.safe_against == 2 * k - n - 1
    if holds:
        lint(found)
        return
    with pytest.raises(QuorumError, match=re.escape(f"the quorum asks for {k} of {n} organisations: two histories could both reach it")):
        lint(found)
    weak = counted(found, cosigned(*(by(one) for one in people)))
    assert weak.line == f"WITNESSED by {n} of {n} organisations ({k} asked; two histories could both have reached it)"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["witness anna"], "line 1: a witness line is: witness NAME VKEY, and perhaps a URL"),
        ([f"witness anna {ANNA.vkey.format()}"], "line 1: witness 'anna' has a key of algorithm 0x01, a cosigner's is 0x04 or 0x06"),
        ([witness("anna", ANNA), witness("anna", BERT)], "line 2: the name 'anna' is taken"),
        ([witness("none", ANNA)], "line 1: the name 'none' is taken"),
        ([witness("anna", ANNA), witness("other", ANNA)], "line 2: witness 'other' has the public key of another witness"),
        (["group g any"], "line 1: a group line is: group NAME (K, any or all) NAME …"),
        (["group g any anna"], "line 1: group 'g' has the member 'anna', which no line before it defines"),
        ([witness("anna", ANNA), "group g 2 anna"], "line 2: group 'g' asks for '2' of 1 members, want 1 to 1"),
        ([witness("anna", ANNA), "group g 01 anna"], "line 2: group 'g' asks for '01' of 1 members, want 1 to 1"),
        ([witness("anna", ANNA), "group g any anna anna"], "line 2: 'anna' is a member of two groups, or twice of one"),
        ([witness("anna", ANNA), "group g any anna", "group h any anna"], "line 3: 'anna' is a member of two groups, or twice of one"),
        (["quorum anna"], "line 1: quorum 'anna' names no witness or group of a line before it"),
        (["quorum none "], "line 1: the words of a line stand one space apart, and none behind the last"),
        ([f"witness  {ANNA.vkey.format()}"], "line 1: the words of a line stand one space apart, and none behind the last"),
        (["quorum none", "quorum none"], "line 2: has 2 quorum lines, want 1"),
        ([], "has 0 quorum lines, want 1"),
    ],
)
def test_a_policy_that_cannot_be_is_refused_with_its_line(lines, message):
    with pytest.raises(FormatError) as refusal:
        policy(*lines)
    assert str(refusal.value).startswith(message)


def test_more_witnesses_or_groups_than_the_limit_are_refused():
    keys = [VerifierKey(f"w/{number}", Algorithm.COSIGNATURE, number.to_bytes(32, "big")) for number in range(61)]
    lines = [f"witness w{number} {key.format()}" for number, key in enumerate(keys)]
    with pytest.raises(FormatError, match="line 61: has more than 60 witnesses"):
        policy(*lines)
    groups = ["group g0 any w0", *(f"group g{number} any g{number - 1}" for number in range(1, 128))]
    with pytest.raises(FormatError, match="has more than 128 groups"):
        policy(*lines[:1], *groups, "group more any g127")


def test_a_policy_is_written_as_it_was_read():
    assert policy(*THREE.lines()) == THREE


def test_an_ml_dsa_cosignature_is_over_the_structure_of_the_specification():
    key, _ = ANNA.cosigners()[1]
    message = subtree_message(STATEMENT.text(), key.name, TIME)
    name, origin = key.name.encode(), ORIGIN.encode()
    want = b"subtree/v1\n\x00" + bytes([len(name)]) + name + struct.pack(">Q", TIME) + bytes([len(origin)]) + origin
    assert message == want + struct.pack(">QQ", 0, 0) + EMPTY_ROOT
    assert verify_cosignatures(cosigned(by(ANNA, algorithm=Algorithm.MLDSA_COSIGNATURE)), key=key, verify=verify) == [TIME]


def test_an_ml_dsa_key_is_read_back_and_another_length_is_refused():
    key, _ = ANNA.cosigners()[1]
    assert parse_vkey(key.format()) == key
    with pytest.raises(FormatError, match=re.escape(f"the public key of {key.name} has 32 bytes, want 1312")):
        VerifierKey(key.name, Algorithm.MLDSA_COSIGNATURE, bytes(32))


def test_an_origin_longer_than_the_structure_takes_is_refused():
    origin = f"ledger.example/{'a' * 241}"
    with pytest.raises(FormatError) as refusal:
        subtree_message(Checkpoint(origin, 0, EMPTY_ROOT).text(), "witness.example/anna", TIME)
    assert str(refusal.value).endswith(" has 256 bytes, a cosignature of type 0x06 takes 255")
    assert subtree_message(Checkpoint(origin[:-1], 0, EMPTY_ROOT).text(), "witness.example/anna", TIME)


def test_an_ml_dsa_cosignature_without_a_time_counts_for_nothing_and_disturbs_no_other():
    """At time 0 a cosigner does not say when (tlog-cosignature): as a time it would lie before every compromise."""
    key, _ = ANNA.cosigners()[1]
    untimed, timed = (by(ANNA, time, Algorithm.MLDSA_COSIGNATURE) for time in (0, TIME))
    one = policy(f"witness anna {key.format()}", "quorum anna")
    assert verify_cosignatures(cosigned(untimed), key=key, verify=verify) == []
    assert not counted(one, cosigned(untimed)).reached
    assert counted(one, cosigned(untimed, timed)).times == {"anna": TIME}


def test_a_cosignature_of_another_length_or_text_is_refused():
    key, sign = ANNA.cosigners()[1]
    line = cosign(STATEMENT.text(), key=key, sign=sign, time=TIME)
    short = line.__class__(line.name, line.key_id, line.signature[:-1])
    with pytest.raises(SignatureError, match=re.escape(f"the cosignature of {key.name} has 2427 bytes, want 2428")):
        verify_cosignatures(cosigned(short), key=key, verify=verify)
    other = Note(Checkpoint(ORIGIN, 1, EMPTY_ROOT).text(), (line,))
    with pytest.raises(SignatureError, match="the signature is not one of the ML-DSA-44 key"):
        verify_cosignatures(other, key=key, verify=verify)


def test_a_cosignature_under_another_name_is_not_the_keys():
    key, sign = ANNA.cosigners()[1]
    renamed = VerifierKey("witness.example/else", key.algorithm, key.public_key)
    line = cosign(STATEMENT.text(), key=renamed, sign=sign, time=TIME)
    assert verify_cosignatures(cosigned(line), key=key, verify=verify) == []


def test_witnesses_under_a_checkpoint_do_not_disturb_the_log():
    note = sign_checkpoint(STATEMENT, key=LOG.vkey, sign=LOG.sign, time=TIME) + by(ANNA).line() + by(BERT).line()
    assert verify_checkpoint(note, log_keys=[LOG.vkey], verify=verify).time == TIME


def test_a_witness_may_have_a_url_and_nothing_behind_it():
    found = policy(f"{witness('anna', ANNA)} https://anna.example/", witness("bert", BERT), "quorum anna")
    assert [one.url for one in found.witnesses] == ["https://anna.example/", ""]
    assert found.lines()[0] == f"{witness('anna', ANNA)} https://anna.example/"
    with pytest.raises(FormatError, match="^line 1: a witness line is: witness NAME VKEY, and perhaps a URL$"):
        policy(f"{witness('anna', ANNA)} https://anna.example/ more")


def test_a_member_of_any_group_before_is_taken():
    lines = [witness("anna", ANNA), witness("bert", BERT), "group a any anna", "group b any bert"]
    with pytest.raises(FormatError, match="^line 5: 'anna' is a member of two groups, or twice of one; each counts once$"):
        policy(*lines, "group c any anna")


def test_as_many_groups_as_the_limit_are_read():
    groups = ["group g0 any anna", *(f"group g{number} any g{number - 1}" for number in range(1, 128))]
    assert len(policy(witness("anna", ANNA), *groups, "quorum g127").groups) == 128


def test_a_quorum_of_two_words_is_shown_as_it_stands():
    with pytest.raises(FormatError, match="^line 1: quorum 'anna bert' names no witness or group of a line before it$"):
        policy("quorum anna bert")


def test_a_refused_policy_says_what_to_do():
    with pytest.raises(FormatError) as missing:
        policy()
    assert missing.value.hint == "the line `quorum none` asks no witness"
    with pytest.raises(QuorumError) as weak:
        lint(policy(witness("anna", ANNA), witness("bert", BERT), "group g 1 anna bert", "quorum g"))
    assert weak.value.hint == "ask for more of them, or accept the risk with --allow-weak-policy"


def test_whoever_stands_behind_the_logs_own_key_in_a_policy_still_counts():
    found = counted(policy(f"witness self {cosigner(LOG.vkey).format()}", witness("anna", ANNA), "quorum anna"), cosigned(by(ANNA)))
    assert (found.reached, found.times) == (True, {"anna": TIME})


def test_where_nobody_is_asked_nobody_is_counted():
    assert counted(WitnessPolicy(), cosigned(by(ANNA))).organisations == 0
