"""A sample for comparison with papers: the same seed draws the same events, and nobody can steer what is drawn."""

from __future__ import annotations

from collections import Counter

import pytest

from ledger.replay import replay
from ledger.sampling import draw
from terminal import command, house, lead


@pytest.fixture(scope="module")
def yard(tmp_path_factory):
    made = house(tmp_path_factory.mktemp("yard"))
    for number in range(12):
        made.log("yard/1", lead(f"yard:L{number}"))
    return made


def test_the_same_seed_draws_the_same_events_and_another_one_others(yard):
    def drawn(seed, size=4):
        return yard.done("audit", "--sample", size, "--seed", seed, "--json").json["sample"]

    first = drawn("dice 5 2 6")
    assert first == drawn("dice 5 2 6")
    assert (first["of"], first["seed"], len(first["events"])) == (12, "dice 5 2 6", 4)
    assert first["events"] != drawn("dice 5 2 5")["events"]
    larger = drawn("dice 5 2 6", 6)["events"]
    assert [one for one in larger if one in first["events"]] == first["events"], "a larger sample holds the smaller one"
    assert len(drawn("x", 100)["events"]) == 12
    one = first["events"][0]
    assert (one["type"], one["stated"], one["documents"]) == ("receive", "20000 kg", [["certificate", "ab" * 32]])
    assert [one["index"] for one in first["events"]] == sorted(one["index"] for one in first["events"])


def test_every_event_has_the_same_chance(yard):
    from ledger.store.store import Store

    with Store.open(yard.path).reading() as view:
        done = replay(Store.entries(view))
    counts = Counter(one.index for seed in range(600) for one in draw(done.memory, done.memory.events, 3, str(seed)).events)
    assert len(counts) == 12
    assert all(100 < count < 200 for count in counts.values()), counts


def test_the_sample_is_printed_and_stands_in_the_report(yard, tmp_path):
    report = tmp_path / "audit.pdf"
    said = yard.done("audit", "--sample", 2, "--seed", "s", "-o", report)
    assert "sample of 2 of 12 events, drawn with the seed 's':" in said.out
    assert "(certificate)" in said.out
    assert report.read_bytes().startswith(b"%PDF-")
    plain = tmp_path / "plain.pdf"
    yard.done("audit", "-o", plain)
    assert len(report.read_bytes()) > len(plain.read_bytes())


def test_an_export_gives_the_same_sample_as_the_ledger(yard, tmp_path):
    export = tmp_path / "export"
    yard.done("export", export)
    here = yard.done("audit", "--sample", 3, "--seed", "s", "--json").json["sample"]
    assert command("audit", export, "--sample", 3, "--seed", "s", "--json").json["sample"] == here


@pytest.mark.parametrize("arguments", [("--sample", 3), ("--seed", "s")])
def test_a_sample_needs_a_size_and_a_seed(yard, arguments):
    said = yard.run("audit", *arguments)
    assert (said.code, said.err.splitlines()[0]) == (2, "error: a sample needs both: --sample N --seed TEXT")
