"""What a record's header promises: its ledger, its key's own chain, and what the signer saw of the log."""

import pytest

from books import TIME, Books, kg, sign
from events import SOFT, books, receive, transform
from events import out as output
from keyring import signer
from ledger.compose import compose, place_of
from ledger.errors import AuthorityError, ChainError, FormatError, RuleError, SignatureError
from ledger.memory import Memory
from ledger.record import read_record
from ledger.state import apply, authenticate, enter, signing_key
from ledger.tlog.merkle import EMPTY_ROOT
from ledger.view import LAST, Changes, Head, KeyFacts
from schemas.record import Seen

K = "keystone/1"
OUTBOX = "look at what is waiting with `plumbline outbox`"
TWO_HISTORIES = "two histories of one ledger: keep both files, they prove it"
ADMITTED = "the registrar admits a party with its first key; the party's admin key enrols the others"


@pytest.fixture
def ledger():
    made = books()
    made.log(K, receive("keystone:A"))
    return made


def drafted(ledger, key=K, batch="keystone:B", signed_by=None, **header):
    """Return a record with a changed header."""
    place = place_of(ledger.memory, key, seen=None)
    composed = compose(ledger.memory, [receive(batch)], key=key, place=place, made=TIME, salt=ledger.salts)
    return sign(composed.header.model_copy(update=header), composed.events, signed_by or signer(key))


def refuse(ledger, record, error, message, hint=None):
    with pytest.raises(error) as caught:
        ledger.submit(record)
    assert (str(caught.value), caught.value.hint) == (message, hint)
    assert ledger.memory.maker("keystone:B") is None


def test_a_record_for_a_twin_of_this_ledger_is_refused(ledger):
    refuse(
        ledger, drafted(ledger, genesis="1" * 64), ChainError,
        f"the record is for ledger {'1' * 64}, this is ledger {ledger.ledger_id}",
    )  # fmt: skip


@pytest.mark.parametrize("seq", [0, 1, 3])
def test_a_record_out_of_its_keys_order_is_refused(ledger, seq):
    refuse(ledger, drafted(ledger, seq=seq), ChainError, f"key keystone/1 is at seq 2, the record has seq {seq}", OUTBOX)


def test_a_record_that_names_another_before_it_is_refused(ledger):
    before = ledger.records[-1].id
    message = f"the record before seq 2 of key keystone/1 is {before}, prev names {'1' * 64}"
    refuse(ledger, drafted(ledger, prev="1" * 64), ChainError, message)
    refuse(ledger, drafted(ledger, prev=None), ChainError, f"the record before seq 2 of key keystone/1 is {before}, prev names none")


def test_the_same_record_twice_is_refused_by_the_rules(ledger):
    record = ledger.records[-1]
    with pytest.raises(ChainError, match="^key keystone/1 is at seq 2, the record has seq 1$"):
        ledger.submit(record)


def seen(size, root=EMPTY_ROOT):
    return Seen(root=root.hex(), size=size)


def test_a_checkpoint_larger_than_the_log_is_refused(ledger):
    size = ledger.memory.size
    message = f"the record has seen a log of {size + 1} records, this one has {size}"
    refuse(ledger, drafted(ledger, seen=seen(size + 1)), ChainError, message)


def test_a_checkpoint_older_than_what_the_key_had_seen_is_refused(ledger):
    size = ledger.memory.size
    ledger.submit(drafted(ledger, batch="keystone:C", seen=seen(size)))
    for older, message in (
        (seen(size - 1), f"key keystone/1 had seen {size} records, this record has seen {size - 1}"),
        (None, f"key keystone/1 had seen {size} records, this record names no checkpoint"),
    ):
        refuse(ledger, drafted(ledger, seen=older), ChainError, message)
    ledger.submit(drafted(ledger, seen=seen(size)))


def test_a_root_that_is_not_the_logs_is_refused(ledger):
    size = ledger.memory.size
    message = f"the signer saw root {'ee' * 32} at size {size}, this log has {EMPTY_ROOT.hex()}"
    refuse(ledger, drafted(ledger, seen=seen(size, bytes.fromhex("ee" * 32))), ChainError, message, TWO_HISTORIES)
    del ledger.memory.roots[size]
    message = f"the signer saw root {EMPTY_ROOT.hex()} at size {size}, this log has none"
    refuse(ledger, drafted(ledger, seen=seen(size)), ChainError, message, TWO_HISTORIES)


@pytest.mark.parametrize("field", ["genesis", "prev"])
def test_record_0_names_nothing_before_it(ledger, field):
    from ledger.memory import Memory

    first = ledger.records[0]
    record = sign(first.header.model_copy(update={field: "1" * 64}), first.events, signer("registrar/1"))
    with pytest.raises(ChainError, match="^record 0 names no genesis, no earlier record and no checkpoint$"):
        apply(Memory(), record)


def test_a_key_that_is_not_enrolled_signs_nothing(ledger):
    record = drafted(ledger)
    stranger = sign(record.header.model_copy(update={"key": "keystone/9"}), record.events, signer("keystone/9"))
    refuse(ledger, stranger, AuthorityError, "key keystone/9 is not enrolled in this ledger", ADMITTED)
    with pytest.raises(AuthorityError, match="^key keystone/9 is not enrolled in this ledger$"):
        ledger.draft("keystone/9", receive("keystone:B"))


def test_a_key_of_the_same_name_that_is_another_key_is_refused(ledger):
    from ledger.keys import generate

    other = generate(K, seed=b"\1" * 32)
    want = signer(K).vkey.key_id.hex()
    message = f"the signature line of keystone/1 has key ID {other.vkey.key_id.hex()}, the enrolled key has {want}"
    refuse(ledger, drafted(ledger, signed_by=other), SignatureError, message)


def test_a_signature_line_by_another_name_than_the_headers_is_refused(ledger):
    record = drafted(ledger)
    with pytest.raises(FormatError) as caught:
        sign(record.header.model_copy(update={"key": "keystone/2"}), record.events, signer(K))
    assert str(caught.value) == "line 2, field key: the signature line is by keystone/1, the header names keystone/2"


def test_a_modified_bit_of_the_text_breaks_the_signature(ledger):
    record = drafted(ledger)
    read = read_record(record.note.replace(b'"value":"1000"', b'"value":"1001"'))
    with pytest.raises(SignatureError):
        authenticate(ledger.memory, read)


def test_a_refusal_says_which_event_of_the_record_it_was(ledger):
    place = place_of(ledger.memory, K, seen=None)
    raws = [receive("keystone:B"), receive("keystone:C")]
    composed = compose(ledger.memory, raws, key=K, place=place, made=TIME, salt=ledger.salts)
    record = sign(composed.header, (composed.events[0], composed.events[0]), signer(K))
    with pytest.raises(Exception, match="^batch keystone:B exists already\n") as caught:
        ledger.submit(record)
    assert caught.value.__notes__ == ["event 1"]


def test_replaying_the_records_gives_the_same_books(ledger):
    again = Books()
    for record in ledger.records[1:]:
        again.submit(read_record(record.note))
    assert again.memory.bookings == ledger.memory.bookings
    assert again.memory.numbers == ledger.memory.numbers


# What a partial view, which lacks records, still asks


def without(ledger, *absent):
    """Return a partial view from which records of these indexes are absent."""
    memory = Memory()
    memory.scope = frozenset({"keystone:A"})
    for index, record in enumerate(ledger.records):
        if index not in absent:
            memory.stand_at(index)
            memory.fold(apply(memory, record))
    memory.stand_at(len(ledger.records))
    return memory


def test_where_records_may_be_absent_a_keys_chain_has_gaps_but_names_what_was_before(ledger):
    ledger.submit(drafted(ledger))
    ledger.log(K, receive("keystone:C"))
    view = without(ledger, 4)
    assert view.head(K).seq == 3
    place = drafted(ledger, batch="keystone:D")
    apply(view, place)
    wanted = "key keystone/1 is at seq 4, the record has seq "
    for header, error in (
        ({"seq": 3}, f"{wanted}3"),
        ({"seq": 5, "prev": None}, f"{wanted}5"),
        ({"prev": "1" * 64}, f"the record before seq 4 of key keystone/1 is {ledger.records[-1].id}, prev names {'1' * 64}"),
    ):
        with pytest.raises(ChainError) as caught:
            apply(view, drafted(ledger, batch="keystone:D", **header))
        assert str(caught.value) == error


@pytest.mark.parametrize("gap", [False, True])
def test_where_records_may_be_absent_a_root_may_be_unknown_but_never_another(ledger, gap):
    for batch in ("keystone:B", "keystone:C"):
        ledger.submit(drafted(ledger, batch=batch, seen=seen(3)))
    view = without(ledger, *([5] if gap else []))

    def told(**header):
        with pytest.raises(ChainError) as caught:
            apply(view, drafted(ledger, batch="keystone:D", **header))
        return str(caught.value)

    other = bytes.fromhex("ee" * 32)
    apply(view, drafted(ledger, batch="keystone:D", seen=seen(4, other)))
    view.roots[4] = EMPTY_ROOT
    apply(view, drafted(ledger, batch="keystone:D", seen=seen(4)))
    assert told(seen=seen(4, other)) == f"the signer saw root {'ee' * 32} at size 4, this log has {EMPTY_ROOT.hex()}"
    assert told(seen=seen(2)) == "key keystone/1 had seen 3 records, this record has seen 2"
    assert told(seen=None) == "key keystone/1 had seen 3 records, this record names no checkpoint"
    size = len(ledger.records)
    assert told(seen=seen(size + 1)) == f"the record has seen a log of {size + 1} records, this one has {size}"


def test_what_a_record_changes_is_told_with_its_place(ledger):
    record = drafted(ledger, seen=seen(4))
    changes = apply(ledger.memory, record)
    assert (changes.index, changes.record, changes.key, changes.made) == (len(ledger.records), record.id, K, TIME)
    assert changes.head == Head(record.header.seq, record.id, 4)
    assert apply(ledger.memory, drafted(ledger)).head.seen == 0


def test_what_names_no_batch_of_a_partial_view_is_not_booked_in_it_and_what_draws_from_one_is(ledger):
    ledger.log(K, receive("keystone:B"))
    ledger.log(K, transform("cast", ["keystone:A", "keystone:B"], [output("keystone:C", "soft_lead", kg(2000), SOFT)]))
    view = without(ledger)
    assert (view.batch_before("keystone:B", LAST), view.batch_before("keystone:C", LAST)) == (None, None)
    assert view.batch_before("keystone:A", LAST).dry_left == 0


def test_a_key_of_which_a_partial_view_holds_no_record_may_begin_anywhere(ledger):
    view = without(ledger, 2, 3)
    assert view.head(K) is None
    apply(view, drafted(ledger))
    with pytest.raises(ChainError) as caught:
        apply(view, drafted(ledger, seq=0))
    before = ledger.records[-1].id
    assert str(caught.value) == f"the record before seq 0 of key keystone/1 is none, prev names {before}"


def test_record_0_is_signed_by_a_key_that_it_enrols_itself(ledger):
    first = ledger.records[0]
    public = signer("registrar/1").public_key.hex()
    assert signing_key(Memory(), first) == KeyFacts("registrar/1", "registrar", public, ("registrar",), 0)
    assert ledger.memory.key("registrar/1").enrolled == 0


def test_nothing_is_entered_before_the_genesis(ledger):
    changes = Changes(0, "this", K, Head(0, "", 0))
    with pytest.raises(RuleError, match="^the first event of a ledger is its genesis$"):
        enter(Memory(), changes, ledger.memory.key(K), 0, ledger.records[-1].events[0])
