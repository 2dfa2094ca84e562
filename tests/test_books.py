"""What the books keep of every kind of event, field by field: the stories of tests/support/stories.py against what is written down.

The figures that other tests work out by hand are the program's reason; these hold fast all the others beside them: each posting, edge,
residual and note, each portion and uncertainty of each batch.
"""

import json

import pytest

from stories import STORIES, VECTOR, told

WRITTEN = json.loads(VECTOR.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", STORIES)
def test_the_books_of_a_story_are_those_written_down(name):
    again = json.loads(json.dumps(told(STORIES[name]())))
    assert len(again) == len(WRITTEN[name])
    for booking, want in zip(again, WRITTEN[name], strict=True):
        assert booking == want
