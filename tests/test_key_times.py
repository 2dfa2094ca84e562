"""Keys and time: what a record is worth whose key was retired or compromised, by when others saw it; and clocks that are set wrong."""

from dataclasses import replace
from datetime import datetime

import pytest

from books import TIME
from evidenced import Evidenced, written
from house import House, draft, enrolment, receipt, send
from keyring import signer
from ledger.errors import AuthorityError
from ledger.log import append
from ledger.store.store import Store
from ledger.tlog.checkpoint import cosign
from ledger.tlog.note import parse_note
from ledger.tlog.quorum import parse_policy

WITNESS = signer("witness.example/w")
POLICY = parse_policy([(1, f"witness w {WITNESS.cosigners()[0][0].format()}"), (2, "quorum w")])
SINCE = int(datetime.fromisoformat(TIME).timestamp())
UNTRUSTED = "UNTRUSTED_TIME: key keystone/1 was compromised since 2026-03-02T14:05:00Z; no quorum shows that its record 2 and "
ENDS = {
    "retired": [{"type": "retire", "time": TIME, "key": "keystone/1"}],
    "compromised": [{"type": "revoke", "time": TIME, "key": "keystone/1", "compromised_since": TIME}],
    "retired, then found to be compromised": [
        {"type": "retire", "time": TIME, "key": "keystone/1"},
        {"type": "revoke", "time": TIME, "key": "keystone/1", "compromised_since": TIME},
    ],
}
SEEN = {"a second before": -1, "in that second": 0, "a second after": 1, "by nobody": None}


def cosigned(works, time):
    """Let a witness cosign the newest checkpoint at a time."""
    key, sign = WITNESS.cosigners()[0]
    with Store(works.house.path).writing() as view:
        newest = Store.newest_checkpoint(view)
        assert newest is not None
        size, _, _, note = newest
        line = cosign(parse_note(note).text, key=key, sign=sign, time=time)
        Store.add_cosignatures(view, size, [(line.name, line.key_id.hex(), time, line.line())])


def second():
    """Return the enrolment of a second key of the party that can speak of the first."""
    return enrolment("keystone", "9") | {"scopes": ["admin", "record"]}


@pytest.mark.parametrize("seen", SEEN)
@pytest.mark.parametrize("end", ENDS)
def test_a_record_is_worth_what_its_place_in_the_log_and_its_witnesses_say(tmp_path, end, seen):
    """Of a retired key the place decides alone; of a compromised one a quorum must have seen the record before."""
    works = Evidenced()
    works.log("keystone/1", second())
    _, document = works.certify("keystone:BL")
    works.put(tmp_path)
    later = SEEN[seen]
    if later is not None:
        cosigned(works, SINCE + later)
    for event in ENDS[end]:
        works.log("keystone/9", event)
        append(works.house.log(), lambda _: [works.records[-1].note])
    cosigned(works, SINCE + 100)
    found = works.verify(written(works.evidence(document)), document, trust=replace(works.trust, policy=POLICY))
    assert found.holds
    assert found.witnessed.startswith("WITNESSED by 1 of 1")
    trusted = end == "retired" or seen == "a second before"
    assert [caution for caution in found.cautions if caution.startswith("UNTRUSTED_TIME")] == [] if trusted else [UNTRUSTED]


@pytest.mark.parametrize("end", ENDS)
def test_what_a_key_signs_after_its_end_is_refused_whatever_time_it_states(tmp_path, end):
    house = House.found(tmp_path)
    house.admit("keystone")
    house.write("keystone/1", second())
    backdated = draft(house, "keystone/1", receipt("keystone:OLD", time="2020-01-01T00:00:00Z"))
    for event in ENDS[end]:
        house.write("keystone/9", event)
    before = house.files()
    word = "retired" if end == "retired" else "revoked"
    index = len(house.entries()) - len(ENDS[end])
    with pytest.raises(AuthorityError) as refusal:
        send(house, backdated)
    assert str(refusal.value) == f"key keystone/1 was {word} by record {index}"
    assert house.files() == before
