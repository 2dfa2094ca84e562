"""Eight processes, each with a key of its own, race for the same batch; one wins, every time, in a file and on a server."""

import multiprocessing as mp
from queue import Empty

import pytest

from house import House, disposal, enrolment, receipt
from ledger.errors import AmountError, OverdrawnError, StaleError
from ledger.matter.balance import balances
from ledger.replay import replay

RACERS = 8
ROUNDS = {"sqlite": 100, "postgresql": 10}
SPAWN = mp.get_context("spawn")
LOSES = {error.__name__ for error in (AmountError, OverdrawnError, StaleError)}


def race(folder, number, rounds, barrier, results):
    """Try for the whole of each round's batch, and say what came of it."""
    house = House(folder)
    log, desk = house.log(busy_seconds=60), house.desk(f"keystone/{number}")
    for turn in range(rounds):
        event = disposal(f"keystone:B{turn}", "10")
        barrier.wait(120)
        try:
            desk.write(log, [[event]])
            results.put((turn, number, "won"))
        except Exception as refusal:  # noqa: BLE001 - the parent judges what it was
            results.put((turn, number, type(refusal).__name__))


@pytest.mark.slow
def test_of_eight_processes_that_race_for_one_batch_exactly_one_wins_each_time(tmp_path, each_store):
    rounds = ROUNDS[each_store]
    house = House.found(tmp_path)
    house.admit("keystone")
    house.write("keystone/1", *(enrolment("keystone", str(number)) for number in range(2, RACERS + 1)))
    house.write("keystone/1", *(receipt(f"keystone:B{turn}", "10") for turn in range(rounds)))
    before = len(house.entries())
    barrier, results = SPAWN.Barrier(RACERS), SPAWN.Queue()
    racers = [SPAWN.Process(target=race, args=(tmp_path, number, rounds, barrier, results), daemon=True) for number in range(1, RACERS + 1)]
    for racer in racers:
        racer.start()
    found: dict[int, list[str]] = {turn: [] for turn in range(rounds)}
    try:
        for _ in range(RACERS * rounds):
            turn, _, outcome = results.get(timeout=120)
            found[turn].append(outcome)
    except Empty:
        pytest.fail("a racer did not come back")
    for racer in racers:
        racer.join(30)
    assert {turn: outcomes.count("won") for turn, outcomes in found.items()} == dict.fromkeys(range(rounds), 1)
    assert {outcome for outcomes in found.values() for outcome in outcomes} - {"won"} <= LOSES
    assert len(house.entries()) == before + rounds
    report = house.audit()
    assert report.holds
    assert [finding.code for finding in report.findings if finding.severity == "broken"] == []
    memory = replay(house.entries()).memory
    books = balances(memory.bookings.values(), memory.all_batches())
    assert {name: (balance.held, balance.difference) for name, balance in books.items()} == {"Pb": (0, 0)}
    assert books["Pb"].disposed == rounds * 7_500_000
