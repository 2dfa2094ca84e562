"""Splitting, passing on and mixing never round a claim up: parts sum exactly to the whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from books import TIME, Books, kg, pct
from ledger.matter.batch import Batch, Content
from ledger.matter.claims import claims
from ledger.matter.provenance import Portions, Source, Stock, mixed, shared, total

US = Source("end_of_life", (("collected_in", ("US",)),), documented=True)
AU = Source("primary", (("mined_in", ("AU",)),))
PARTS = st.lists(st.integers(1, 10**6), min_size=1, max_size=30)


def batch(dry, made, **more):
    contents = {"Pb": Content(Stock.of(made), None, {"mass/truck_scale": total(made) // 300}, total(made))}
    return Batch("a:1", "soft_lead", "a", "a:works", 0, 0, dry, dry, contents=contents, **more)


@pytest.mark.slow
def test_a_million_draws_of_a_gram_give_exactly_what_the_whole_contains():
    left = Stock.of({US: 714_025_000, AU: 130_975_000})  # 1,000 kg at 84.5 %, of which 84.5 % are end-of-life
    whole = 10**6
    drawn = dict.fromkeys(left.made, 0)
    for number in range(whole):
        amount = 845_000_000 * (number + 1) // whole - 845_000_000 * number // whole
        portions, left = left.take(amount)
        for source, mass in portions.items():
            drawn[source] += mass
    assert drawn == {US: 714_025_000, AU: 130_975_000}
    assert left.left == {}


def test_no_gram_of_a_split_claims_more_than_its_share_by_a_milligram():
    left = batch(1_000_000, {US: 714_025, AU: 130_975})
    given_out = 0
    for number in range(1, 1001):
        taken, left = left.take(1_000)
        given_out += taken.contents["Pb"].booked.left.get(US, 0)
        assert abs(given_out - 714_025 * number / 1000) < 1
    assert left.dry_left == 0
    assert left.contained() == {"Pb": 0}


def certified(books, names):
    found: dict[str, int] = {}
    for name in names:
        content = books.batch(name).contents["Pb"]
        for claim in claims("Pb", content.booked.left, None):
            found[claim.characteristic] = found.get(claim.characteristic, 0) + claim.mass_mg
    return found


def test_a_thousand_batches_certify_in_sum_exactly_what_the_whole_does():
    books = Books()
    books.admit("keystone")
    shares = [
        {"feedstock": "end_of_life", "share": pct("84.5"), "places": {"collected_in": "US"}, "constituent": "Pb"},
        {"feedstock": "primary", "share": pct("10.3"), "places": {"mined_in": "AU"}, "constituent": "Pb"},
    ]
    receipt = {"type": "receive", "time": TIME, "site": "keystone:works", "batch": "keystone:W", "material": "soft_lead", "mass": kg(1000)}
    documents = [{"kind": "certificate", "sha256": "ab" * 32}]
    books.log("keystone/1", {**receipt, "assay": {"Pb": pct("84.5")}, "shares": shares, "documents": documents})
    whole = certified(books, ["keystone:W"])
    names = [f"keystone:P{number}" for number in range(1000)]
    split = {"type": "transform", "time": TIME, "site": "keystone:works", "kind": "split"}
    for start in range(0, 1000, 250):
        outputs = [{"batch": name, "material": "soft_lead", "mass": kg(1)} for name in names[start : start + 250]]
        books.log("keystone/1", {**split, "inputs": [{"batch": "keystone:W", "mass": kg(250)}], "outputs": outputs})
    assert certified(books, names) == whole
    assert whole["post_consumer"] == 714_025_000
    assert books.batch("keystone:W").contained() == {"Pb": 0}


@given(PARTS, st.lists(st.integers(0, 10**7), min_size=1, max_size=6))
def test_a_stock_drawn_empty_in_any_steps_gives_every_source_what_it_had(parts, masses):
    made = {Source("end_of_life", (("collected_in", (f"C{number}",)),)): mass for number, mass in enumerate(masses) if mass}
    left = Stock.of(made)
    whole = total(made)
    drawn: Portions = {}
    cumulative = 0
    for part in parts:
        before, cumulative = cumulative, cumulative + part
        amount = whole * cumulative // sum(parts) - whole * before // sum(parts)
        portions, left = left.take(amount)
        assert total(portions) == amount
        assert all(mass > 0 for mass in portions.values())
        drawn = mixed(drawn, portions)
        gone = total(drawn)
        for source, mass in made.items():
            assert abs(drawn.get(source, 0) * whole - mass * gone) < whole  # within a milligram of its exact share
    assert drawn == made
    assert left.mass == 0


@given(PARTS, st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 500))
def test_a_batch_drawn_empty_in_any_steps_leaves_nothing(parts, first, second, pieces):
    left = batch(sum(parts), {US: first, AU: second}, pieces_made=pieces, pieces_left=pieces)
    contained, counted = 0, 0
    for part in parts:
        taken, left = left.take(part)
        contained += taken.contents["Pb"].mass
        counted += taken.pieces
        assert left.pieces_left >= 0
    assert (contained, counted) == (first + second, pieces)
    assert (left.dry_left, left.contained(), left.pieces_left) == (0, {"Pb": 0}, 0)
    assert not any(left.contents["Pb"].components.values())


@given(st.integers(0, 10**9), st.lists(st.tuples(st.sampled_from([US, AU]), st.integers(0, 10**6)), max_size=5))
def test_what_is_shared_over_weights_is_shared_whole(amount, weights):
    portions = shared(amount, weights)
    assert total(portions) == (amount if any(weight for _, weight in weights) else 0)


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(0, 10**6))
def test_mixing_unknown_in_never_raises_a_claim(recycled, primary, unknown):
    without = {claim.characteristic: claim for claim in claims("Pb", {US: recycled, AU: primary}, None)}
    mixture = mixed({US: recycled, AU: primary}, {Source("unknown"): unknown})
    for claim in claims("Pb", mixture, None):
        before = without.get(claim.characteristic)
        if before and claim.characteristic != "unknown" and "unknown" not in claim.characteristic:
            assert claim.mass_mg * before.of_mg <= before.mass_mg * claim.of_mg


@pytest.mark.parametrize("unknown", ["0.001", "1", "400"])
def test_unknown_metal_charged_into_a_heat_lowers_every_claim_on_what_comes_out(unknown):
    figures = []
    for charge in (None, unknown):
        books = Books()
        books.admit("keystone")
        receipt = {"type": "receive", "time": TIME, "site": "keystone:works", "material": "soft_lead", "assay": {"Pb": pct(100)}}
        documents = [{"kind": "certificate", "sha256": "ab" * 32}]
        books.log("keystone/1", {**receipt, "batch": "keystone:A", "mass": kg(1000), "feedstock": "end_of_life", "documents": documents})
        inputs = [{"batch": "keystone:A"}]
        if charge:
            books.log("keystone/1", {**receipt, "batch": "keystone:U", "mass": kg(charge)})
            inputs.append({"batch": "keystone:U"})
        outputs = [{"batch": "keystone:O", "material": "soft_lead", "mass": "balance"}]
        heat = {"type": "transform", "time": TIME, "site": "keystone:works", "kind": "refine", "inputs": inputs, "outputs": outputs}
        books.log("keystone/1", heat)
        content = books.batch("keystone:O").contents["Pb"]
        (claim,) = (claim for claim in claims("Pb", content.booked.left, None) if claim.characteristic == "post_consumer")
        figures.append((claim.mass_mg, claim.of_mg))
    (before, of_before), (after, of_after) = figures
    assert before == after
    assert of_after > of_before


def test_where_more_was_rounded_up_before_than_is_due_now_the_smallest_remainder_gives_back():
    """Three sources of 1 mg and three of 33: after 51 of 102 mg the small ones have given their half whole, and 2 mg are due from three."""
    small, large = [Source(f"a{number}") for number in range(3)], [Source(f"b{number}") for number in range(3)]
    first, stock = Stock.of(dict.fromkeys(small, 1) | dict.fromkeys(large, 33)).take(51)
    assert first == dict.fromkeys(small, 1) | dict.fromkeys(large, 16)
    assert stock.take(2)[0] == {large[1]: 1, large[2]: 1}
