"""Batches and bookings as JSON text, as the store keeps them. A projection: derived from the records, and rebuilt from them at will."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from fractions import Fraction
from functools import lru_cache
from typing import Any

from ledger.matter.batch import Batch, Content
from ledger.matter.booking import Note, Residual
from ledger.matter.provenance import Portions, Source, Stock


def source_text(source: Source) -> str:
    """Return a source as one line: class, then facts, separated by `;`."""
    parts = [source.feedstock]
    parts += [f"{fact}={'+'.join(countries)}" for fact, countries in source.places]
    parts += ["documented"] if source.documented else []
    parts += [f"was:{source.was}"] if source.was else []
    parts += [f"{question}?{'yes' if answer else 'no'}" for question, answer in source.determined]
    return ";".join(parts)


@lru_cache(maxsize=100_000)
def source_of(text: str) -> Source:
    """Return the source that a line says."""
    feedstock, *parts = text.split(";")
    places = tuple((part.split("=")[0], tuple(part.split("=")[1].split("+"))) for part in parts if "=" in part)
    was = next((part[4:] for part in parts if part.startswith("was:") and "?" not in part), "")
    answers = tuple((part.split("?")[0], part.endswith("?yes")) for part in parts if "?" in part)
    return Source(feedstock, places, "documented" in parts, was, answers)


def _portions(portions: Mapping[Source, int]) -> dict[str, int]:
    return {source_text(source): mass for source, mass in portions.items()}


def _portions_of(data: dict[str, int]) -> Portions:
    return {source_of(text): mass for text, mass in data.items()}


def _stock(stock: Stock) -> list[dict[str, int]]:
    made = _portions(stock.made)
    left = _portions(stock.left)
    return [made] if made == left else [made, left]


def _stock_of(data: list[dict[str, int]]) -> Stock:
    made = _portions_of(data[0])
    return Stock(made, made if len(data) == 1 else _portions_of(data[1]))


def _content(content: Content) -> dict[str, Any]:
    data: dict[str, Any] = {"booked": _stock(content.booked), "u": content.u, "u_base": content.u_base}
    if content.cautious is not None:
        data["cautious"] = _stock(content.cautious)
    if content.below:
        data["below"] = content.below
    return data


def _content_of(data: dict[str, Any]) -> Content:
    cautious = _stock_of(data["cautious"]) if "cautious" in data else None
    return Content(_stock_of(data["booked"]), cautious, data["u"], data["u_base"], data.get("below", ""))


_PLAIN = (
    "material", "holder", "site", "made_at", "fixed_at", "dry_made", "dry_left", "status", "to", "pieces_made", "pieces_left", "vessel",
    "owner", "weighed", "provisional", "mass_u", "gone_dry", "not_assayed",
)  # fmt: skip


def batch_text(batch: Batch) -> str:
    """Return a batch as JSON text, the same for the same batch."""
    data: dict[str, Any] = {name: getattr(batch, name) for name in _PLAIN}
    data |= {
        "id": batch.id,
        "moisture": str(batch.moisture),
        "contents": {constituent: _content(content) for constituent, content in batch.contents.items()},
        "open": {constituent: _stock(stock) for constituent, stock in batch.open.items()},
        "serials": batch.serials,
        "claims": batch.claims,
        "gone": {constituent: _portions(portions) for constituent, portions in batch.gone.items()},
    }
    return json.dumps(data, sort_keys=True, separators=(",", ":"))


def batch_of(text: str) -> Batch:
    """Return the batch that JSON text says."""
    data = json.loads(text)
    return Batch(
        id=data["id"],
        moisture=Fraction(data["moisture"]),
        contents={constituent: _content_of(content) for constituent, content in data["contents"].items()},
        open={constituent: _stock_of(stock) for constituent, stock in data["open"].items()},
        serials=tuple((first, last) for first, last in data["serials"]),
        claims=tuple((kind, number) for kind, number in data["claims"]),
        gone={constituent: _portions_of(portions) for constituent, portions in data["gone"].items()},
        **{name: data[name] for name in _PLAIN},
    )


def residuals_text(residuals: tuple[Residual, ...]) -> str:
    """Return residuals as JSON text."""
    return json.dumps([asdict(residual) for residual in residuals], sort_keys=True, separators=(",", ":"))


def residuals_of(text: str) -> tuple[Residual, ...]:
    """Return the residuals that JSON text says."""
    return tuple(Residual(**data) for data in json.loads(text))


def notes_text(notes: tuple[Note, ...]) -> str:
    """Return notes as JSON text."""
    return json.dumps([[note.code, note.message] for note in notes], ensure_ascii=True, separators=(",", ":"))


def notes_of(text: str) -> tuple[Note, ...]:
    """Return the notes that JSON text says."""
    return tuple(Note(code, message) for code, message in json.loads(text))
