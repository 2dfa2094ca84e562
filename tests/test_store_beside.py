"""What the store keeps beside the log: openings of sealed fields, credentials, and the questions that reports ask."""

import pytest

from books import TIME, kg
from house import House, disposal, receipt
from ledger.draft import Opening, completed, parse_event, seal
from ledger.errors import EncodingError, FormatError, RuleError
from ledger.replay import replay
from ledger.store.store import Store
from ledger.tlog import merkle
from ledger.tlog.private import sealed_digest
from ledger.view import position
from schemas.event import Dispose
from schemas.measurement import Quantity

pytestmark = pytest.mark.usefixtures("each_store")


@pytest.fixture
def house(tmp_path):
    house = House.found(tmp_path)
    house.admit("keystone")
    return house


def test_openings_are_kept_with_their_record_and_can_be_erased_without_touching_the_log(house):
    given = house.write("keystone/1", receipt("keystone:A", private={"driver": "A. Driver", "price": "900"})).receipts[0]
    store, before = Store.open(house.path), house.entries()
    with store.writing() as view:
        kept = Store.openings(view, given.record.id)
        assert [(opening.field, opening.value) for opening in kept] == [("private.driver", "A. Driver"), ("private.price", "900")]
        sealed = given.record.events[0].private["driver"].sealed
        assert sealed == sealed_digest(salt=kept[0].salt, field=kept[0].field, value=kept[0].value)
        assert Store.erase(view, given.record.id, "private.driver") == 1
        assert Store.erase(view, given.record.id, None) == 1
        assert Store.openings(view, given.record.id) == []
    assert house.entries() == before
    assert house.audit().holds


def test_a_credential_is_kept_unsigned_and_then_signed(house):
    with Store.open(house.path).writing() as view:
        assert Store.credential(view, "keystone-RC-0001") is None
        Store.keep_credential(view, "keystone-RC-0001", digest="00", unsigned=b"{}")
        Store.keep_credential(view, "keystone-RC-0001", digest="01", unsigned=b"{}")
        assert Store.credential(view, "keystone-RC-0001") == ("01", b"{}", None)
        Store.sign_credential(view, "keystone-RC-0001", b"{proof}")
        assert Store.credential(view, "keystone-RC-0001") == ("01", b"{}", b"{proof}")


def test_reports_ask_for_postings_holdings_times_and_leaves(house):
    house.write("keystone/1", receipt("keystone:A", "100"))
    house.write("keystone/1", disposal("keystone:A", "40"))
    with Store.open(house.path).reading() as view:
        booked = [(place >> 8, posting.account, posting.mass) for place, posting in view.postings("keystone:works")]
        assert booked == [(3, "received", 75_000_000), (4, "disposed", 30_000_000)]
        assert list(view.postings()) == list(view.postings("keystone:works"))
        assert list(view.postings("no:where")) == []
        assert view.held() == view.held("keystone:works") == {"Pb": 45_000_000}
        assert view.held("no:where") == {}
        assert view.time_of(position(3, 0)) == TIME
        assert view.time_of(position(3, 9)) == ""
        assert view.leaf(3) == merkle.leaf_hash(house.entries()[3][1])
        assert view.leaf(99) is None


def unused(batch, serials):
    return receipt(batch, material="battery", feedstock="primary", places={}, pieces=9, serials=[serials])


def test_a_corrected_serial_range_is_free_again_within_the_same_record(house):
    """A sheet over the store passes over what it has booked anew itself."""
    battery = unused("keystone:B", ["S-1", "S-9"])
    house.write("keystone/1", battery)
    with pytest.raises(RuleError):
        house.write("keystone/1", unused("keystone:C", ["S-9", "S-17"]))
    right = {**battery, "serials": [["T-1", "T-9"]]}
    correct = {"type": "correct", "time": TIME, "of": {"batch": "keystone:B"}, "event": right, "reason": "misread"}
    house.write("keystone/1", correct, unused("keystone:C", ["S-9", "S-17"]))
    assert house.audit().holds


# Drafts


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (b"[]", FormatError, "f, line 3: an event is a JSON object"),
        (b"{", EncodingError, "f, line 3: not JSON at column 2"),
        (b'{"a":1.5}', EncodingError, "f, line 3: the number 1.5 is not an integer; a measured number is a string with a unit"),
        (b'{"a":1,"a":2}', EncodingError, "f, line 3: the key 'a' stands twice in one object"),
        (b'{"type":"certify"}', FormatError, "f, line 3, field type: a certify event comes from its own command, not from a file"),
    ],
)
def test_a_line_that_is_no_event_is_refused_with_its_place(data, error, message):
    with pytest.raises(error) as refusal:
        parse_event(data, file="f", line=3)
    assert str(refusal.value) == message


def test_an_event_of_any_shape_is_read_and_judged_later():
    assert parse_event(b'{"type":["certify"]}') == {"type": ["certify"]}
    assert parse_event(b'{"type":"certify"}', commands=True) == {"type": "certify"}
    with pytest.raises(EncodingError, match="^event: not JSON at column 1$"):
        parse_event(b"")


def test_private_values_are_sealed_wherever_they_stand():
    raw = receipt(
        "keystone:A",
        documents=[{"kind": "weigh_ticket", "sha256": "ab" * 32, "number": "W-1"}],
        generator={"process": "casting", "name": {"private": "Somebody"}},
    )
    sealed, openings = seal({"type": "correct", "event": raw}, 2, salt=bytes)
    assert openings == [
        Opening(2, "event.documents.0.number", bytes(16), "W-1"),
        Opening(2, "event.generator.name", bytes(16), "Somebody"),
    ]
    assert sealed["event"]["generator"]["name"] == {"sealed": sealed_digest(salt=bytes(16), field="event.generator.name", value="Somebody")}
    assert raw["documents"][0]["number"] == "W-1"


def test_a_name_that_is_not_normalised_is_refused_when_it_is_written(house):
    site = {"id": "keystone:two", "party": "keystone", "name": "Cafe\u0301", "country": "US"}
    with pytest.raises(FormatError) as refusal:
        house.write("keystone/1", {"type": "site", "time": TIME, "site": site})
    assert str(refusal.value) == "field site.name: is not in Unicode Normalisation Form C; type it again or normalise it"


def test_what_is_left_follows_the_moisture_that_is_stated_and_a_use_without_batch_is_left_to_the_model(house):
    house.write("keystone/1", receipt("keystone:A", "100"))
    wet = disposal("keystone:A", moisture={"value": "20", "unit": "%"})
    event = completed(wet, replayed(house), index=9)
    assert isinstance(event, Dispose)
    assert isinstance(event.mass, Quantity)
    assert (event.mass.value, event.rest) == ("125000", True)
    with pytest.raises(FormatError, match="^field batch: must be text, got 7$"):
        completed({**disposal("keystone:A"), "batch": 7, "mass": kg(1)}, None, index=9)
    with pytest.raises(FormatError, match="^field inputs: must be a list, got 'x'$"):
        completed(
            {"type": "transform", "time": TIME, "site": "keystone:works", "kind": "smelt", "inputs": "x", "outputs": []}, None, index=9
        )


def replayed(house):
    return replay(house.entries()).memory
