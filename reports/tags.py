"""What a page says and in which order, for those who hear it: the logical structure of a tagged PDF (ISO 32000-1, 14.7 and 14.8).

A block of the page kit brings its tags along, and what it draws is marked as theirs. PDF/UA-1 (ISO 14289-1, 7.1) and PDF/A-3, level A
(ISO 19005-3, 6.7) want every mark on a page to be either content with a place in this tree or an artifact. Roles are the standard
structure types only, so no role map is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ledger.errors import FormatError

Role = Literal["Document", "H1", "H2", "P", "L", "LI", "Lbl", "LBody", "Table", "TR", "TH", "TD", "Figure", "Form"]

FIELD = "seal"
"""The signature field's name, and the name of what it looks like while the page kit hands it over."""


@dataclass(slots=True, eq=False)
class Tag:
    """A structure element: its role, and what is in it (further tags, or marked content on pages).

    `language` (RFC 5646) is said where it is not the document's.

    `marks` says where it was drawn, as page (from 1) and number on that page; a paragraph over two pages has two. `alternative` is read
    in place of a figure or a form field, `box` is its place on its page. A field draws nothing on the page itself, so it has no marks
    and `page` says where it stands.
    """

    role: Role
    inside: list[Tag] = field(default_factory=list)
    alternative: str = ""
    marks: list[tuple[int, int]] = field(default_factory=list)
    box: tuple[float, float, float, float] | None = None
    language: str = ""
    page: int = 0

    def walk(self) -> Iterator[Tag]:
        """Yield this tag and all under it in reading order."""
        yield self
        for tag in self.inside:
            yield from tag.walk()

    @property
    def is_left_out(self) -> bool:
        """Tell whether there is nothing to read: a paragraph without words. An empty cell stays, because its place says something."""
        return self.role == "P" and not self.marks


def by_mark(tree: Tag) -> dict[tuple[int, int], Tag]:
    """Return whose each marked content is."""
    return {mark: tag for tag in tree.walk() for mark in tag.marks}


def check(tree: Tag, drawn: Mapping[int, int]) -> None:
    """Check what a validator would find wrong with a tree, before a file is written.

    Args:
        tree: The document.
        drawn: How many pieces of marked content each page has.

    Raises:
        FormatError: Something drawn has no place in the reading order (ISO 14289-1, 7.1), a figure has no alternative text (7.3), a
            form field has none (7.18.1), or a heading skips a level (7.4.2).
    """
    owned = by_mark(tree)
    for page, count in drawn.items():
        for number in range(count):
            if (page, number) not in owned:
                raise FormatError(f"page {page} draws something that has no place in the reading order")
    level = 0
    for tag in tree.walk():
        if tag.role == "Figure" and not tag.alternative.strip():
            raise FormatError("a figure has no words for those who do not see it")
        if tag.role == "Form" and not tag.alternative.strip():
            raise FormatError("a form field has no words for those who do not see it")
        if tag.role in {"H1", "H2"}:
            deeper = int(tag.role[1:])
            if deeper > level + 1:
                raise FormatError(f"a heading of level {deeper} stands where one of level {level + 1} is due")
            level = deeper
