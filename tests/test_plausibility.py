"""The flags that an audit raises on what was allowed: dates, tares, weights, capacities, keys."""

import pytest

from books import Books, kg, lb
from events import correct, void
from house import enrolment, receipt, registration
from ledger.plausibility import implausible


def flags(books):
    return [(finding.code, finding.index, finding.message) for finding in implausible(books.memory)]


@pytest.fixture
def books():
    books = Books()
    books.admit("keystone")
    return books


def truck(number, **more):
    event = receipt(f"keystone:L{number}")
    return {**event, "mass": lb(40001 + number), **more}


def test_an_ordinary_day_raises_no_flag(books):
    for number in range(6):
        books.log("keystone/1", truck(number, tare=lb(30000 + 20 * number)))
    assert flags(books) == []


def test_an_event_signed_long_after_it_happened_is_flagged(books):
    books.log("keystone/1", truck(1, time="2026-01-30T14:05:00Z"))
    books.log("keystone/1", truck(2, time="2026-01-29T14:05:00Z"))
    assert flags(books) == [("backdated", 4, "record 4: an event of 2026-01-29T14:05:00Z was signed 32 days later")]


def test_an_event_signed_before_it_happened_is_flagged(books):
    books.log("keystone/1", truck(1, time="2026-03-03T14:05:00Z"))
    books.log("keystone/1", truck(2, time="2026-03-03T14:05:01Z"))
    assert flags(books) == [
        ("future-dated", 4, "record 4: an event of 2026-03-03T14:05:01Z was signed on 2026-03-02T14:05:00Z, before it happened")
    ]


def test_the_same_tare_again_and_again_is_flagged(books):
    for number in range(4):
        books.log("keystone/1", truck(number, tare=lb(31000)))
    assert flags(books) == []
    books.log("keystone/1", truck(4, tare=lb(31000)))
    assert flags(books) == [("repeated-tare", 7, "keystone:works: 5 of 5 trucks have the tare 31000 lb")]
    for number in range(5, 10):
        books.log("keystone/1", truck(number, tare=lb(31000 + number)))
    assert flags(books) == []


def test_loads_in_round_thousands_are_flagged_and_opening_stock_is_not_a_load(books):
    for number in range(6):
        books.log("keystone/1", truck(number, mass=lb(40000), opening=True))
    assert flags(books) == []
    for number in range(6, 11):
        books.log("keystone/1", truck(number, mass=lb(40000 + 1000 * number)))
    assert flags(books) == [("round-weights", 13, "keystone:works: 5 of 5 loads weigh round thousands")]


def test_a_load_far_heavier_than_nine_in_ten_is_flagged_once_there_are_enough_to_tell(books):
    for number in range(8):
        books.log("keystone/1", truck(number))
    books.log("keystone/1", truck(8, mass=kg("40008")))
    assert flags(books) == []
    books.log("keystone/1", truck(9))
    assert flags(books) == [
        ("heavy-load", 11, "keystone:works: 1 of 10 loads of battery_paste are heavier by half than nine in ten, up to 40008 kg")
    ]
    books.log("keystone/1", correct("keystone:L8", truck(8)))
    assert flags(books) == []


def test_a_weigh_ticket_behind_two_receipts_is_flagged_and_a_certificate_that_covers_both_is_not(books):
    ticket = [{"kind": "weigh_ticket", "sha256": "ab" * 32}, {"kind": "certificate", "sha256": "cd" * 32}]
    for number in range(2):
        books.log("keystone/1", truck(number, documents=ticket))
    assert flags(books) == [("ticket-again", 4, "record 4: the weigh ticket of keystone:L1 stands behind keystone:L0 already")]
    books.log("keystone/1", void("keystone:L1"))
    books.log("keystone/1", truck(2, documents=ticket, material="grid_metal"))  # a mixed load, weighed once
    assert flags(books) == []


def test_more_than_a_site_can_take_in_a_year_is_flagged(books):
    site = registration("keystone", "works", "US")
    site["site"]["capacity"] = {"value": "10", "unit": "t", "per": "month"}
    books.log("keystone/1", site)
    books.log("keystone/1", truck(1, mass=kg("70000.5")), truck(2, mass=kg("49999.5")))
    assert flags(books) == []
    books.log("keystone/1", truck(3, mass=kg("1000.5")))
    assert flags(books) == [
        ("beyond-capacity", 5, "keystone:works received 121 t in 2026, its capacity is 120 t a year"),
    ]


def test_the_records_of_a_compromised_key_are_flagged_once_each(books):
    books.log("keystone/1", enrolment("keystone", "2"))
    books.log("keystone/2", truck(1), truck(2))
    books.log("keystone/2", truck(3))
    time = "2026-03-01T00:00:00Z"
    books.log("keystone/1", {"type": "revoke", "time": "2026-03-02T14:05:00Z", "key": "keystone/2", "compromised_since": time})
    assert flags(books) == [
        ("untrusted-time", index, f"record {index} is signed by keystone/2, compromised since {time}; its time is not proven")
        for index in (4, 5)
    ]


def test_notes_of_the_books_are_flags_and_what_has_no_time_of_signing_is_passed_over(books):
    books.log("keystone/1", truck(1, time="2020-01-30T14:05:00Z"))
    books.log("keystone/1", {"type": "void", "time": "2026-03-02T14:05:00Z", "of": {"batch": "keystone:L1"}, "reason": "entered twice"})
    books.memory.made.clear()
    assert flags(books) == []
