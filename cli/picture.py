"""A trace as a picture: batches and draws, as thick as the metal that went."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.lineage import Trace
from ledger.view import View

if TYPE_CHECKING:
    from reports.diagram import Diagram
    from reports.lineage import Edge, Node


def nodes_and_edges(view: View, trace: Trace, constituent: str) -> tuple[list[Node], list[Edge]]:
    """Return a trace for drawing, by the contained mass of one constituent.

    What nobody had assayed when it moved (trucks into a pile) is drawn by what the pile turned out to contain.
    """
    from reports.lineage import Edge, Node  # noqa: PLC0415 - loaded when needed

    carried = {(edge["from"], edge["to"], edge["record"]): edge["contained_mg"].get(constituent, 0) for edge in trace.edges}
    after: dict[str, tuple[int, int]] = {}
    for edge in reversed(trace.edges):  # the log's order backwards: what a batch gave is known before what it got
        name = (edge["from"], edge["to"], edge["record"])
        gave, gross = after.get(edge["to"], (0, 0))
        if not carried[name] and not edge["contained_mg"] and gross:
            carried[name] = edge["mass_mg"] * gave // gross
        given, weighed = after.get(edge["from"], (0, 0))
        after[edge["from"]] = (given + carried[name], weighed + edge["mass_mg"])
    met = {end for (source, target, _), mass in carried.items() if mass for end in (source, target)}
    nodes = [
        Node(row["batch"], row["batch"].split(":", 1)[1], row["material"], row["site"], _class(view, row["batch"])) for row in trace.batches
    ]
    edges = [Edge(source, target, mass) for (source, target, _), mass in carried.items() if mass]
    return [node for node in nodes if node.id in met], edges


def _class(view: View, batch: str) -> str | None:
    """Return the class of most of what a batch entered with; None for what was made here."""
    made = view.maker(batch)
    entered = None if made is None else view.batch_before(batch, made + 1)
    if entered is None or view.made_of(batch):
        return None
    stocks = [content.booked for content in entered.contents.values()] or list(entered.open.values())
    by_class: dict[str, int] = {}
    for stock in stocks:
        for source, mass in stock.made.items():
            by_class[source.feedstock] = by_class.get(source.feedstock, 0) + mass
    return max(sorted(by_class), key=lambda name: by_class[name], default=None)


def page_picture(view: View, trace: Trace, constituent: str) -> Diagram | None:
    """Return a trace drawn for a certificate's page; None where nothing of the constituent moved."""
    from reports.sankey import page_diagram  # noqa: PLC0415 - loaded when needed

    nodes, edges = nodes_and_edges(view, trace, constituent)
    return page_diagram(nodes, edges, title=f"Where the {constituent} came from") if edges else None


def svg_picture(view: View, trace: Trace, constituent: str, *, title: str) -> str:
    """Return a trace drawn as SVG, every batch by itself."""
    from reports import svg  # noqa: PLC0415 - loaded when needed
    from reports.sankey import layout  # noqa: PLC0415 - loaded when needed

    nodes, edges = nodes_and_edges(view, trace, constituent)
    text = f"{len(nodes)} batches and {len(edges)} draws; bands are as thick as the {constituent} that was drawn."
    return svg.render(layout(nodes, edges, title=title, description=text))
