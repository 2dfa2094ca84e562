"""Where the metal came from, as a layered flow picture: batches are bars, draws are bands as thick as the mass they carry.

Everything here is pure and deterministic: the same batches and draws in the same order give the same picture. Batches stand in columns by
the longest way to them; a draw that skips columns is led through invisible slots, so bands do not run under bars.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter

from ledger.errors import FormatError
from reports.diagram import Box, Diagram, Ribbon, Words, moved, tint
from reports.lineage import Edge, Node, gathered
from reports.text import mass, printable
from reports.words import FEEDSTOCKS, colour, feedstock, plain

BAR = 9.0
GAP = 4.0
BAND = 0.5
"""Least thickness of a band, so that a trace of antimony is still seen."""
SWEEPS = 24
BISECTIONS = 48
LETTER = 0.54
"""Mean width of a letter over its size, a little on the safe side."""
LEAST = 0.84
"""How much smaller the letters of a label may get before it is cut."""
STRENGTH = 0.34
MUTED = "#5B6470"


@dataclass(slots=True, eq=False)
class _Slot:
    """A place in a column: a batch, or a point that a long draw passes (node is None)."""

    node: Node | None
    layer: int
    rank: int
    flow_mg: int = 0
    height: float = 0.0
    room: float = 0.0
    top: float = 0.0
    before: list[_Link] = field(default_factory=list)
    after: list[_Link] = field(default_factory=list)

    @property
    def middle(self) -> float:
        return self.top + self.room / 2

    @property
    def edge(self) -> float:
        """The upper edge of the bar, which stands in the middle of its room."""
        return self.middle - self.height / 2


@dataclass(slots=True, eq=False)
class _Link:
    source: _Slot
    target: _Slot
    mass_mg: int
    fill: str
    note: str
    y0: float = 0.0
    y1: float = 0.0


@dataclass(frozen=True, slots=True)
class Style:
    """Sizes in points: the distance of two columns, the letters of a label's first and further lines, the margin and the heading."""

    column: float
    size: float
    small: float
    lines: int
    margin: float
    heading: float

    @property
    def room(self) -> float:
        """The height that a label needs for itself."""
        return self.size + (self.lines - 1) * (self.small + 1.5) + 4


SCREEN = Style(column=172, size=9.5, small=8, lines=2, margin=24, heading=46)
PAGE = Style(column=72, size=6.4, small=5.6, lines=3, margin=0, heading=0)


def layout(  # noqa: D417 - the two sequences are described by their classes
    nodes: Sequence[Node],
    edges: Sequence[Edge],
    *,
    title: str,
    description: str = "",
    style: Style = SCREEN,
    width: float | None = None,
    height: float | None = None,
) -> Diagram:
    """Lay out a trace.

    Args:
        title: What the picture shows, for those who hear it read.
        description: The same in a sentence; left out, the counts.
        style: SCREEN for a picture of its own, PAGE for one column of a letter page.
        width: In points; left out, what the columns need.
        height: In points; left out, what the fullest column needs. A height too small for the labels is raised.

    Raises:
        FormatError: A draw names a batch that is not among the nodes, or the draws run in a circle.
    """
    if not nodes:
        raise FormatError("a trace without batches cannot be drawn")
    columns = _slots(nodes, edges)
    step = style.column if width is None else max((width - BAR) / len(columns), BAR * 2)
    need = max(sum(style.room if slot.node else GAP for slot in column) for column in columns) + style.room
    tall = max(need, height if height is not None else min(max(need * 1.25, style.column * 1.6), need + style.column * 3))
    scale = _scale(columns, tall, style)
    for column in columns:
        for slot in column:
            slot.height = max(slot.flow_mg * scale, BAND * 2)
            slot.room = max(slot.height, style.room if slot.node else 0) + GAP
    _settle(columns, tall)
    links = [link for column in columns for slot in column for link in slot.after]
    _stack(columns, scale)
    text = (
        description or f"{len(nodes)} batches in {len(columns)} steps, joined by {len(edges)} draws; bands are as thick as the mass drawn."
    )
    picture = Diagram(
        width=step * len(columns) + BAR,
        height=tall,
        title=title,
        description=text,
        ribbons=tuple(_ribbon(link, step, scale) for link in links),
        boxes=tuple(_bar(slot, step) for column in columns for slot in column if slot.node),
        words=tuple(words for column in columns for slot in column for words in _label(slot, step, style)),
    )
    return _headed(picture, nodes, style) if style.heading else picture


def page_diagram(nodes: Sequence[Node], edges: Sequence[Edge], *, title: str, width: float = 516, height: float = 250) -> Diagram:
    """Lay out a trace for the certificate: gathered by material, site and class, one letter page wide."""
    few, draws = gathered(nodes, edges)
    text = f"{len(nodes)} batches and {len(edges)} draws, gathered by material, site and class; bands are as thick as the mass drawn."
    return layout(few, draws, title=title, description=text, style=PAGE, width=width, height=height)


def _layers(nodes: Sequence[Node], edges: Iterable[Edge]) -> dict[str, int]:
    """Number the columns: a batch stands right of everything it was made from, and an entry right before its first use."""
    after: dict[str, list[str]] = {node.id: [] for node in nodes}
    waiting = dict.fromkeys(after, 0)
    for edge in edges:
        for end in (edge.source, edge.target):
            if end not in after:
                raise FormatError(f"a draw names batch {printable(end)}, which is not in the trace")
        after[edge.source].append(edge.target)
        waiting[edge.target] += 1
    entries = [identity for identity, count in waiting.items() if not count]
    layer = dict.fromkeys(entries, 0)
    ready = list(entries)
    for identity in ready:
        for target in after[identity]:
            layer[target] = max(layer.get(target, 0), layer[identity] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    if len(ready) < len(after):
        stuck = next(identity for identity, count in waiting.items() if count)
        raise FormatError(f"the draws run in a circle through batch {printable(stuck)}")
    for identity in entries:
        if after[identity]:
            layer[identity] = min(layer[target] for target in after[identity]) - 1
    return layer


def _slots(nodes: Sequence[Node], edges: Sequence[Edge]) -> list[list[_Slot]]:
    """Make the columns with their slots and links, draws between the same two batches put together."""
    layer = _layers(nodes, edges)
    columns: list[list[_Slot]] = [[] for _ in range(max(layer.values()) + 1)]
    slot_of: dict[str, _Slot] = {}
    for rank, node in enumerate(nodes):
        slot_of[node.id] = _Slot(node, layer[node.id], rank)
        columns[layer[node.id]].append(slot_of[node.id])
    carried: dict[tuple[str, str], int] = defaultdict(int)
    for edge in edges:
        carried[edge.source, edge.target] += edge.mass_mg
    for (source_id, target_id), mass_mg in carried.items():
        source, target = slot_of[source_id], slot_of[target_id]
        maker, made = source.node, target.node
        if maker is None or made is None:  # pragma: no cover - slots of batches have a node
            continue
        fill = tint(colour(maker.feedstock, maker.material), STRENGTH)
        note = f"{maker.label} → {made.label}: {mass(mass_mg, 'lb', places=0)} ({mass(mass_mg, 'kg', places=0)})"
        left = source
        for passed in range(source.layer + 1, target.layer):
            point = _Slot(None, passed, source.rank)
            columns[passed].append(point)
            _join(left, point, mass_mg, fill, note)
            left = point
        _join(left, target, mass_mg, fill, note)
    for column in columns:
        for slot in column:
            slot.flow_mg = max(sum(link.mass_mg for link in slot.before), sum(link.mass_mg for link in slot.after))
    return columns


def _join(source: _Slot, target: _Slot, mass_mg: int, fill: str, note: str) -> None:
    link = _Link(source, target, mass_mg, fill, note)
    source.after.append(link)
    target.before.append(link)


def _scale(columns: Sequence[Sequence[_Slot]], tall: float, style: Style) -> float:
    """Find the points per milligram at which the fullest column just fits the height, by halving."""
    heaviest = max((sum(slot.flow_mg for slot in column) for column in columns), default=0)
    if not heaviest:
        return 0.0
    low, high = 0.0, tall / heaviest
    for _ in range(BISECTIONS):
        trial = (low + high) / 2
        fits = all(
            sum(max(slot.flow_mg * trial, style.room if slot.node else BAND * 2) + GAP for slot in column) <= tall for column in columns
        )
        low, high = (trial, high) if fits else (low, trial)
    return low


def _settle(columns: Sequence[list[_Slot]], tall: float) -> None:
    """Move the slots toward what they are joined to, left to right and back, and push apart what overlaps."""
    for column in columns:
        column.sort(key=attrgetter("rank"))
        _spread(column, tall)
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        for column in columns if forward else reversed(columns):
            for slot in column:
                links = (slot.before or slot.after) if forward else (slot.after or slot.before)
                total = sum(link.mass_mg for link in links)
                if total:
                    pull = sum((link.target if link.source is slot else link.source).middle * link.mass_mg for link in links) / total
                    slot.top = pull - slot.room / 2
            column.sort(key=lambda slot: (round(slot.middle, 3), slot.rank))
            _spread(column, tall)


def _spread(column: Sequence[_Slot], tall: float) -> None:
    floor = 0.0
    for slot in column:
        slot.top = max(slot.top, floor)
        floor = slot.top + slot.room
    ceiling = tall
    for slot in reversed(column):
        slot.top = min(slot.top, ceiling - slot.room)
        ceiling = slot.top


def _stack(columns: Sequence[Sequence[_Slot]], scale: float) -> None:
    """Stack the bands on both sides of each bar in the order of what they lead to, so that they cross as little as may be."""
    for column in columns:
        for slot in column:
            low = slot.edge
            for link in sorted(slot.after, key=lambda link: (link.target.middle, link.target.rank)):
                link.y0 = low
                low += link.mass_mg * scale
            low = slot.edge
            for link in sorted(slot.before, key=lambda link: (link.source.middle, link.source.rank)):
                link.y1 = low
                low += link.mass_mg * scale


def _ribbon(link: _Link, step: float, scale: float) -> Ribbon:
    left = link.source.layer * step + (BAR if link.source.node else 0)
    return Ribbon(
        x0=round(left, 2),
        y0=round(link.y0, 2),
        x1=round(link.target.layer * step, 2),
        y1=round(link.y1, 2),
        thickness=round(max(link.mass_mg * scale, BAND), 2),
        fill=link.fill,
        note=link.note,
    )


def _bar(slot: _Slot, step: float) -> Box:
    node = slot.node or Node("", "", "", "")
    note = f"{node.label}, {plain(node.material)}, {node.site}"
    return Box(round(slot.layer * step, 2), round(slot.edge, 2), BAR, round(slot.height, 2), colour(node.feedstock, node.material), note)


def _label(slot: _Slot, step: float, style: Style) -> list[Words]:
    """Write a batch's name, what it is (on a page, where), and its mass, right of its bar."""
    if slot.node is None:
        return []
    amount = [mass(slot.flow_mg, "lb", places=0)] if slot.flow_mg else []
    kind = plain(slot.node.material)
    further = [slot.node.site, *amount] if style is PAGE else [" · ".join([kind, *amount])]
    left = round(slot.layer * step + BAR + 4, 2)
    room = step - BAR - 5
    line = slot.middle - len(further) * (style.small + 1.5) / 2 + style.size * 0.36
    text, size = _fit(slot.node.label, room, style.size)
    lines = [Words(left, round(line, 2), text, size, bold=True)]
    for wanted in further:
        line += style.small + 1.5
        text, size = _fit(wanted, room, style.small)
        lines.append(Words(left, round(line, 2), text, size, fill=MUTED))
    return lines


def _headed(picture: Diagram, nodes: Sequence[Node], style: Style) -> Diagram:
    """Give a picture that stands alone a margin, its title and the key of its feedstock colours."""
    words = [Words(style.margin, style.margin + 10, picture.title, 14, bold=True)]
    boxes = []
    left = style.margin
    present = {node.feedstock for node in nodes}
    for name in (name for name in FEEDSTOCKS if name in present):
        boxes.append(Box(left, style.margin + 22, 8, 8, colour(name, "")))
        words.append(Words(left + 12, style.margin + 29, feedstock(name), style.small, fill=MUTED))
        left += 28 + len(feedstock(name)) * style.small * LETTER
    body = moved(picture, style.margin, style.margin + style.heading, margin=style.margin)
    return replace(body, boxes=(*boxes, *body.boxes), words=(*words, *body.words))


def _fit(text: str, room: float, size: float) -> tuple[str, float]:
    """Make a text fit: in letters a little smaller, and only then cut; the whole text stands in the bar's note."""
    smaller = round(max(size * LEAST, min(size, room / (max(len(text), 1) * LETTER))), 2)
    letters = max(int(room / (smaller * LETTER)), 4)
    return (text if len(text) <= letters else text[: letters - 1].rstrip(" ·,+") + "…"), smaller
