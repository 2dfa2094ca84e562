"""Which characters the vendored fonts can print, read from the fonts themselves before anything is drawn."""

from __future__ import annotations

import struct
from functools import cache
from importlib.resources import files
from typing import Final

from ledger.errors import FormatError
from reports.text import escape, is_shown

FACES: Final = {
    "Inter": "Inter-Regular.ttf",
    "Inter-SemiBold": "Inter-SemiBold.ttf",
    "Inter-Italic": "Inter-Italic.ttf",
    "Plex-Mono": "IBMPlexMono-Regular.ttf",
}
"""Name of a face in the PDF → its file in the folder `fonts`."""
SANS, BOLD, ITALIC, MONO = FACES


def path(face: str) -> str:
    """Return where the file of a face lies."""
    return str(files("reports").joinpath("fonts", FACES[face]))


@cache
def characters(face: str) -> frozenset[int]:
    """Return the code points that a face has a glyph for, from its character map (OpenType, table cmap, format 4)."""
    data = files("reports").joinpath("fonts", FACES[face]).read_bytes()
    tables = {
        data[at : at + 4]: struct.unpack_from(">I", data, at + 8)[0] for at in range(12, 12 + 16 * struct.unpack_from(">H", data, 4)[0], 16)
    }
    cmap = tables[b"cmap"]
    for at in range(cmap + 4, cmap + 4 + 8 * struct.unpack_from(">H", data, cmap + 2)[0], 8):
        table = cmap + struct.unpack_from(">I", data, at + 4)[0]
        if struct.unpack_from(">H", data, table)[0] == 4:  # noqa: PLR2004 - the format of the basic plane
            return frozenset(_segments(data, table))
    raise FormatError("the font has no character map of format 4", file=FACES[face])


def _segments(data: bytes, table: int) -> list[int]:
    """List the code points of a format 4 subtable that lead to a glyph other than .notdef."""
    count = struct.unpack_from(">H", data, table + 6)[0] // 2
    ends, starts = table + 14, table + 16 + 2 * count
    deltas, offsets = starts + 2 * count, starts + 4 * count
    found = []
    for number in range(count):
        first, last = (struct.unpack_from(">H", data, place + 2 * number)[0] for place in (starts, ends))
        delta = struct.unpack_from(">H", data, deltas + 2 * number)[0]
        offset_place = offsets + 2 * number
        offset = struct.unpack_from(">H", data, offset_place)[0]
        for point in range(first, min(last, 0xFFFE) + 1):
            glyph = struct.unpack_from(">H", data, offset_place + offset + 2 * (point - first))[0] if offset else point
            if (glyph or not offset) and (glyph + delta) & 0xFFFF:
                found.append(point)
    return found


def has(face: str, text: str) -> bool:
    """Tell whether a face can print every character of a text."""
    return all(ord(character) in characters(face) for character in text)


def check(text: str, *, field: str) -> str:
    """Return a text that can be printed in every sans face; a character without a glyph would come out as a black box.

    Raises:
        FormatError: A character that the font lacks, or that does not show itself (controls, bidirectional and zero-width characters).
    """
    for character in text:
        if ord(character) not in characters(SANS) or not is_shown(character):
            shown = character if is_shown(character) else escape(character)
            raise FormatError(
                f"character U+{ord(character):04X} '{shown}' in {field} is not in the certificate's font",
                hint="write the name in Latin, Greek or Cyrillic letters, as export papers do",
            )
    return text


def shown(text: str) -> str:
    """Return a text with a visible escape in place of every character that the font lacks; for reports on damaged data."""
    return "".join(character if is_shown(character) and ord(character) in characters(SANS) else escape(character) for character in text)
