"""A ledger in memory laid over another one: what is booked anew on the sheet hides what lies below."""

import pytest

from books import kg
from events import SOFT, books, correct, dispose, receive, ship, transform, void
from events import out as output
from ledger.memory import Memory
from ledger.state import apply
from ledger.view import LAST

K = "keystone/1"
A, B, C, D = "keystone:A", "keystone:B", "keystone:C", "keystone:D"


def made_ledger():
    made = books("keystone", "voltaic")
    made.log(K, receive(A, vessel="K3", serials=[["DY-1", "DY-9"]]))
    made.log(K, transform("refine", [A], [output(B, "soft_lead", kg(990), SOFT, vessel="K3")]))
    return made


@pytest.fixture
def ledger():
    return made_ledger()


QUESTIONS = [
    lambda view: view.size,
    lambda view: view.party("keystone"),
    lambda view: view.is_party("nobody"),
    lambda view: view.site("keystone:works"),
    lambda view: view.key(K),
    lambda view: view.key_of(view.key(K).public),
    lambda view: view.head(K),
    lambda view: [view.signer(index) for index in range(view.size)],
    lambda view: [view.index_of(view.record_id(index)) for index in range(view.size)],
    lambda view: view.root_at(1),
    lambda view: view.claims_under("keystone-RC-"),
    lambda view: [view.last_in_vessel("keystone:works", "K3", place << 8) for place in range(12)],
    lambda view: [view.first_transform("keystone:works", place << 8) for place in range(-1, 12)],
    lambda view: [view.serial_holder("DY-3", "DY-4", place << 8) for place in range(12)],
    lambda view: [list(view.touches(name, place << 8)) for name in (A, B, C, D) for place in range(12)],
    lambda view: [view.batch_at(name, place << 8) for name in (A, B, C, D) for place in range(12)],
    lambda view: [view.batch(name) for name in (A, B, C, D)],
    lambda view: [view.maker(name) for name in (A, B, C, D)],
    lambda view: [view.states_at(place << 8) for place in range(12)],
    lambda view: [view.amendments(place << 8) for place in range(12)],
    lambda view: [view.event(place << 8) for place in range(12)],
    lambda view: [view.closure_at(place << 8) for place in range(12)],
    lambda view: [(view.made_of(name), view.made_into(name)) for name in (A, B, C, D)],
]


@pytest.mark.parametrize(
    "raws",
    [
        [dispose(B, mass=kg(1))],
        [ship(B, "voltaic")],
        [receive(C, serials=[["DY-10", "DY-12"]])],
        [correct(A, receive(A, mass=kg(1001), vessel="K3", serials=[["DY-1", "DY-8"]]))],
        [correct(A, receive(A, vessel="K9"))],
        [void(B)],
        [void(B), void(A)],
        [void(B), transform("refine", [A], [output(C, "soft_lead", kg(900), SOFT, vessel="K3", serials=[["DY-2", "DY-3"]])])],
        [transform("split", [B], [output(C, "soft_lead", kg(90)), output(D, "soft_lead", "balance")])],
    ],
)
def test_a_sheet_over_a_ledger_reads_like_the_ledger_with_the_record_folded_in(ledger, raws):
    record = ledger.draft(K, *raws)
    sheet = Memory(ledger.memory)
    sheet.fold(apply(ledger.memory, record))
    twin = made_ledger()
    twin.submit(record)
    for question in QUESTIONS:
        assert question(sheet) == question(twin.memory)


def test_opening_stock_is_taken_after_the_only_transform_was_voided(ledger):
    ledger.log(K, void(B), receive(C, opening=True))
    assert ledger.batch(C).dry_left == 1_000_000_000
    assert ledger.memory.first_transform("keystone:works") is None


def test_nothing_is_known_of_an_empty_ledger():
    memory = Memory()
    assert (memory.facts, memory.size, memory.batch_before(A, LAST), memory.serial_holder("A1", "A2", LAST)) == (None, 0, None, None)


def test_all_that_was_folded_in_can_be_folded_in_again(ledger):
    ledger.log(K, correct(A, receive(A, mass=kg(1001), vessel="K3")), dispose(B, mass=kg(1)))
    again = Memory()
    for changes in ledger.memory.all_changes():
        again.fold(changes)
    assert again.bookings == ledger.memory.bookings
    assert list(again.all_batches()) == list(ledger.memory.all_batches()) == [ledger.batch(A), ledger.batch(B)]


def test_a_batch_that_was_voided_is_no_batch(ledger):
    ledger.log(K, void(B))
    assert list(ledger.memory.all_batches()) == [ledger.batch(A)]
