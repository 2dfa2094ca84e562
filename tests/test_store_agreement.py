"""The two views of a ledger, the store and memory, answer alike; and what the store derived can be derived again."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from books import TIME, kg, pct
from house import House, played, receipt, stored
from ledger.errors import AmountError, OriginError, StoreError
from ledger.matter.provenance import Source
from ledger.memory import Memory
from ledger.rebuild import rebuild_projections
from ledger.replay import replay
from ledger.store.codec import source_of, source_text
from ledger.store.rows import counted, projected
from ledger.store.store import Store
from ledger.store.tables import PROJECTIONS
from ledger.view import LAST, position
from program import Program

pytestmark = pytest.mark.usefixtures("each_store")

NUMBERS = st.integers(0, 999)
STEPS = st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=4, max_size=24)


def rows(store):
    with store.reading() as view:
        return {table.name: Store.projection(view, table.name) for table in PROJECTIONS}


def rows_of(memory):
    return {name: counted(name, found) for name, found in projected(memory).items()}


def answers(view, memory):
    """Return what a view says to every question that the rules ask, about everything that memory knows."""
    names, places = sorted(memory.numbers), sorted(memory.events)
    some = [*places, LAST]
    return {
        "facts": view.facts,
        "size": view.size,
        "parties": [(name, view.party(name), view.is_party(name)) for name in (*memory.parties, "nobody")],
        "sites": [(name, view.site(name), view.first_transform(name)) for name in (*memory.sites, "no:where")],
        "keys": [(name, view.key(name), view.head(name)) for name in (*memory.keys, "no/key")],
        "key_of": [view.key_of(facts.public) for facts in memory.keys.values()] + [view.key_of("00")],
        "records": [(view.record_id(index), view.signer(index), view.index_of(view.record_id(index))) for index in range(view.size)],
        "no record": view.index_of("00"),
        "events": [(place, view.event(place), view.amendments(place), view.closure_at(place)) for place in places],
        "states": [(place, view.states_at(place)) for place in places],
        "batches": [(name, place, view.batch_at(name, place)) for name in (*names, "no:batch") for place in some],
        "touches": [(name, list(view.touches(name, place))) for name in names for place in (-1, places[len(places) // 2])],
        "makers": [(name, view.maker(name)) for name in (*names, "no:batch")],
        "edges": [(name, view.made_of(name), view.made_into(name)) for name in names],
        "vessels": [(site, place, view.last_in_vessel(site, "K1", place)) for site in memory.sites for place in some],
        "serials": [view.serial_holder("S1", "S9", place) for place in some],
        "claims": [view.claim("nobody-RC-0001"), view.claims_under("yard-RC-")],
    }


@settings(max_examples=6)
@given(STEPS)
def test_store_and_memory_hold_the_same_after_the_same_records(steps):
    program = Program()
    program.run(steps)
    with TemporaryDirectory() as folder:
        house = stored(program.books, Path(folder))
        memory = replay(house.entries()).memory
        assert memory.size == program.books.memory.size
        found = rows(Store.open(house.path))
        assert found == rows_of(memory)
        with Store.open(house.path).reading() as view:
            said = answers(view, memory)
            assert said == answers(memory, memory)
            assert said == answers(Memory(view), memory)
            assert list(view.batches()) == list(memory.all_batches())
            assert [facts.name for facts in view.keys()]  # noqa: SIM118 - a question of the view, not a dict == sorted(memory.keys)
            assert (view.parties(), view.sites()) == (
                [memory.parties[name] for name in sorted(memory.parties)],
                [memory.sites[name] for name in sorted(memory.sites)],
            )
        assert house.audit().holds
        rebuild_projections(Store.open(house.path))
        assert rows(Store.open(house.path)) == found


@pytest.fixture(scope="module")
def house(tmp_path_factory, each_store):
    return played(tmp_path_factory.mktemp("played"), steps=90 if each_store == "sqlite" else 45)


def test_a_ledger_that_was_written_by_its_parties_replays_to_what_the_store_derived(house):
    done = replay(house.entries())
    assert done.findings == []
    assert rows(Store.open(house.path)) == rows_of(done.memory)
    assert {"correct", "transform", "accept"} <= {event.type for event in done.memory.events.values()}


def test_a_rebuild_mends_edited_tables_and_gives_identical_rows(house, tmp_path):
    copy = house.copy(tmp_path)
    before = rows(Store.open(copy.path))
    copy.sql("DELETE FROM batch", "UPDATE posting SET mass = mass + 1", "DELETE FROM meta WHERE name LIKE 'f%'")
    assert not copy.audit().holds
    done: list[int] = []
    assert rebuild_projections(Store.open(copy.path), dry_run=True, progress=done.append) == len(done) == len(copy.entries())
    assert not copy.audit().holds
    rebuild_projections(Store.open(copy.path))
    assert rows(Store.open(copy.path)) == before
    assert copy.audit().holds
    copy.write("yard/1", receipt("yard:AGAIN", site="yard:gate"))
    assert copy.audit().holds


def test_a_rebuild_leaves_what_is_not_signed_for_yet_to_the_next_writer(house, tmp_path, monkeypatch):
    copy = house.copy(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("ledger.log.sign_head", refuse)
        with pytest.raises(StoreError):
            copy.write("yard/1", receipt("yard:AGAIN", site="yard:gate"))
    rebuild_projections(Store.open(copy.path))
    assert [finding.code for finding in copy.audit().findings if finding.severity == "broken"] == []
    copy.write("yard/1", receipt("yard:MORE", site="yard:gate"))
    assert copy.audit().holds


def refuse(*_):
    raise StoreError("the disk is gone")


def test_nothing_is_derived_from_a_log_that_does_not_hold(house, tmp_path):
    copy = house.copy(tmp_path / "a")
    copy.sql("UPDATE entry SET leaf = x'00' WHERE idx = 5")
    before = copy.kept.content()
    with pytest.raises(StoreError, match="^the log does not hold, so nothing was derived from it: entry 5 hashes to "):
        rebuild_projections(Store.open(copy.path))
    assert copy.kept.content() == before
    last = len(copy.entries()) - 1
    copy = house.copy(tmp_path / "b")
    copy.sql("DELETE FROM entry WHERE idx = ?", values=(last,))
    with pytest.raises(
        StoreError, match=rf"^the newest checkpoint has root [0-9a-f]{{64}} at size {last + 1}, the log has .* at size {last}; "
    ):
        rebuild_projections(Store.open(copy.path))


def test_a_tables_row_that_cannot_be_read_is_a_refusal_and_no_traceback(house, tmp_path):
    copy = house.copy(tmp_path)
    with Store.open(copy.path).reading() as view:
        batch = next(iter(view.batches())).id
    for table, column in (
        ("batch", "state"),
        ("party", "facts"),
        ("site", "facts"),
        ("key", "facts"),
        ("booking", "notes"),
        ("edge", "contained"),
    ):
        copy.sql(f"UPDATE {table} SET {column} = '{{'")
    copy.sql("UPDATE meta SET value = '[]' WHERE name = 'facts'")
    copy.sql("INSERT INTO claim VALUES ('yard-RC-0001', 'yard', 'recycled-content', '{}')")
    copy.sql("UPDATE entry SET record = 'text' WHERE idx = 4", "DELETE FROM record WHERE idx = 4")
    with Store.open(copy.path).reading() as view:
        child = view.connection.exec_driver_sql("SELECT child FROM edge").scalar()
        for table, ask in (
            ("batch", lambda: view.batch(batch)),
            ("batch", lambda: list(view.batches())),
            ("batch", lambda: view.states_at(view.maker(batch) or 0)),
            ("party", lambda: view.party("yard")),
            ("party", view.parties),
            ("site", lambda: view.site("yard:gate")),
            ("site", view.sites),
            ("key", lambda: view.key("yard/1")),
            ("key", view.keys),
            ("booking", lambda: view.closure_at(view.maker(batch) or 0)),
            ("edge", lambda: view.made_of(str(child))),
            ("claim", lambda: view.claim("yard-RC-0001")),
            ("claim", view.claims),
            ("meta", lambda: view.facts),
        ):
            with pytest.raises(StoreError, match=f"^table {table} of the store holds a row that cannot be read$"):
                ask()
        with pytest.raises(StoreError, match="^entry 4 of the store is no record: "):
            view.record(4)
        with pytest.raises(StoreError, match="^the store holds no entry 999$"):
            view.record(999)
        with pytest.raises(StoreError, match="^the store's projections hold no record 4$"):
            view.record_id(4)
        assert view.record_of("yard/1", 999) is None


def test_many_records_are_read_without_keeping_them_all(tmp_path):
    house = House.found(tmp_path)
    with Store.open(house.path).reading() as view:
        first = view.record(0)
        view._records.update(dict.fromkeys(range(1, 1100), first))
        view._records.pop(0)
        assert view.record(0) == first
        assert list(view._records) == [0]


def test_an_event_beyond_a_records_last_is_none(tmp_path):
    house = House.found(tmp_path)
    with Store.open(house.path).reading() as view:
        assert view.event(position(0, 0)) is not None
        assert view.event(position(0, 1)) is None


def test_a_voided_first_transform_leaves_the_site_as_before_it_for_store_and_memory(tmp_path):
    house = House.found(tmp_path)
    house.admit("keystone")
    house.write("keystone/1", receipt("keystone:A"))
    split = {
        "type": "transform",
        "time": TIME,
        "site": "keystone:works",
        "kind": "split",
        "inputs": [{"batch": "keystone:A"}],
        "outputs": [{"batch": "keystone:B", "material": "battery_paste", "mass": "balance"}],
    }
    house.write("keystone/1", split)
    opening = receipt("keystone:STOCK", opening=True)
    with pytest.raises(OriginError):
        house.write("keystone/1", opening)
    void = {"type": "void", "time": TIME, "of": {"batch": "keystone:B"}, "reason": "entered twice"}
    house.write("keystone/1", void, opening)
    house.write("keystone/1", receipt("keystone:STOCK-2", opening=True))
    assert house.audit().holds


def test_a_record_that_saw_the_empty_log_is_taken_by_store_and_memory_alike(tmp_path):
    house = House.found(tmp_path)
    house.admit("keystone")
    with Store.open(house.path).reading() as view:
        assert view.root_at(0) == Memory().root_at(0) == Memory(view).root_at(0)


def test_a_correction_that_books_more_events_anew_than_a_statement_takes_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr("ledger.store.store._AT_ONCE", 2)
    house = House.found(tmp_path)
    house.admit("keystone")
    event = receipt("keystone:A")
    house.write("keystone/1", event)
    for number in range(7):
        mass = {"value": str(10 + number), "unit": "kg"}
        house.write(
            "keystone/1", {"type": "dispose", "time": TIME, "site": "keystone:works", "batch": "keystone:A", "mass": mass, "reason": "r"}
        )
    right = {**event, "mass": kg(990), "assay": {"Pb": pct(74)}}
    house.write("keystone/1", {"type": "correct", "time": TIME, "of": {"batch": "keystone:A"}, "event": right, "reason": "weighed again"})
    assert house.audit().holds


def test_the_newest_holder_of_a_serial_number_is_named_by_store_and_memory(tmp_path):
    house = House.found(tmp_path)
    house.admit("keystone")
    with Store.open(house.path).writing() as view:
        for batch, place in (("keystone:B", 9), ("keystone:A", 5)):
            view.connection.exec_driver_sql(house.words("INSERT INTO serial VALUES ('S', 1, 9, ?, ?)"), (place, batch))
        assert view.serial_holder("S3", "S4", LAST) == "keystone:B"
        assert view.serial_holder("S3", "S4", 9) == "keystone:A"
        assert view.serial_holder("S10", "S11", LAST) is None


@given(
    st.sampled_from(["", "end_of_life"]),
    st.booleans(),
    st.lists(st.tuples(st.sampled_from(["was:a", "is_waste", "documented"]), st.booleans())),
)
def test_a_source_is_read_back_from_its_text(was, documented, answers):
    source = Source("distribution_return", (("collected_in", ("CA", "US")), ("smelted_in", ("MX",))), documented, was, tuple(answers))
    assert source_of(source_text(source)) == source


def test_a_mass_beyond_what_the_store_holds_is_refused_and_one_within_is_kept(tmp_path):
    house = House.found(tmp_path)
    house.admit("keystone")
    house.write("keystone/1", receipt("keystone:TINY", "0.000001"))
    house.write("keystone/1", receipt("keystone:LARGE", "9223372036854"))
    before = house.kept.content()
    for dry_run in (True, False):
        with pytest.raises(AmountError) as refusal:
            house.desk("keystone/1").write(house.log(), [[receipt("keystone:HUGE", "999999999999999")]], dry_run=dry_run)
        assert str(refusal.value) == "a mass is beyond 2^63 - 1 mg, more than a ledger holds"
    assert house.kept.content() == before
    assert house.audit().holds
