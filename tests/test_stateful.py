"""Two keys work with one ledger, on line and off, lose receipts, send again, and have an older copy put back: nothing is ever lost.

Hypothesis chooses what happens in which order, and finds the shortest story where something breaks.
"""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from house import House, offline, receipt, send, waiting
from ledger.errors import RollbackError
from ledger.restoration import restore
from ledger.store.store import Store

KEYS = st.sampled_from(["keystone/1", "yard/1"])


class Ledger(RuleBasedStateMachine):
    """A ledger, and what its users know: the record id at each index that they were given a receipt for."""

    backups = Bundle("backups")

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="plumbline-stateful-"))
        self.house = House.found(self.folder / "ledger")
        self.house.admit("keystone")
        self.house.admit("yard")
        self.acknowledged, self.batches, self.copies = {}, 0, 0

    def teardown(self):
        shutil.rmtree(self.folder)

    def event(self, key):
        self.batches += 1
        return receipt(f"{key.split('/')[0]}:B{self.batches}", "10")

    def know(self, appended):
        for given in appended.receipts:
            assert self.acknowledged.setdefault(given.index, given.record.id) == given.record.id

    @rule(key=KEYS, count=st.integers(1, 3))
    def log(self, key, count):
        self.know(self.house.desk(key).write(self.house.log(), [[self.event(key)] for _ in range(count)]))

    @rule(key=KEYS)
    def sign_without_a_connection(self, key):
        offline(self.house, self.event(key), key=key)

    @rule(key=KEYS)
    def send_what_waits(self, key):
        self.know(self.house.desk(key).resend(self.house.log()))
        assert waiting(self.house, key) == []

    @rule(key=KEYS, which=st.integers(0, 99))
    def lose_a_receipt(self, key, which):
        receipts = sorted(self.house.desk(key).outbox.folder.glob("*.receipt"))
        if receipts:
            receipts[which % len(receipts)].unlink()

    @precondition(lambda self: self.acknowledged)
    @rule(which=st.integers(0, 99))
    def send_again(self, which):
        index = sorted(self.acknowledged)[which % len(self.acknowledged)]
        self.know(send(self.house, self.house.entries()[index][1]))

    @rule(target=backups)
    def back_up(self):
        self.copies += 1
        return self.house.copy(self.folder / f"copy-{self.copies}")

    @rule(copy=backups, key=KEYS)
    def put_an_older_copy_back(self, copy, key):
        entries = self.house.entries()
        self.house.put_back(copy)
        if len(copy.entries()) < len(entries):
            with pytest.raises(RollbackError):
                send(self.house, entries[-1][1])
        restore(self.house.log(), [self.house.desk(name).outbox.folder.with_suffix("") for name in ("registrar/1", "keystone/1", "yard/1")])
        assert self.house.entries() == entries

    @invariant()
    def what_was_acknowledged_is_there(self):
        with Store.open(self.house.path).reading() as view:
            assert {index: view.record_id(index) for index in self.acknowledged} == self.acknowledged
            assert len({view.record_id(index) for index in range(view.size)}) == view.size

    @invariant()
    def the_ledger_holds(self):
        assert self.house.audit().holds


TestLedger = pytest.mark.slow(Ledger.TestCase)
TestLedger.settings = settings(max_examples=8, stateful_step_count=25)
