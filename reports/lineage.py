"""A trace as data: batches and the draws between them, in full or gathered by material, site and class."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from reports.words import feedstock, plain


@dataclass(frozen=True, slots=True)
class Node:
    """A batch (or, gathered, several): `label` is its name, `feedstock` its main class where one is known."""

    id: str
    label: str
    material: str
    site: str
    feedstock: str | None = None


_Key = tuple[str, str, str | None]


@dataclass(frozen=True, slots=True)
class Edge:
    """A draw: this many milligrams went from one batch into another."""

    source: str
    target: str
    mass_mg: int


def gathered(nodes: Sequence[Node], edges: Sequence[Edge]) -> tuple[list[Node], list[Edge]]:
    """Put together the batches of one material at one site, what entered there by its class, so that a long trace fits a page.

    Groups that feed each other in a circle (a heel that becomes the next heat, dross that comes back) become one group.
    """
    key_of: dict[str, _Key] = {node.id: (node.material, node.site, node.feedstock) for node in nodes}
    after: dict[_Key, set[_Key]] = {key: set() for key in key_of.values()}
    for edge in edges:
        after[key_of[edge.source]].add(key_of[edge.target])
    reach = {key: _reach(key, after) for key in after}
    ring_of: dict[_Key, tuple[_Key, ...]] = {
        key: tuple(other for other in after if other == key or (other in reach[key] and key in reach[other])) for key in after
    }
    members: dict[tuple[_Key, ...], list[Node]] = defaultdict(list)
    for node in nodes:
        members[ring_of[key_of[node.id]]].append(node)
    named = {ring: f"group {number}" for number, ring in enumerate(members)}
    carried: dict[tuple[str, str], int] = defaultdict(int)
    for edge in edges:
        ends = (named[ring_of[key_of[edge.source]]], named[ring_of[key_of[edge.target]]])
        if ends[0] != ends[1]:
            carried[ends] += edge.mass_mg
    groups = [_group(named[ring], inside) for ring, inside in members.items()]
    return groups, [Edge(source, target, mass_mg) for (source, target), mass_mg in carried.items()]


def _reach(start: _Key, after: dict[_Key, set[_Key]]) -> set[_Key]:
    seen: set[_Key] = set()
    open_keys = [start]
    while open_keys:
        for key in after[open_keys.pop()]:
            if key not in seen:
                seen.add(key)
                open_keys.append(key)
    return seen


def _group(identity: str, inside: Sequence[Node]) -> Node:
    materials = list(dict.fromkeys(node.material for node in inside))
    sites = list(dict.fromkeys(node.site for node in inside))
    classes = {node.feedstock for node in inside}
    entered = [feedstock(one) for one in classes if one is not None] if len(classes) == 1 else []
    return Node(
        id=identity,
        label=_short(inside[0]) if len(inside) == 1 else ", ".join([" + ".join(plain(name) for name in materials), *entered]),
        material=materials[-1],
        site=", ".join(sites),
        feedstock=classes.pop() if len(classes) == 1 else None,
    )


def _short(node: Node) -> str:
    """Leave out a batch's party where the site beneath its name says it."""
    party, _, number = node.label.partition(":")
    return number if number and node.site.startswith(f"{party}:") else node.label
