"""Lineage: what a batch was made of and what was made of it, in the log's order."""

from __future__ import annotations

import re
import time

import pytest

from books import kg
from issued import Works, event, lot, step
from ledger.errors import UnknownError
from ledger.lineage import ancestors, descendants, trace
from ledger.view import LAST


@pytest.fixture
def works():
    made = Works()
    made.alloy()
    return made


def test_ancestors_stand_in_the_order_in_which_they_were_made(works):
    assert ancestors(works.memory, "voltaic:AL", before=LAST) == ["keystone:L1", "keystone:L2", "keystone:BL", "voltaic:SB"]


def test_descendants_stand_in_the_order_in_which_they_were_made(works):
    assert descendants(works.memory, "keystone:L2") == ["keystone:BL", "voltaic:AL"]


def test_what_entered_has_no_ancestors_and_what_was_not_used_no_descendants(works):
    assert ancestors(works.memory, "voltaic:SB", before=LAST) == []
    assert descendants(works.memory, "voltaic:AL") == []


def test_events_at_or_behind_the_position_are_not_looked_at(works):
    made = works.memory.maker("keystone:BL")
    assert ancestors(works.memory, "keystone:BL", before=made) == []
    assert ancestors(works.memory, "keystone:BL", before=made + 1) == ["keystone:L1", "keystone:L2"]


def test_a_trace_back_shows_batches_as_made_and_every_edge_with_its_record(works):
    found = trace(works.memory, "voltaic:AL", "back").as_data()
    assert [row["batch"] for row in found["batches"]] == ["keystone:L1", "keystone:L2", "keystone:BL", "voltaic:SB", "voltaic:AL"]
    record = works.memory.record_id(works.memory.maker("keystone:BL") >> 8)
    assert found["batches"][2] == {
        "batch": "keystone:BL",
        "material": "soft_lead",
        "site": "keystone:works",
        "holder": "voltaic",
        "mass_mg": 1_500_000_000,
        "contained_mg": {"Pb": 1_498_500_000},
        "made_by": record,
        "index": works.memory.maker("keystone:BL") >> 8,
        "kind": "blend",
    }
    assert found["edges"][0] == {
        "from": "keystone:L1",
        "to": "keystone:BL",
        "record": record,
        "mass_mg": 1_000_000_000,
        "contained_mg": {"Pb": 999_000_000},
    }
    assert [(row["from"], row["to"]) for row in found["edges"]] == [
        ("keystone:L1", "keystone:BL"),
        ("keystone:L2", "keystone:BL"),
        ("keystone:BL", "voltaic:AL"),
        ("voltaic:SB", "voltaic:AL"),
    ]


def test_a_trace_forward_begins_with_the_batch_itself(works):
    found = trace(works.memory, "keystone:BL", "forward")
    assert [row["batch"] for row in found.batches] == ["keystone:BL", "voltaic:AL"]
    assert [(row["from"], row["to"]) for row in found.edges] == [("keystone:BL", "voltaic:AL")]


def test_a_diamond_is_walked_once(works):
    works.log(
        "voltaic/1",
        step("split", "voltaic:works", [{"batch": "voltaic:AL", "mass": kg(100)}], lot("voltaic:A", "antimonial_lead", "100")),
        step("split", "voltaic:works", [{"batch": "voltaic:AL", "mass": kg(100)}], lot("voltaic:B", "antimonial_lead", "100")),
        step("merge", "voltaic:works", ["voltaic:A", "voltaic:B"], lot("voltaic:C", "antimonial_lead", "200")),
    )
    found = trace(works.memory, "voltaic:C", "back")
    names = [row["batch"] for row in found.batches]
    assert len(names) == len(set(names)) == 8
    assert len(found.edges) == 4 + 2 + 2
    assert trace(works.memory, "voltaic:C", "back") == found


def test_an_unknown_batch_cannot_be_traced(works):
    with pytest.raises(UnknownError, match=re.escape("no batch keystone:X in this ledger")):
        trace(works.memory, "keystone:X", "back")


@pytest.mark.slow
def test_a_chain_of_5000_steps_is_walked_and_certified_without_recursion():
    works = Works()
    works.log("keystone/1", event("receive", "keystone:works", **lot("keystone:S0", "soft_lead", "1", Pb="99.9")))
    for start in range(0, 5000, 125):
        steps = range(start, start + 125)
        works.log(
            "keystone/1",
            *(step("split", "keystone:works", [f"keystone:S{n}"], lot(f"keystone:S{n + 1}", "soft_lead", "1")) for n in steps),
        )
    begun = time.monotonic()
    assert ancestors(works.memory, "keystone:S5000", before=LAST) == [f"keystone:S{n}" for n in range(5000)]
    assert len(descendants(works.memory, "keystone:S0")) == 5000
    assert len(trace(works.memory, "keystone:S5000", "back").edges) == 5000
    claim, document = works.certify("keystone:S5000")
    assert document["credentialSubject"]["balance"] == []
    assert document["credentialSubject"]["plant"]["site"] == "keystone:works"
    assert claim.batch == "keystone:S5000"
    assert time.monotonic() - begun < 30
