import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import ConsistencyError, FormatError, InclusionError
from ledger.tlog.merkle import (
    EMPTY_ROOT,
    Frontier,
    Hash,
    appended_paths,
    chain_next,
    chain_start,
    consistency_path,
    inclusion_path,
    leaf_hash,
    node_hash,
    root,
    verify_consistency,
    verify_inclusion,
)
from published import folder, table

LEAVES = [leaf_hash(bytes([n])) for n in range(130)]
ROOTS = [root(LEAVES[:n]) for n in range(131)]
OTHER = leaf_hash(b"other")
SIZES = st.integers(1, 40)


def defined_root(leaves: list[Hash]) -> Hash:
    """RFC 9162, section 2.1.1, word for word."""
    if not leaves:
        return Hash(hashlib.sha256().digest())
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(defined_root(leaves[:split]), defined_root(leaves[split:]))


def defined_path(index: int, leaves: list[Hash]) -> list[Hash]:
    """RFC 9162, section 2.1.3.1, word for word."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*defined_path(index, leaves[:split]), defined_root(leaves[split:])]
    return [*defined_path(index - split, leaves[split:]), defined_root(leaves[:split])]


def defined_proof(old: int, leaves: list[Hash], *, whole: bool = True) -> list[Hash]:
    """RFC 9162, section 2.1.4.1, word for word."""
    if old == len(leaves):
        return [] if whole else [defined_root(leaves)]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if old <= split:
        return [*defined_proof(old, leaves[:split], whole=whole), defined_root(leaves[split:])]
    return [*defined_proof(old - split, leaves[split:], whole=False), defined_root(leaves[:split])]


def flipped(one: Hash, bit: int = 0) -> Hash:
    return Hash(bytes([one[0] ^ 1 << bit]) + one[1:])


@contextmanager
def refused(kind: type[Exception], name: str) -> Iterator[None]:
    """As pytest.raises, but a damage that passes is named."""
    try:
        yield
    except kind:
        return
    pytest.fail(f"not refused: {name}")


def published_cases(kind: str) -> list[Path]:
    return sorted((folder("merkle-transparency-dev") / kind).rglob("*.json"))


def bytes_of(text: str | None) -> Hash:
    return Hash(base64.b64decode(text or ""))


def test_every_published_inclusion_vector_holds_or_is_refused_as_it_says():
    cases = published_cases("inclusion")
    for file in cases:
        case = json.loads(file.read_text())
        path = [bytes_of(one) for one in case["proof"] or []]
        try:
            verify_inclusion(
                bytes_of(case["leafHash"]), index=case["leafIdx"], size=case["treeSize"], root=bytes_of(case["root"]), path=path
            )
            refused = False
        except InclusionError:
            refused = True
        assert refused is case["wantErr"], file
    assert len(cases) > 90


def test_every_published_consistency_vector_holds_or_is_refused_as_it_says():
    cases = published_cases("consistency")
    for file in cases:
        case = json.loads(file.read_text())
        try:
            verify_consistency(
                old_size=case["size1"],
                old_root=bytes_of(case["root1"]),
                new_size=case["size2"],
                new_root=bytes_of(case["root2"]),
                path=[bytes_of(one) for one in case["proof"] or []],
            )
            refused = False
        except ConsistencyError:
            refused = True
        assert refused is case["wantErr"], file
    assert len(cases) > 90


def refused_inclusion(case):
    """Verify a leaf in a subtree that begins where a subtree of its size may: as in a tree of its own."""
    start, end = case["start"], case["end"]
    if start >= end or start % (1 << (end - start - 1).bit_length()):
        return True
    path = [bytes_of(one) for one in case["proof"] or []]
    try:
        index = case["leafIdx"] - start
        verify_inclusion(bytes_of(case["leafHash"]), index=index, size=end - start, root=bytes_of(case["root"]), path=path)
    except InclusionError:
        return True
    return False


def test_every_published_subtree_inclusion_vector_holds_or_is_refused_as_a_tree_of_its_own():
    cases = published_cases("subtreeinclusion")
    for file in cases:
        case = json.loads(file.read_text())
        assert refused_inclusion(case) is case["wantErr"], file
    assert len(cases) > 90


def test_published_subtree_consistency_vectors_from_the_first_leaf_on_are_consistency_proofs():
    """SPEC.md, "Where this is stricter": proofs of subtrees that begin behind the first leaf are not part of this format."""
    count = 0
    for file in published_cases("subtreeconsistency"):
        case = json.loads(file.read_text())
        if case["start"] or not case["end"]:
            continue
        count += 1
        roots = bytes_of(case["root1"]), bytes_of(case["root2"])
        path = [bytes_of(one) for one in case["proof"] or []]
        try:
            verify_consistency(old_size=case["end"], old_root=roots[0], new_size=case["size"], new_root=roots[1], path=path)
            refused = False
        except ConsistencyError:
            refused = True
        assert refused is case["wantErr"], file
    assert count > 20


def test_roots_are_those_of_the_certificate_transparency_reference():
    typed = json.loads((Path(__file__).parent / "vectors" / "rfc6962-roots.json").read_text())
    leaves = [leaf_hash(bytes.fromhex(entry)) for entry in typed["entries_hex"]]
    assert [root(leaves[:size]).hex() for size in range(9)] == typed["roots_hex"]


def test_the_typed_roots_are_the_published_ones():
    typed = json.loads((Path(__file__).parent / "vectors" / "rfc6962-roots.json").read_text())
    published = table("rfc6962-reference", "rfc6962-8leaf.json")
    assert typed["entries_hex"] == published["leaf_inputs_hex"]
    assert typed["roots_hex"] == published["root_hash_by_size_hex"]


def test_roots_of_aligned_ranges_give_the_accumulated_published_hash():
    published = table("rfc6962-reference", "mtc-subtree-accumulated.json")
    folded = hashlib.sha256()
    for end in range(131):
        for start in range(end + 1):
            width = 1 << max(end - start - 1, 0).bit_length()
            if start in (0, end) or start % width == 0:
                folded.update(f"[{start}, {end}) {root(LEAVES[start:end]).hex()}\n".encode())
    assert folded.hexdigest() == published["subtree_hash"]["sha256"]


@pytest.mark.parametrize("size", range(1, 41))
def test_paths_are_those_of_the_definition_and_verify(size):
    leaves = LEAVES[:size]
    assert ROOTS[size] == defined_root(leaves)
    for index in range(size):
        path = inclusion_path(leaves, index)
        assert path == defined_path(index, leaves)
        verify_inclusion(leaves[index], index=index, size=size, root=ROOTS[size], path=path)
    for old in range(1, size + 1):
        proof = consistency_path(leaves, old)
        assert proof == defined_proof(old, leaves)
        verify_consistency(old_size=old, old_root=ROOTS[old], new_size=size, new_root=ROOTS[size], path=proof)


@given(st.integers(0, 70), st.integers(0, 60))
def test_paths_of_appended_leaves_need_only_the_frontier_before_them(old, count):
    before = Frontier()
    for leaf in LEAVES[:old]:
        before = before.append(leaf)
    appended = LEAVES[old : old + count]
    whole = LEAVES[: old + count]
    assert appended_paths(before, appended) == [inclusion_path(whole, index) for index in range(old, old + count)]


@given(st.integers(0, 130))
def test_a_frontier_holds_one_hash_for_each_set_bit_and_survives_its_bytes(size):
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier = frontier.append(leaf)
    assert frontier.size == size
    assert len(frontier.hashes) == size.bit_count()
    assert frontier.root() == ROOTS[size]
    assert Frontier.from_bytes(frontier.to_bytes()) == frontier


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "a frontier begins with a size of 8 bytes up to 2^63 - 1, got ''"),
        (bytes(7), "a frontier begins with a size of 8 bytes up to 2^63 - 1, got '00000000000000'"),
        (b"\x80" + bytes(7), "a frontier begins with a size of 8 bytes up to 2^63 - 1, got '8000000000000000'"),
        (bytes(9), "a frontier of size 0 has 8 bytes, got 9"),
        (bytes(7) + b"\x03" + bytes(32), "a frontier of size 3 has 72 bytes, got 40"),
    ],
)
def test_a_damaged_frontier_is_refused(data, message):
    with pytest.raises(FormatError, match=f"^{re.escape(message)}$"):
        Frontier.from_bytes(data)


def test_the_empty_tree_has_the_hash_of_nothing():
    assert Frontier().root() == EMPTY_ROOT == root([]) == hashlib.sha256(b"").digest()


def test_leaf_node_and_chain_hashes_are_kept_apart_by_their_first_byte():
    left, right = LEAVES[0], LEAVES[1]
    hashes = {leaf_hash(left + right), node_hash(left, right), chain_next(left, right), hashlib.sha256(left + right).digest()}
    assert len(hashes) == 4
    assert chain_start("ledger.example/lead") == hashlib.sha256(b"\x02ledger.example/lead").digest()
    assert chain_next(left, right) == hashlib.sha256(b"\x02" + left + right).digest()


@given(SIZES, st.data())
def test_a_damaged_inclusion_proof_is_refused(size, data):
    index = data.draw(st.integers(0, size - 1))
    leaf, path, head = LEAVES[index], inclusion_path(LEAVES[:size], index), ROOTS[size]
    at = data.draw(st.integers(0, max(len(path) - 1, 0)))
    bit = data.draw(st.integers(0, 7))
    damages: dict[str, tuple[Hash, int, int, Hash, list[Hash]]] = {
        "wrong leaf": (OTHER, index, size, head, path),
        "index + 1": (leaf, index + 1, size, head, path),
        "index - 1": (leaf, index - 1, size, head, path),
        "index ^ 2": (leaf, index ^ 2, size, head, path),
        "size x 2": (leaf, index, size * 2, head, path),
        "preceding garbage": (leaf, index, size, head, [OTHER, *path]),
        "trailing garbage": (leaf, index, size, head, [*path, OTHER]),
        "trailing root": (leaf, index, size, head, [*path, head]),
        "random root": (leaf, index, size, OTHER, path),
        "modified root": (leaf, index, size, flipped(head, bit), path),
    }
    if path:
        damages |= {
            "empty path": (leaf, index, size, head, []),
            "removed hash": (leaf, index, size, head, path[:at] + path[at + 1 :]),
            "inserted hash": (leaf, index, size, head, [*path[:at], OTHER, *path[at:]]),
            "modified bit": (leaf, index, size, head, [*path[:at], flipped(path[at], bit), *path[at + 1 :]]),
            "cut hash": (leaf, index, size, head, [*path[:at], Hash(path[at][:31]), *path[at + 1 :]]),
            "size / 2": (leaf, index, size // 2, head, path),
        }
    for name, (a_leaf, an_index, a_size, a_root, a_path) in damages.items():
        with refused(InclusionError, name):
            verify_inclusion(a_leaf, index=an_index, size=a_size, root=a_root, path=a_path)


@given(SIZES, SIZES, st.data())
def test_a_damaged_consistency_proof_is_refused(one, other, data):
    old, new = sorted((one, other + one))
    path, before, after = consistency_path(LEAVES[:new], old), ROOTS[old], ROOTS[new]
    at = data.draw(st.integers(0, len(path) - 1))
    bit = data.draw(st.integers(0, 7))
    damages: dict[str, tuple[int, Hash, int, Hash, list[Hash]]] = {
        "wrong old root": (old, OTHER, new, after, path),
        "wrong new root": (old, before, new, OTHER, path),
        "swapped roots": (old, after, new, before, path),
        "swapped sizes": (new, before, old, after, path),
        "size x 2": (old, before, new * 2, after, path),
        "empty path": (old, before, new, after, []),
        "preceding garbage": (old, before, new, after, [OTHER, *path]),
        "preceding old root": (old, before, new, after, [before, *path]),
        "trailing garbage": (old, before, new, after, [*path, OTHER]),
        "removed hash": (old, before, new, after, path[:at] + path[at + 1 :]),
        "inserted hash": (old, before, new, after, [*path[:at], OTHER, *path[at:]]),
        "modified bit": (old, before, new, after, [*path[:at], flipped(path[at], bit), *path[at + 1 :]]),
        "cut hash": (old, before, new, after, [*path[:at], Hash(path[at][1:]), *path[at + 1 :]]),
        "equal sizes": (new, before, new, after, []),
    }
    for name, (old_size, old_root, new_size, new_root, a_path) in damages.items():
        with refused(ConsistencyError, name):
            verify_consistency(old_size=old_size, old_root=old_root, new_size=new_size, new_root=new_root, path=a_path)


def test_a_consistency_proof_forged_by_prepending_entries_is_refused():
    """A verifier that joins the old root in the wrong place takes a log with entries put in front for a longer log."""
    forged = [OTHER, *LEAVES[:4]]
    for path in (
        [OTHER, ROOTS[4]],
        [ROOTS[4], OTHER],
        [OTHER],
        [ROOTS[4]],
        consistency_path(forged, 4),
        [OTHER, *consistency_path(LEAVES[:5], 4)],
    ):
        with pytest.raises(ConsistencyError):
            verify_consistency(old_size=4, old_root=ROOTS[4], new_size=5, new_root=root(forged), path=path)


@pytest.mark.parametrize(
    ("index", "size", "path", "message"),
    [
        (-1, 4, [], "index -1 is outside a tree of size 4"),
        (4, 4, [], "index 4 is outside a tree of size 4"),
        (0, 0, [], "index 0 is outside a tree of size 0"),
        (2, 5, [OTHER], "the inclusion path of index 2 in size 5 has 1 hashes, want 3"),
        (0, 2, [OTHER[:31]], "the leaf, the root or the path of index 0 holds something that is not 32 bytes long"),
        (0, 2, [OTHER], f"index 0 in size 2 leads to root {node_hash(LEAVES[0], OTHER).hex()}, want {ROOTS[2].hex()}"),
    ],
)
def test_an_inclusion_refusal_says_what_was_wrong(index, size, path, message):
    with pytest.raises(InclusionError, match=f"^{re.escape(message)}$"):
        verify_inclusion(LEAVES[0], index=index, size=size, root=ROOTS[2], path=path)


WRONG_OLD = node_hash(LEAVES[2], OTHER)


@pytest.mark.parametrize(
    ("sizes", "roots", "path", "message"),
    [
        ((3, 2), (3, 2), [], "size 2 cannot follow size 3"),
        ((-1, 2), (0, 2), [], "size 2 cannot follow size -1"),
        ((2, 2), (2, 3), [], f"two roots at size 2: {ROOTS[2].hex()} and {ROOTS[3].hex()}"),
        ((2, 2), (2, 2), [OTHER], "the consistency path from size 2 to 2 has 1 hashes, want 0"),
        ((0, 3), (0, 3), [OTHER], "the consistency path from size 0 to 3 has 1 hashes, want 0"),
        ((0, 3), (1, 3), [], f"size 0 has root {EMPTY_ROOT.hex()}, got {ROOTS[1].hex()}"),
        ((3, 7), (3, 7), [OTHER], "the consistency path from size 3 to 7 has 1 hashes, want 4"),
        ((4, 7), (4, 7), [OTHER, OTHER], "the consistency path from size 4 to 7 has 2 hashes, want 1"),
        ((1, 2), (1, 2), [OTHER[:8]], "the roots or the consistency path hold something that is not 32 bytes long"),
        ((2, 3), (2, 3), [OTHER], f"size 3 leads to root {node_hash(ROOTS[2], OTHER).hex()}, want {ROOTS[3].hex()}"),
        ((3, 4), (3, 4), [LEAVES[2], LEAVES[3], OTHER], f"size 3 leads to root {node_hash(OTHER, LEAVES[2]).hex()}, want {ROOTS[3].hex()}"),
    ],
)
def test_a_consistency_refusal_says_what_was_wrong(sizes, roots, path, message):
    with pytest.raises(ConsistencyError, match=f"^{re.escape(message)}$"):
        verify_consistency(old_size=sizes[0], old_root=ROOTS[roots[0]], new_size=sizes[1], new_root=ROOTS[roots[1]], path=path)


def test_from_nothing_and_from_the_same_size_the_roots_decide():
    verify_consistency(old_size=0, old_root=EMPTY_ROOT, new_size=7, new_root=ROOTS[7], path=consistency_path(LEAVES[:7], 0))
    verify_consistency(old_size=0, old_root=EMPTY_ROOT, new_size=0, new_root=EMPTY_ROOT, path=[])
    verify_consistency(old_size=7, old_root=ROOTS[7], new_size=7, new_root=ROOTS[7], path=consistency_path(LEAVES[:7], 7))


def test_no_path_is_made_outside_the_tree():
    with pytest.raises(InclusionError, match=r"^index 3 is outside a tree of size 3$"):
        inclusion_path(LEAVES[:3], 3)
    for size in (-1, 4):
        with pytest.raises(ConsistencyError, match=f"^no consistency path from size {size} to size 3$"):
            consistency_path(LEAVES[:3], size)


def test_a_path_through_a_hundred_thousand_leaves_costs_no_stack():
    leaves = [LEAVES[0]] * 100_000
    verify_inclusion(LEAVES[0], index=99_999, size=100_000, root=root(leaves), path=inclusion_path(leaves, 99_999))


def test_a_leaf_or_root_of_another_length_is_no_hash():
    message = "^the leaf, the root or the path of index 0 holds something that is not 32 bytes long$"
    for leaf, head in ((Hash(LEAVES[0][:31]), ROOTS[1]), (LEAVES[0], Hash(ROOTS[1] + b"x"))):
        with pytest.raises(InclusionError, match=message):
            verify_inclusion(leaf, index=0, size=1, root=head, path=[])
    message = "^the roots or the consistency path hold something that is not 32 bytes long$"
    short = Hash(ROOTS[2][:31])
    for old, new, size in ((short, ROOTS[3], 3), (ROOTS[2], short, 3)):
        with pytest.raises(ConsistencyError, match=message):
            verify_consistency(old_size=2, old_root=old, new_size=size, new_root=new, path=consistency_path(LEAVES[:size], 2))


def test_a_frontier_of_the_largest_tree_survives_its_bytes():
    largest = Frontier(2**63 - 1, tuple(LEAVES[:63]))
    assert Frontier.from_bytes(largest.to_bytes()) == largest
