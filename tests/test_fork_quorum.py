"""Two witnesses, both asked for, and an operator who forks the log after record k: for every k, no fork ever gets the quorum."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations, product

import pytest

from books import ORIGIN
from keyring import signer
from ledger.compare import Side, compare, verify_fork
from ledger.errors import ConsistencyError
from ledger.keys import verify
from ledger.tlog import merkle
from ledger.tlog.checkpoint import parse_checkpoint, verify_checkpoint
from ledger.tlog.merkle import Hash
from ledger.tlog.note import parse_note
from ledger.tlog.quorum import Group, WitnessPolicy, count
from ledger.tlog.quorum import Witness as Named
from ledger.tlog.tile import WIDTH
from ledger.witness.witness import Request, answer
from witnesses import LOG_KEYS, MemoryState, leaves, signed, state_in, witness

SIZE = 8
NAMES = ("w1", "w2")
POLICY = WitnessPolicy(
    tuple(Named(name, signer(f"{name}.example/w").cosigners()[0][0]) for name in NAMES), (Group("both", 2, NAMES),), "both"
)


class Operator:
    """Whoever runs the log: it holds the log's key and two histories that part after record k, and asks as cleverly as it can."""

    def __init__(self, k, states):
        self.k = k
        self.who = {name: witness(state, name=f"{name}.example/w") for name, state in zip(NAMES, states, strict=True)}
        self.histories = {"A": leaves(SIZE), "B": leaves(SIZE, forked_after=k)}
        self.lines = {}

    def ask(self, name, history, size):
        """Ask a witness for a checkpoint of a history, with every proof that could be tried; keep what it gives."""
        hashes = self.histories[history][:size]
        body = answer(self.who[name], Request(0, (), signed(hashes)).to_bytes())
        if body.status == 409:
            old = int(body.body)
            # An honest proof of this history, one of the other, and none at all.
            proofs = {(), *(tuple(merkle.consistency_path(one[:size], old)) for one in self.histories.values() if old <= size)}
            for proof in sorted(proofs):
                body = answer(self.who[name], Request(old, proof, signed(hashes)).to_bytes())
                if body.status == 200:
                    break
        if body.status == 200:
            self.lines.setdefault((history, size), {})[name] = body.body
        return body.status

    def published(self, history, size):
        """Return a checkpoint with all the lines that it was given."""
        return signed(self.histories[history][:size]) + b"".join(self.lines.get((history, size), {}).values())

    def reached(self, history, size):
        """Say whether a checkpoint has the quorum."""
        note = self.published(history, size)
        verify_checkpoint(note, log_keys=LOG_KEYS[ORIGIN], verify=verify)
        return count(POLICY, parse_note(note), log_keys=LOG_KEYS[ORIGIN], verify=verify).reached


def forks(operator):
    """Return the pairs of checkpoints of the two histories, beyond where they part, that both have the quorum."""
    k = operator.k
    witnessed = {history: [size for size in range(k + 1, SIZE + 1) if operator.reached(history, size)] for history in "AB"}
    return list(product(witnessed["A"], witnessed["B"]))


@pytest.mark.parametrize("k", range(SIZE))
def test_no_order_of_requests_gets_the_quorum_for_both_histories(k):
    requests = list(product(NAMES, "AB"))
    for order in permutations(requests):
        operator = Operator(k, [MemoryState(), MemoryState()])
        for name, history in order:
            operator.ask(name, history, SIZE)
        assert forks(operator) == []
        cosigned = {name: {history for (history, _), given in operator.lines.items() if name in given} for name in NAMES}
        assert cosigned == {name: {next(history for who, history in order if who == name)} for name in NAMES}


@pytest.mark.parametrize("k", range(1, SIZE - 1))
def test_no_sizes_get_the_quorum_for_both_histories_either(k):
    """Both witnesses have seen the log up to where it parts; then the histories are shown in turns, each a record longer."""
    for first, second, third in product("AB", repeat=3):
        operator = Operator(k, [MemoryState(), MemoryState()])
        for name in NAMES:
            assert operator.ask(name, "A", k) == 200
        operator.ask("w1", first, k + 1)
        operator.ask("w2", second, k + 1)
        for size in range(k + 1, SIZE + 1):
            for name, history in product(NAMES, third + "AB"):
                operator.ask(name, history, size)
        assert forks(operator) == []


@pytest.mark.parametrize("k", range(1, SIZE))
def test_a_fork_is_kept_as_evidence_by_each_witness_that_refused_it(tmp_path, k):
    states = [state_in(tmp_path, name) for name in NAMES]
    operator = Operator(k, states)
    assert [operator.ask(name, "A", SIZE) for name in NAMES] == [200, 200]
    assert [operator.ask(name, "B", SIZE) for name in NAMES] == [409, 409]
    assert operator.reached("A", SIZE)
    assert not operator.reached("B", SIZE)
    for state in states:
        with state.reading() as notebook:
            kept, found = notebook.latest(ORIGIN), notebook.misfits()
        assert kept is not None
        assert {one.size for _, one in found} == {SIZE}
        # Two checkpoints of one size, both signed by the log, with two roots: that is the proof of a fork.
        shown = [verify_checkpoint(note, log_keys=LOG_KEYS[ORIGIN], verify=verify).checkpoint for note in (kept.note, found[0][1].note)]
        assert [one.root for one in shown] == [merkle.root(operator.histories["A"]), merkle.root(operator.histories["B"])]
        with pytest.raises(ConsistencyError, match=f"two roots at size {SIZE}: "):
            merkle.verify_consistency(old_size=SIZE, old_root=shown[0].root, new_size=SIZE, new_root=shown[1].root, path=())


@pytest.mark.parametrize("k", range(1, SIZE - 1))
def test_a_fork_that_grows_on_is_kept_as_evidence_too(tmp_path, k):
    states = [state_in(tmp_path, name) for name in NAMES]
    operator = Operator(k, states)
    assert operator.ask("w1", "A", SIZE - 1) == 200
    assert operator.ask("w1", "B", SIZE) == 422
    with states[0].reading() as notebook:
        found = [one for _, one in notebook.misfits()]
    assert [(one.old, one.size) for one in found] == [(SIZE - 1, SIZE)]
    assert parse_checkpoint(parse_note(found[0].note).text).root == merkle.root(operator.histories["B"])


@dataclass(frozen=True, slots=True)
class Leaves:
    """The tiles of a small tree."""

    hashes: list[Hash]

    def tile(self, level, index, width):
        assert level == 0
        return self.hashes[index * WIDTH : index * WIDTH + width]


@pytest.mark.parametrize("k", range(1, SIZE))
def test_what_two_witnesses_cosigned_shows_the_fork(k):
    """Each witness was shown one history, to each size in turn: whoever compares the two has the proof in hand."""
    for sizes in product(range(k + 1, SIZE + 1), repeat=2):
        operator = Operator(k, [MemoryState(), MemoryState()])
        shown = list(zip(NAMES, "AB", sizes, strict=True))
        assert [operator.ask(*one) for one in shown] == [200, 200]
        sides = [Side(name, operator.published(history, size), Leaves(operator.histories[history])) for name, history, size in shown]
        found = compare(*sides, log_keys=LOG_KEYS[ORIGIN], verify=verify)
        assert found.relation == "fork"
        assert found.fork is not None
        older, newer = verify_fork(found.fork, log_keys=LOG_KEYS[ORIGIN], verify=verify)
        assert sorted(sizes) == [older.checkpoint.size, newer.checkpoint.size]


def test_one_witness_alone_would_not_do():
    """What the lint of policies is for: one of two asked, and both histories have their quorum."""
    operator = Operator(3, [MemoryState(), MemoryState()])
    operator.ask("w1", "A", SIZE)
    operator.ask("w2", "B", SIZE)
    weak = WitnessPolicy(POLICY.witnesses, (Group("any", 1, NAMES),), "any")
    for history in "AB":
        note = parse_note(operator.published(history, SIZE))
        assert count(weak, note, log_keys=LOG_KEYS[ORIGIN], verify=verify).reached
    assert forks(operator) == []
