"""Events and records that are generated are read back as they were written."""

from hypothesis import given
from hypothesis import strategies as st

from keyring import signer
from ledger.record import dump, read_event, read_record, record_text, write_record
from ledger.tlog import canonical
from program import Program
from schemas.record import Header, Seen

KEY = signer("keystone/1")
BATCHES = st.from_regex(r"[a-z0-9][a-z0-9-]{1,8}:[A-Za-z0-9._-]{1,12}", fullmatch=True)
SITES = st.from_regex(r"[a-z0-9][a-z0-9-]{1,8}:[a-z0-9][a-z0-9._-]{0,8}", fullmatch=True)
NUMBERS = st.from_regex(r"[0-9]{1,9}(\.[0-9]{1,6})?", fullmatch=True)
HASHES = st.binary(min_size=32, max_size=32).map(bytes.hex)
WORDS = st.text(st.sampled_from("abcdefgXYZ éßøżłΩ漢字<&>\"'\\/"), min_size=1, max_size=20).map(lambda text: f"x{text}x")
TIMES = st.datetimes().map(lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S}Z".rjust(20, "0"))
TOKENS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 ._:/#-]{0,12}", fullmatch=True)
COUNTRIES = st.sampled_from(["US", "CA", "MX", "DE", "unknown"])


def record_of(required, **optional):
    """Return a strategy for objects with these fields."""
    return st.fixed_dictionaries(required, optional=optional)


MASSES = record_of({"value": NUMBERS, "unit": st.sampled_from(["kg", "g", "t", "lb", "short_ton", "long_ton"])}, u=NUMBERS, device=TOKENS)
SHARES = record_of({"value": NUMBERS, "unit": st.sampled_from(["%", "ppm", "1"])}, u=NUMBERS, method=TOKENS)
BELOW = record_of({"below": NUMBERS, "unit": st.sampled_from(["%", "ppm", "1"])})
ASSAYS = st.dictionaries(st.sampled_from(["Pb", "Sb", "Sn", "Ca", "PP"]), SHARES | BELOW, max_size=4)
SEALED = record_of({"sealed": HASHES})
PAPERS = st.lists(record_of({"kind": TOKENS, "sha256": HASHES}, number=SEALED, issuer=WORDS), min_size=1, max_size=2)
PLACED = {"time": TIMES, "site": SITES}
BESIDE = {"documents": PAPERS, "private": st.dictionaries(TOKENS, SEALED, min_size=1, max_size=2)}
DRAWN = MASSES | record_of({"pieces": st.integers(1, 9999)})
USED = {"batch": BATCHES}
REST = st.just(True)  # noqa: FBT003 - the value of a field

RECEIVES = record_of(
    {"type": st.just("receive"), **PLACED, "batch": BATCHES, "material": TOKENS, "mass": MASSES},
    moisture=SHARES,
    assay=ASSAYS,
    feedstock=st.sampled_from(["end_of_life", "primary", "unknown"]),
    places=st.dictionaries(st.sampled_from(["collected_in", "mined_in"]), COUNTRIES, min_size=1),
    opening=REST,
    pieces=st.integers(1, 10**6),
    tare=MASSES,
    **BESIDE,
)
INPUTS = record_of(USED, made_by=HASHES, mass=DRAWN, rest=REST, final=REST, moisture=SHARES)
OUTPUTS = record_of(
    {"batch": BATCHES, "material": TOKENS, "mass": MASSES | st.just("balance")}, assay=ASSAYS, vessel=TOKENS, pieces=st.integers(1, 99)
)
LOSSES = record_of({"kind": TOKENS, "contained": st.dictionaries(st.sampled_from(["Pb", "Sb"]), MASSES, min_size=1)})
TRANSFORMS = record_of(
    {
        "type": st.just("transform"),
        **PLACED,
        "kind": st.sampled_from(["break", "smelt", "refine", "split", "merge"]),
        "inputs": st.lists(INPUTS, min_size=1, max_size=3),
        "outputs": st.lists(OUTPUTS, min_size=1, max_size=3),
    },
    losses=st.lists(LOSSES, min_size=1, max_size=2),
    **BESIDE,
)
SHIPS = record_of(
    {"type": st.just("ship"), **PLACED, **USED, "to": SITES | record_of({"outside": SEALED, "country": COUNTRIES})},
    made_by=HASHES,
    mass=DRAWN,
)
ACCEPTS = record_of(
    {"type": st.just("accept"), **PLACED, **USED, "mass": MASSES}, made_by=HASHES, difference=st.sampled_from(["water", "electrolyte"])
)
ADJUSTS = record_of({"type": st.just("adjust"), **PLACED, **USED, "mass": MASSES, "reason": WORDS}, kind=st.just("water"), assay=ASSAYS)
RETURNS = record_of(
    {
        "type": st.just("return"),
        **PLACED,
        "of": BATCHES,
        "batch": BATCHES,
        "mass": MASSES,
        "as": st.sampled_from(["rework", "distribution_return"]),
    }
)
DETERMINES = record_of(
    {
        "type": st.just("determine"),
        "time": TIMES,
        "of": BATCHES,
        "question": st.from_regex(r"[a-z][a-z0-9_]{0,63}", fullmatch=True),
        "answer": st.booleans(),
        "basis": WORDS,
        "by": record_of({"name": SEALED, "role": WORDS}),
    }
)
MATTER = RECEIVES | TRANSFORMS | SHIPS | ACCEPTS | ADJUSTS | RETURNS | DETERMINES
CORRECTS = record_of(
    {
        "type": st.just("correct"),
        "time": TIMES,
        "of": record_of({"record": HASHES, "event": st.integers(0, 255)}),
        "event": MATTER,
        "reason": WORDS,
    }
)
EVENTS = MATTER | CORRECTS


@given(EVENTS)
def test_an_event_is_written_as_it_was_read(raw):
    data = canonical.encode(raw)
    event = read_event(data)
    assert dump(event) == data
    assert read_event(dump(event)) == event


HEADERS = st.builds(
    Header,
    genesis=HASHES,
    key=st.just(KEY.name),
    made=TIMES,
    prev=st.none() | HASHES,
    seen=st.none() | st.builds(Seen, root=HASHES, size=st.integers(0, 2**40)),
    seq=st.integers(0, 2**53 - 1),
    over=st.none() | HASHES,
)


@given(HEADERS, st.lists(EVENTS, min_size=1, max_size=4))
def test_a_record_is_read_back_as_it_was_signed(header, raws):
    events = tuple(read_event(canonical.encode(raw)) for raw in raws)
    record = write_record(header, events, key=KEY.vkey, sign=KEY.sign)
    assert (record.header, record.events) == (header, events)
    again = read_record(record.note)
    assert again == record
    assert again.text == record_text(header, events)
    assert again.note.startswith(again.text + b"\n" + "— keystone/1 ".encode())
    assert (b'"over"' in again.text.split(b"\n")[1]) == (header.over is not None)


def test_the_events_of_a_ledgers_life_are_written_as_they_were_read():
    program = Program()
    program.run([(7 * number % 997, 13 * number % 991, number) for number in range(60)])
    for record in program.books.records:
        assert record_text(record.header, record.events) == record.text
