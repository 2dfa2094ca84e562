"""The picture of a trace: what stands where, that it is the same each time, and that no name breaks the file."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from ledger.errors import FormatError
from reports import sankey, svg
from reports.diagram import tint
from reports.lineage import Edge, Node, gathered

SVG = "{http://www.w3.org/2000/svg}"


def three_batches() -> tuple[list[Node], list[Edge]]:
    nodes = [
        Node("a", "keystone:RB-1", "spent_battery", "keystone:reading", "end_of_life"),
        Node("b", "keystone:PASTE & <1>", "battery_paste", "keystone:reading"),
        Node("c", "keystone:BUL-1", "bullion", "keystone:reading"),
    ]
    return nodes, [Edge("a", "b", 8_000_000), Edge("b", "c", 7_000_000), Edge("a", "c", 4_000_000)]


def long_trace() -> tuple[list[Node], list[Edge]]:
    """100 loads broken ten at a time, ten heats with a heel that becomes the next heat, one lot of batteries."""
    nodes = [Node(f"r{at}", f"keystone:RB-{at}", "spent_battery", "keystone:reading", "end_of_life") for at in range(100)]
    nodes += [Node(f"k{at}", f"keystone:KET-{at}", "bullion", "keystone:reading") for at in range(10)]
    nodes += [Node(f"h{at}", f"keystone:HEEL-{at}", "antimonial_lead", "keystone:reading") for at in range(10)]
    nodes.append(Node("lot", "voltaic:BAT-1", "battery", "voltaic:dayton"))
    edges = [Edge(f"r{at}", f"k{at // 10}", 8_000_000_000 + at) for at in range(100)]
    edges += [Edge(f"k{at}", f"h{at}", 5_000_000_000) for at in range(10)]
    edges += [Edge(f"h{at}", f"k{at + 1}", 5_000_000_000) for at in range(9)]
    edges += [Edge(f"k{at}", "lot", 70_000_000_000) for at in range(10)]
    return nodes, edges


def boxes_overlap(boxes) -> bool:
    by_column: dict[float, list] = {}
    for box in boxes:
        by_column.setdefault(box.x, []).append(box)
    return any(
        upper.y + upper.height > lower.y + 0.02
        for column in by_column.values()
        for upper, lower in zip(sorted(column, key=lambda box: box.y), sorted(column, key=lambda box: box.y)[1:], strict=False)
    )


def test_a_batch_stands_right_of_everything_it_was_made_from():
    diagram = sankey.layout(*three_batches(), title="t")
    bars = [box for box in diagram.boxes if box.note]
    assert [box.x for box in bars] == sorted(box.x for box in bars)
    assert len(bars) == 3


def test_bands_are_as_thick_as_the_mass_drawn():
    diagram = sankey.layout(*three_batches(), title="t")
    thick = {band.note: band.thickness for band in diagram.ribbons}
    first, second, third = (
        next(size for note, size in thick.items() if note.startswith(start))
        for start in ("keystone:RB-1 → keystone:P", "keystone:P", "keystone:RB-1 → keystone:B")
    )
    assert first / third == pytest.approx(2, rel=0.01)
    assert second / third == pytest.approx(1.75, rel=0.01)


def test_draws_between_the_same_batches_become_one_band():
    nodes, _ = three_batches()
    diagram = sankey.layout(nodes, [Edge("a", "b", 1), Edge("a", "b", 2), Edge("b", "c", 3)], title="t")
    assert len(diagram.ribbons) == 2


def test_bars_and_labels_do_not_overlap_in_a_long_trace():
    diagram = sankey.layout(*long_trace(), title="t")
    assert len([box for box in diagram.boxes if box.note]) == 121
    assert not boxes_overlap(diagram.boxes)
    names = sorted((words.x, words.y) for words in diagram.words if words.bold and words.x > 24)
    assert all(lower[1] - upper[1] > 9 for upper, lower in pairwise(names) if upper[0] == lower[0])
    assert all(box.y + box.height <= diagram.height for box in diagram.boxes)


def test_the_same_trace_gives_the_same_picture():
    assert svg.render(sankey.layout(*long_trace(), title="t")) == svg.render(sankey.layout(*long_trace(), title="t"))


def test_heels_that_feed_each_other_are_gathered_into_one():
    nodes, edges = gathered(*long_trace())
    assert [node.label for node in nodes] == ["spent battery, end of life", "bullion + antimonial lead", "BAT-1"]
    assert [(edge.source, edge.target) for edge in edges] == [("group 0", "group 1"), ("group 1", "group 2")]
    assert edges[1].mass_mg == 700_000_000_000


def test_a_page_diagram_is_as_wide_as_the_page():
    diagram = sankey.page_diagram(*long_trace(), title="t")
    assert diagram.width == pytest.approx(516)
    assert diagram.description == "121 batches and 129 draws, gathered by material, site and class; bands are as thick as the mass drawn."


def test_a_lone_batch_can_be_drawn():
    diagram = sankey.layout([Node("a", "x:1", "bullion", "x:y")], [], title="t")
    assert len(diagram.boxes) == 1


def test_draws_in_a_circle_are_refused():
    nodes, edges = three_batches()
    with pytest.raises(FormatError, match=re.escape("the draws run in a circle through batch b")):
        sankey.layout(nodes, [*edges, Edge("c", "b", 1)], title="t")


def test_a_draw_of_an_unknown_batch_is_refused():
    nodes, edges = three_batches()
    with pytest.raises(FormatError, match=re.escape("a draw names batch z\\u202e, which is not in the trace")):
        sankey.layout(nodes, [*edges, Edge("a", "z\u202e", 1)], title="t")


def test_an_empty_trace_is_refused():
    with pytest.raises(FormatError, match=re.escape("a trace without batches cannot be drawn")):
        sankey.layout([], [], title="t")


def test_the_svg_is_well_formed_and_says_what_it_shows():
    root = ET.fromstring(svg.render(sankey.layout(*three_batches(), title="Where <lot> & more came from")))  # noqa: S314 - our own bytes
    assert root.findtext(f"{SVG}title") == "Where <lot> & more came from"
    assert (root.findtext(f"{SVG}desc") or "").startswith("3 batches in 3 steps, joined by 3 draws")
    assert "keystone:PASTE & <1>" in [text.text for text in root.iter(f"{SVG}text")]


@pytest.mark.parametrize("hostile", ['"/><script>x</script>', "]]>", "\x00\x1b\ufffe", "\u202eevil", "&amp;"])
def test_a_hostile_name_cannot_break_the_svg(hostile):
    nodes = [Node("a", hostile, hostile, hostile, hostile), Node("b", "b", "bullion", "x:y")]
    document = svg.render(sankey.layout(nodes, [Edge("a", "b", 5)], title=hostile, description=hostile))
    root = ET.fromstring(document)  # noqa: S314 - our own bytes
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {"svg", "title", "desc", "rect", "path", "text"}
    assert not any(hidden in document for hidden in "\x00\x1b\u202e")


def test_a_tint_is_a_colour_mixed_with_white():
    assert tint("#000000", 1) == "#000000"
    assert tint("#000000", 0) == "#FFFFFF"
    assert tint("#1F6B5B", 0.5) == "#8FB5AD"
