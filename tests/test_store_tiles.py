"""Tiles in the store: written as the log grows, read for every proof, checked as a projection, and brought into older stores."""

import pytest
from sqlalchemy import insert

from exported import grown, more
from house import House
from ledger.errors import StoreError
from ledger.log import receipt as receipt_of
from ledger.rebuild import rebuild_projections
from ledger.store.store import Store
from ledger.store.tables import entry
from ledger.tlog import merkle, proof, tile
from ledger.tlog.merkle import Hash

pytestmark = pytest.mark.usefixtures("each_store")


@pytest.fixture(scope="module")
def tall(tmp_path_factory, each_store):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(House, "server", None)
        filed = grown(tmp_path_factory.mktemp("filed"), 600)
    return House.moved(filed, tmp_path_factory.mktemp("tall"))


@pytest.fixture
def copy(tall, tmp_path):
    return tall.copy(tmp_path / "copy")


class Counting:
    """Counts the tiles that are read from a store."""

    def __init__(self, view):
        self.view = view
        self.tiles = 0

    def tile(self, level, index, width):
        self.tiles += 1
        return self.view.tile(level, index, width)


def leaves(house):
    return [Hash(entry[2]) for entry in house.entries()]


def rows(house):
    with Store.open(house.path).reading() as view:
        return Store.subtrees(view)


def differing(report):
    return [(finding.index, finding.message) for finding in report.findings if finding.code == "projection-differs"]


def test_a_row_is_written_for_each_256_entries(tall, copy):
    whole = leaves(tall)
    assert sorted(rows(tall)) == [(1, 0, merkle.root(whole[:256])), (1, 1, merkle.root(whole[256:512]))]
    more(copy, 168)
    assert sum(rows(copy).values()) == 3
    assert copy.audit().findings == []


def test_the_store_gives_tiles_roots_and_receipts_from_a_few_hashes(tall):
    whole = leaves(tall)
    size = len(whole)
    with Store.open(tall.path).reading() as view:
        assert view.tile(0, 1, 256) == whole[256:512]
        assert view.tile(0, 2, 7) == whole[512:519]
        assert view.tile(1, 0, 2) == [merkle.root(whole[:256]), merkle.root(whole[256:512])]
        for at in (0, 1, 255, 256, 257, 511, 512, 513, size):
            assert tile.root_at(view, at, of=size) == view.root_at(at) == merkle.root(whole[:at])
        for index in (0, 3, 300, size - 1):
            read = Counting(view)
            covering = Store.checkpoint_covering(view, index)
            assert covering is not None
            path = tile.inclusion(read, index, covering[0])
            assert path == merkle.inclusion_path(whole[: covering[0]], index)
            assert read.tiles <= 4
            assert list(proof.parse_proof(receipt_of(view, index, view.record(index)).proof).path) == path


def test_a_tile_beyond_the_log_is_refused(tall):
    with Store.open(tall.path).reading() as view:
        with pytest.raises(StoreError, match="^the store holds 2 of 3 hashes of tile/1/000.p/3$"):
            view.tile(1, 0, 3)
        with pytest.raises(StoreError, match="^the store holds 0 of 256 hashes of tile/0/900$"):
            view.tile(0, 900, 256)
        with pytest.raises(StoreError, match="^the store holds no entry 9999$"):
            view.entry(9999)


def test_the_levels_above_grow_with_65536_entries(tmp_path):
    store = House.empty(tmp_path)
    whole = [merkle.leaf_hash(b"%d" % number) for number in range(65_536)]
    with store.writing() as view:
        rows = [{"idx": number, "record": b"", "leaf": bytes(hashed), "chain": b""} for number, hashed in enumerate(whole)]
        view.connection.execute(insert(entry), rows)
        for size in range(256, 65_537, 256):
            Store._complete_subtrees(view, size)
        grown = Store.subtrees(view)
        Store.write_subtrees(view)
        assert Store.subtrees(view) == grown
        assert sum(grown.values()) == 257
        assert (2, 0, bytes(merkle.root(whole))) in grown
        assert tile.root_at(view, 65_536) == merkle.root(whole)
        assert tile.inclusion(view, 40_000, 65_000) == merkle.inclusion_path(whole[:65_000], 40_000)


@pytest.mark.parametrize(
    ("statement", "index", "message"),
    [
        (
            "DELETE FROM subtree WHERE idx = 1",
            256,
            "table subtree differs from what the records say (1 rows missing, 0 too many), first 1 1 ",
        ),
        (
            "UPDATE subtree SET hash = zeroblob(32) WHERE idx = 0",
            0,
            "table subtree differs from what the records say (1 rows missing, 1 too many), first 1 0 ",
        ),
        (
            "INSERT INTO subtree VALUES (1, 2, zeroblob(32))",
            512,
            "table subtree differs from what the records say (0 rows missing, 1 too many), first 1 2 ",
        ),
        (
            "INSERT INTO subtree VALUES (99, 2, zeroblob(32))",
            None,
            "table subtree differs from what the records say (0 rows missing, 1 too many), first 99 2 ",
        ),
    ],
)
def test_a_damaged_row_is_found_and_mended(copy, statement, index, message):
    copy.sql(statement)
    ((at, said),) = differing(copy.audit())
    assert at == index
    assert said.startswith(message)
    rebuild_projections(Store.open(copy.path))
    assert copy.audit().findings == []


def test_a_root_of_the_tiles_that_is_not_the_checkpoints_stops_no_audit(copy):
    copy.sql("UPDATE subtree SET hash = 'text' WHERE idx = 0")
    report = copy.audit()
    assert report.first_bad == 0
    assert {finding.code for finding in report.findings} == {"projection-differs"}


# What others signed about the log


def test_cosignatures_are_kept_once_for_a_key_and_handed_out_by_name(copy):
    with Store.open(copy.path).writing() as view:
        newest = Store.newest_checkpoint(view)
        assert newest is not None
        note = newest[3]
        assert Store.published(view, 600) == note
        Store.add_cosignatures(view, 600, [])
        Store.add_cosignatures(view, 600, [("w.example/b", "0a", 7, b"line b\n"), ("w.example/a", "0b", 8, b"line a")])
        Store.add_cosignatures(view, 600, [("w.example/b", "0a", 9, b"later\n"), ("w.example/b", "09", 9, b"another key\n")])
        assert Store.cosignatures(view, 600) == [b"line a\n", b"another key\n", b"line b\n"]
        assert Store.cosignatures(view, 599) == []
        assert Store.published(view, 600) == note + b"line a\nanother key\nline b\n"
        with pytest.raises(StoreError, match="^the store has no checkpoint at size 599$"):
            Store.published(view, 599)


def test_statements_of_auditors_are_kept_and_the_same_one_once(copy):
    with Store.open(copy.path).writing() as view:
        Store.keep_attestation(view, 600, "b", b"note 1")
        Store.keep_attestation(view, 600, "b", b"note 2")
        Store.keep_attestation(view, 600, "b", b"note 1")
        Store.keep_attestation(view, 3, "z", b"note 0")
        assert Store.attestations(view) == [(3, "z", b"note 0"), (600, "b", b"note 1"), (600, "b", b"note 2")]
