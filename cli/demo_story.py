"""The demonstration's story: one quarter of five invented companies, told as the events that their clerks would log.

It is data, in cli/story: story.json names companies, sites and chapters; each chapter's events stand in a file of their own, one a line,
with the key that signs it. They are good examples of what `plumbline log` reads.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

Raw = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of the story: a heading, what happens in it, and the events, each with the key that signs it."""

    title: str
    text: str
    events: tuple[tuple[str, Raw], ...]


@dataclass(frozen=True, slots=True)
class Story:
    """Companies, their sites, the customer, and the chapters."""

    customer: str
    parties: tuple[Raw, ...]
    sites: tuple[Raw, ...]
    chapters: tuple[Chapter, ...]


def load() -> Story:
    """Return the story."""
    folder = files("cli").joinpath("story")
    data = json.loads(folder.joinpath("story.json").read_text(encoding="utf-8"))
    chapters = []
    for chapter in data["chapters"]:
        lines = folder.joinpath(chapter["events"]).read_text(encoding="utf-8").split("\n")
        told = [json.loads(line) for line in lines if line]
        chapters.append(Chapter(chapter["title"], chapter["text"], tuple((line["key"], line["event"]) for line in told)))
    return Story(data["customer"], tuple(data["parties"]), tuple(data["sites"]), tuple(chapters))
