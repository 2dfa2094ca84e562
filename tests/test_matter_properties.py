"""What must hold of every ledger, on random days at two plants."""

from hypothesis import assume, given
from hypothesis import strategies as st

from books import TIME, kg, pct
from ledger.errors import BalanceError, CorrectionError, RuleError
from ledger.view import LAST
from program import Program

NUMBERS = st.integers(0, 999)
STEPS = st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=4, max_size=24)


@given(STEPS)
def test_the_books_balance_to_the_milligram_after_every_record(steps):
    Program().run(steps)


def books_of(program):
    """Return batches and postings, without the record that fixed a batch's facts last."""
    memory = program.books.memory
    batches = {}
    for name in memory.numbers:
        batch = memory.batch_before(name, LAST)
        batches[name] = None if batch is None else {field: getattr(batch, field) for field in batch.__slots__ if field != "fixed_at"}
    bookings = [booking for place, booking in sorted(memory.bookings.items()) if booking]
    booked = [(b.position, b.site, b.kind, b.made, b.postings, b.edges, b.residuals, b.notes) for b in bookings]
    return batches, booked


def opened(mass, country):
    program = Program()
    _, event = program.receive_paste(0, 0)
    event |= {"mass": kg(mass), "places": {"collected_in": country}, "assay": {"Pb": pct(75), "Sb": pct("0.02")}}
    assert program.log("yard", event)
    return program, event


def correcting(event):
    return {"type": "correct", "time": TIME, "of": {"batch": event["batch"]}, "event": event, "reason": "weighed again"}


UNAMENDED = st.lists(st.tuples(st.sampled_from([*range(1, 16), 20, 21]), NUMBERS, NUMBERS), min_size=2, max_size=14)


@given(UNAMENDED, st.integers(8_000, 14_000))
def test_a_corrected_ledger_has_the_books_of_one_that_was_right_from_the_start(steps, mass):
    wrong, _ = opened(10_000, "US")
    wrong.run(steps)
    right, event = opened(mass, "MX")
    refusal = None
    for key, done in wrong.done[1:]:
        try:
            right.books.log(key, done)
        except RuleError as found:
            refusal = found
            break
    assume(not (isinstance(refusal, BalanceError) and refusal.constituent.startswith("dry mass")))
    try:
        wrong.books.log("yard/1", correcting(event))
    except CorrectionError:
        assert refusal is not None
    else:
        assert refusal is None
        assert books_of(wrong) == books_of(right)


@given(UNAMENDED, st.integers(8_000, 14_000))
def test_a_correction_that_is_corrected_back_leaves_the_books_as_they_were(steps, mass):
    program, event = opened(10_000, "US")
    program.run(steps)
    before = books_of(program)
    try:
        program.books.log("yard/1", correcting({**event, "mass": kg(mass)}))
    except CorrectionError:
        assert books_of(program) == before
        return
    program.books.log("yard/1", correcting(event))
    assert books_of(program) == before
