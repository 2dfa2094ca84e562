"""A server that is killed while records are committed: what was acknowledged is there when it runs again, and the ledger holds."""

import multiprocessing as mp
import time

import pytest

from house import House, receipt
from ledger.errors import StoreError
from ledger.store.store import Store
from server import Server

ROUNDS, RECORDS = 3, 400
SPAWN = mp.get_context("spawn")


def write(folder, turn, said):
    """Write records one by one, and say each one's index and id when it is acknowledged; end with the server."""
    house = House(folder)
    try:
        for number in range(RECORDS):
            given = house.write("keystone/1", receipt(f"keystone:R{turn}-{number}", "10")).receipts[0]
            said.send((given.index, given.record.id))
    except StoreError as refusal:
        said.send((-1, str(refusal)))


@pytest.mark.slow
def test_a_server_killed_while_records_are_committed_loses_nothing_that_was_acknowledged(tmp_path, monkeypatch):
    server = Server("restart_after_crash=off").start()
    monkeypatch.setattr(House, "server", server)
    house = House.found(tmp_path)
    house.admit("keystone")
    acknowledged: dict[int, str] = {}
    for turn in range(ROUNDS):
        heard, said = SPAWN.Pipe(duplex=False)
        writer = SPAWN.Process(target=write, args=(tmp_path, turn, said), daemon=True)
        writer.start()
        said.close()
        for _ in range(2 + turn):
            index, name = heard.recv()
            acknowledged[index] = name
        time.sleep(0.007 * turn)
        server.kill()
        refused = ""
        while not refused:
            index, name = heard.recv()
            if index < 0:
                refused = name
            else:
                acknowledged[index] = name
        writer.join(30)
        assert refused.startswith(f"{house.path} cannot be reached: ")
        server.start()
        with Store.open(house.path).reading() as view:
            assert {index: view.record_id(index) for index in acknowledged} == acknowledged
        house.desks.clear()
        house.desk("keystone/1").resend(house.log())
        assert house.audit().holds
        assert [waits.seq for waits in house.desk("keystone/1").outbox.waiting()] == []
    server.stop()
    assert len(acknowledged) >= ROUNDS * 3
