"""Verifier bugs that other projects shipped, each tried on us by name (CVE numbers where there are some)."""

import re
from dataclasses import replace
from typing import Any

import pytest

from books import ORIGIN, TIME
from evidenced import Evidenced, written
from house import House, receipt
from keyring import signer
from ledger.errors import ConsistencyError, InclusionError
from ledger.evidence.format import lines_of, read_evidence
from ledger.keys import verify
from ledger.tlog import merkle, proof
from ledger.tlog.checkpoint import Checkpoint, cosign, cosigner, sign_checkpoint
from ledger.tlog.merkle import Hash
from ledger.tlog.multiproof import multiproof, verify_multiproof
from ledger.tlog.note import parse_note
from ledger.tlog.quorum import count, parse_policy

LEAVES = [merkle.leaf_hash(str(number).encode()) for number in range(21)]


class Certified(Evidenced):
    """The chain with one certificate."""

    document: dict[str, Any]


@pytest.fixture(scope="module")
def works(tmp_path_factory):
    made = Certified()
    _, made.document = made.certify("keystone:BL")
    return made.put(tmp_path_factory.mktemp("works"))


def test_immudb_never_checked_the_middle_of_a_proof_here_every_hash_of_it_counts():
    path = merkle.inclusion_path(LEAVES, 9)
    consistent = merkle.consistency_path(LEAVES, 13)
    many = multiproof([3, 9], len(LEAVES), lambda low, high: merkle.root(LEAVES[low:high]))
    root = merkle.root(LEAVES)
    for number in range(len(path)):
        with pytest.raises(InclusionError):
            merkle.verify_inclusion(LEAVES[9], index=9, size=21, root=root, path=other_at(path, number))
    for number in range(len(consistent)):
        with pytest.raises(ConsistencyError):
            old_root = merkle.root(LEAVES[:13])
            merkle.verify_consistency(old_size=13, old_root=old_root, new_size=21, new_root=root, path=other_at(consistent, number))
    for number in range(len(many)):
        with pytest.raises(InclusionError):
            verify_multiproof([(3, LEAVES[3]), (9, LEAVES[9])], size=21, root=root, path=other_at(many, number))


def other_at(path, number):
    return [*path[:number], Hash(bytes(32)), *path[number + 1 :]]


def test_immudb_keyed_trust_by_an_id_that_the_server_gave_here_only_the_trust_file_says_which_ledger(works):
    data = written(works.evidence(works.document))
    assert works.verify(data, works.document).holds
    stranger = replace(works.trust, ledger="00" * 32)
    found = works.verify(data, works.document, trust=stranger)
    assert found.problems == [f"the trust file pins ledger {'00' * 32}, the evidence begins with record 0, id {works.ledger_id}"]


def test_pymerkle_took_a_consistency_proof_forged_with_prepended_entries():
    forged = [merkle.leaf_hash(b"prepended"), *LEAVES]
    old_root = merkle.root(LEAVES[:8])
    for path in (merkle.consistency_path(forged, 8), merkle.consistency_path(forged, 9), merkle.inclusion_path(forged, 0)):
        with pytest.raises(ConsistencyError):
            merkle.verify_consistency(old_size=8, old_root=old_root, new_size=22, new_root=merkle.root(forged), path=path)


def test_cosign_took_a_swapped_log_entry_here_the_leaf_is_computed_from_the_record_at_hand(works):
    evidence = read_evidence(lines_of(written(works.evidence(works.document))))
    notes = list(evidence.records())
    swapped = [(index, notes[-2][1] if number == len(notes) - 1 else note) for number, (index, note) in enumerate(notes)]
    found = works.verify(written(replace(evidence, records=lambda: iter(swapped))), works.document)
    assert not found.holds
    assert re.search(r"leaves in size \d+ lead to root", found.problems[0])


def test_cosign_took_a_swapped_log_entry_here_a_receipt_is_of_one_record(works):
    note = sign_checkpoint(Checkpoint(ORIGIN, 21, merkle.root(LEAVES)), key=works.log_key.vkey, sign=works.log_key.sign, time=1)
    given = proof.Proof(9, tuple(merkle.inclusion_path(LEAVES, 9)), note)
    proof.verify_proof(given, LEAVES[9], log_keys=[works.log_key.vkey], verify=verify)
    with pytest.raises(InclusionError):
        proof.verify_proof(given, LEAVES[8], log_keys=[works.log_key.vkey], verify=verify)


def test_sigstore_let_the_logged_time_lie_outside_the_keys_life_here_a_key_signs_only_between_its_records(tmp_path):
    works = Evidenced()
    works.log("keystone/1", {"type": "enrol", **introduction("keystone/2", works), "time": TIME})
    late = works.draft("keystone/2", receipt("keystone:LATE", site="keystone:works"))
    works.log("keystone/1", {"type": "retire", "time": TIME, "key": "keystone/2"})
    _, document = works.certify("keystone:BL")
    works.put(tmp_path)
    evidence = works.evidence(document)
    # An operator who logs it all the same signs a checkpoint over it; whoever replays it sees that the key was retired.
    notes = [*evidence.records(), (len(works.records), late.note)]
    works.records.append(late)
    root = merkle.root(works.leaves)
    note = sign_checkpoint(Checkpoint(ORIGIN, len(works.records), root), key=works.log_key.vkey, sign=works.log_key.sign, time=1)
    indexes = [index for index, _ in notes]
    nodes = multiproof(indexes, len(works.records), lambda low, high: merkle.root(works.leaves[low:high]))
    bent = replace(evidence, checkpoint=note, priors=priors(evidence, works), nodes=nodes, records=lambda: iter(notes))
    found = works.verify(written(bent), document)
    assert not found.holds
    retired = f"record {indexes[-1]} does not hold: key keystone/2 was retired by record"
    unknown = f"record {indexes[-1]} does not hold: key keystone/2 is not enrolled"
    assert found.problems[0].startswith((retired, unknown))


def priors(evidence, works):
    size = len(works.records)
    return [replace(prior, path=tuple(merkle.consistency_path(works.leaves[:size], prior.size))) for prior in evidence.priors]


def introduction(name, works):
    from ledger.keys import prove_possession

    key = signer(name)
    return {"party": "keystone", "key": key.vkey.format(), "proof": prove_possession(key, ORIGIN), "scopes": ["record"]}


def test_tuf_counted_the_same_key_twice_for_a_threshold():
    log, one, two = signer(ORIGIN), signer("witness.example/one"), signer("witness.example/two")
    lines = [f"witness one {cosigner(one.vkey).format()}", f"witness two {cosigner(two.vkey).format()}", "group g all one two", "quorum g"]
    statement = Checkpoint(ORIGIN, 21, merkle.root(LEAVES))
    note = sign_checkpoint(statement, key=log.vkey, sign=log.sign, time=1)
    note += b"".join(cosign(statement.text(), key=one.vkey, sign=one.sign, time=time).line() for time in (1, 2, 3))
    found = count(parse_policy(enumerate(lines, 1)), parse_note(note), log_keys=[log.vkey], verify=verify)
    assert (found.reached, found.organisations) == (False, 1)


def test_immudbs_audit_missed_an_edited_value_here_the_stored_bytes_are_hashed_again(tmp_path):
    house = House.found(tmp_path)
    house.admit("keystone")
    house.write("keystone/1", receipt("keystone:RB-1"))
    before = house.entries()[-1][1]
    house.sql("UPDATE entry SET record = ? WHERE idx = (SELECT max(idx) FROM entry)", values=(before.replace(b"RB-1", b"RB-7"),))
    found = house.audit()
    assert not found.holds
    assert {"leaf-mismatch", "signature"} <= {finding.code for finding in found.findings}
