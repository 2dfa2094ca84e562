"""A partial view books a batch as the whole ledger does, from the records that name it and what it was made of."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from house import stored
from ledger.evidence.touch import Touch, _closure, _with_keys
from ledger.memory import Memory
from ledger.record import read_record
from ledger.state import apply, authenticate
from ledger.store.store import Store
from ledger.view import LAST
from program import Program

NUMBERS = st.integers(0, 999)
STEPS = st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=4, max_size=40)


def partial(view, touch: Touch) -> Memory:
    """Replay some records of a ledger as a verifier does who has no others."""
    memory = Memory()
    memory.scope = touch.scope
    for index in touch.records:
        record = read_record(view.record(index).note)
        memory.stand_at(index)
        authenticate(memory, record)
        memory.fold(apply(memory, record))
    return memory


@pytest.mark.slow
@settings(max_examples=25, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(STEPS)
def test_every_batch_of_a_random_ledger_stands_in_its_partial_view_as_in_the_whole(steps):
    program = Program()
    program.run(steps)
    whole = program.books.memory
    with TemporaryDirectory() as folder:
        house = stored(program.books, Path(folder))
        with Store(house.path).reading() as view:
            for name in whole.numbers:
                check(view, whole, name)


def check(view, whole, name):
    """Compare a batch, everything it was made of, and how its maker closed, with the whole ledger's."""
    scope, places = _closure(view, [name], before=view.size << 8)
    touch = Touch(scope, _with_keys(view, {place >> 8 for place in places}))
    memory = partial(view, touch)
    for batch in touch.scope:
        assert memory.batch_before(batch, LAST) == whole.batch_before(batch, LAST)
        assert memory.made_of(batch) == whole.made_of(batch)
        place = whole.maker(batch)
        assert memory.closure_at(place) == whole.closure_at(place)
