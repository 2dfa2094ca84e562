"""Two views of a log: the same, behind, or a fork that anybody can be shown."""

import re

import pytest

from books import ORIGIN
from keyring import signer
from ledger.compare import Side, compare, format_fork, verify_fork
from ledger.errors import CheckpointError, ConsistencyError, FormatError, LimitError
from ledger.keys import verify
from ledger.recognition import recognise
from ledger.tlog import merkle
from ledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from ledger.tlog.merkle import Hash
from ledger.trust import Trust
from ledger.verification import UNPINNED, verify_fork_proof

LOG = signer(ORIGIN)
SIZE = 9


class Tree:
    """A log in memory: its first entries are common, those from `fork` on its own."""

    def __init__(self, size, *, fork=None, tag="b"):
        self.leaves = [merkle.leaf_hash(f"{tag if fork is not None and n >= fork else 'a'}{n}".encode()) for n in range(size)]

    def tile(self, level, index, width):
        assert level == 0
        return self.leaves[256 * index : 256 * index + width]

    def note(self, size=None):
        size = len(self.leaves) if size is None else size
        statement = Checkpoint(ORIGIN, size, merkle.root(self.leaves[:size]))
        return sign_checkpoint(statement, key=LOG.vkey, sign=LOG.sign, time=size)

    def side(self, size=None, *, bare=False):
        tree = Tree(0)
        tree.leaves = self.leaves[:size]
        return Side("side", self.note(size), None if bare else tree)


def compared(first, second):
    return compare(first, second, log_keys=[LOG.vkey], verify=verify)


def test_the_same_log_twice_is_the_same():
    assert compared(Tree(SIZE).side(), Tree(SIZE).side(bare=True)).relation == "same"


def test_a_log_that_grew_is_consistent_with_every_earlier_checkpoint():
    tree = Tree(SIZE)
    for size in range(SIZE):
        assert compared(tree.side(size, bare=True), tree.side()).relation == "behind"
        assert compared(tree.side(), tree.side(size, bare=True)).relation == "ahead"


def test_two_bare_checkpoints_of_different_sizes_cannot_be_compared():
    tree = Tree(SIZE)
    assert compared(tree.side(3, bare=True), tree.side(bare=True)).relation == "unknown"


@pytest.mark.parametrize("fork", range(SIZE))
def test_a_fork_behind_every_record_is_proved_to_anybody(fork):
    honest, forked = Tree(SIZE), Tree(SIZE, fork=fork)
    for size in range(fork + 1, SIZE + 1):
        for first, second in ((honest.side(size, bare=size != SIZE), forked.side()), (forked.side(), honest.side(size, bare=True))):
            found = compared(first, second)
            assert (found.relation, found.fork is not None) == ("fork", True)
            older, newer = verify_fork(found.fork, log_keys=[LOG.vkey], verify=verify)
            assert {older.checkpoint.size, newer.checkpoint.size} == {size, SIZE}
    for size in range(fork + 1):
        assert compared(honest.side(size, bare=True), forked.side()).relation == "behind"


OTHER = signer("other.example/log")
OTHERS = sign_checkpoint(Checkpoint(OTHER.name, 0, merkle.EMPTY_ROOT), key=OTHER.vkey, sign=OTHER.sign, time=1)


def test_two_logs_are_not_compared():
    with pytest.raises(FormatError) as refusal:
        compared(Side("a", OTHERS), Tree(SIZE).side())
    assert str(refusal.value) == f"a is of other.example/log, side of {ORIGIN}: these are two logs"
    assert refusal.value.exit_code == 2


def test_another_logs_checkpoint_is_refused():
    with pytest.raises(CheckpointError, match=re.escape(f"the checkpoint is of other.example/log, want {ORIGIN}")):
        compared(Side("a", OTHERS), Side("b", OTHERS))


def test_what_is_no_checkpoint_is_named():
    with pytest.raises(FormatError, match=re.escape("b: a note has an empty line and then signature lines")):
        compared(Tree(SIZE).side(), Side("b", b"no note\n"))


def test_tiles_of_one_history_beside_the_checkpoint_of_another_do_not_make_a_fork_consistent():
    """Whoever hands out the tiles may choose them: those of the honest tree lead to every honest root, and say nothing of the other one."""
    honest, forked = Tree(SIZE), Tree(SIZE, fork=2)
    mixed = Side("mixed", forked.note(), honest)
    for size in range(1, SIZE):
        with pytest.raises(ConsistencyError) as refusal:
            compared(honest.side(size, bare=True), mixed)
        message = str(refusal.value)
        assert message.startswith(f"the tiles of mixed do not lead to its checkpoint: size {SIZE} leads to root {honest_root(SIZE)}")


def honest_root(size):
    return merkle.root(Tree(size).leaves).hex()


def test_a_log_that_signed_another_root_of_nothing_is_refused():
    note = sign_checkpoint(Checkpoint(ORIGIN, 0, Hash(bytes(32))), key=LOG.vkey, sign=LOG.sign, time=0)
    with pytest.raises(ConsistencyError, match=re.escape(f"size 0 has root {merkle.EMPTY_ROOT.hex()}, got {'00' * 32}")):
        compared(Side("empty", note), Tree(SIZE).side())


HONEST, FORKED = Tree(SIZE), Tree(SIZE, fork=2)
PROOF = compared(HONEST.side(5, bare=True), FORKED.side()).fork


@pytest.mark.parametrize(
    ("bent", "message"),
    [
        (PROOF.replace(b"fork/v1", b"fork/v2"), "a proof of a fork begins with the line plumbline/fork/v1 and ends with the line end"),
        (PROOF[:-4], "a proof of a fork begins with the line plumbline/fork/v1 and ends with the line end"),
        (PROOF + b"more\n", "a proof of a fork begins with the line plumbline/fork/v1 and ends with the line end"),
        (PROOF.replace(b"older 6", b"elder 6"), "line 2: want older, a space and a number of lines that follow"),
        (PROOF.replace(b"older 6", b"older 600"), "line 2: want older, a space and a number of lines that follow"),
        (PROOF.replace(b"\nroot ", b"\nroof "), "line 16: what follows the checkpoints is a root and a path"),
        (PROOF.replace(b"\nroot ", b"\nroot !"), "is not base64"),
        (PROOF.replace(b"\npath ", b"\npath AAAA\npath ", 1), "line 17: a hash has 3 bytes, want 32"),
    ],
)
def test_a_damaged_proof_is_refused(bent, message):
    with pytest.raises(FormatError) as refusal:
        verify_fork(bent, log_keys=[LOG.vkey], verify=verify)
    assert message in str(refusal.value)


def test_what_shows_no_fork_is_refused():
    same = format_fork(HONEST.note(), HONEST.note())
    with pytest.raises(ConsistencyError, match="two checkpoints of size 9 show a fork by two roots and nothing else"):
        verify_fork(same, log_keys=[LOG.vkey], verify=verify)
    for proof in (
        format_fork(HONEST.note(5), HONEST.note()),
        format_fork(HONEST.note(5), HONEST.note(), root=merkle.root(HONEST.leaves[:5])),
        format_fork(HONEST.note(0), HONEST.note(), root=Hash(bytes(32))),
    ):
        with pytest.raises(ConsistencyError, match="show a fork by another root at size"):
            verify_fork(proof, log_keys=[LOG.vkey], verify=verify)
    invented = format_fork(HONEST.note(5), HONEST.note(), root=Hash(bytes(32)), path=merkle.consistency_path(HONEST.leaves, 5))
    with pytest.raises(ConsistencyError, match="size 5 leads to root"):
        verify_fork(invented, log_keys=[LOG.vkey], verify=verify)
    with pytest.raises(LimitError, match="the proof of a fork has"):
        verify_fork(b"x" * (1 << 20) + b"x", log_keys=[LOG.vkey], verify=verify)


def test_a_proof_is_verified_like_any_other_file():
    trust = Trust("ab" * 32, ORIGIN, (LOG.vkey,))
    assert recognise(PROOF) == "fork"
    found = verify_fork_proof(PROOF, trust=trust)
    assert found.levels[0].detail.startswith(f"{ORIGIN} has signed two histories that do not agree, at sizes 5 and 9")
    assert verify_fork_proof(PROOF, trust=None).problems == [UNPINNED]
    assert not verify_fork_proof(format_fork(HONEST.note(), HONEST.note()), trust=trust).holds
