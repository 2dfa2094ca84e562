"""The colour space of the pages as a file: an sRGB profile, made here, so that no foreign file needs to come along.

PDF/A-3 (ISO 19005-3, 6.2.3 and 6.2.4.3) wants an ICC profile that says what the numbers of a colour mean. This one has the form of
ICC.1:2004-10 (profile version 4.2, which PDF 1.7 allows): three colorants and a tone curve.

The primaries, the white point D65 and the curve are those of IEC 61966-2-1:1999. The colorants are given for the profile's own white, D50,
by the linear Bradford adaptation (ICC.1:2004-10, Annex E); `tests/test_pdf_archive.py` derives them from the primaries again.
"""

from __future__ import annotations

import struct
from typing import Final

WHITE: Final = (0.9642, 1.0, 0.8249)
"""D50 (ICC.1:2004-10, 7.2.16)."""
RED: Final = (0.4360747, 0.2225045, 0.0139322)
GREEN: Final = (0.3850649, 0.7168786, 0.0971045)
BLUE: Final = (0.1430804, 0.0606169, 0.7141733)
ADAPTATION: Final = (1.0478112, 0.0228866, -0.0501270, 0.0295424, 0.9904844, -0.0170491, -0.0092345, 0.0150436, 0.7521316)
CURVE: Final = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
"""Y = (aX + b)^g from d on, cX below it, as parameters g, a, b, c, d (ICC.1:2004-10, 10.15, function type 3)."""
HEADER: Final = 128
NAME: Final = "sRGB IEC61966-2.1"


def _numbers(*values: float) -> bytes:
    """Write s15Fixed16Numbers (ICC.1:2004-10, 5.1.3)."""
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def _text(text: str) -> bytes:
    """Write a multiLocalizedUnicodeType with one English record (ICC.1:2004-10, 10.13)."""
    written = text.encode("utf-16-be")
    return struct.pack(">4sIII4sII", b"mluc", 0, 1, 12, b"enUS", len(written), 28) + written


def srgb() -> bytes:
    """Return the profile; always the same bytes."""
    curve = struct.pack(">4sIHH", b"para", 0, 3, 0) + _numbers(*CURVE)
    content = {
        b"desc": _text(NAME),
        b"cprt": _text("No copyright, use freely"),
        b"wtpt": b"XYZ \0\0\0\0" + _numbers(*WHITE),
        b"chad": b"sf32\0\0\0\0" + _numbers(*ADAPTATION),
        b"rXYZ": b"XYZ \0\0\0\0" + _numbers(*RED),
        b"gXYZ": b"XYZ \0\0\0\0" + _numbers(*GREEN),
        b"bXYZ": b"XYZ \0\0\0\0" + _numbers(*BLUE),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    start = HEADER + 4 + 12 * len(content)
    body, places = b"", {}
    for data in content.values():
        if data not in places:
            places[data] = start + len(body)
            body += data + bytes(-len(data) % 4)
    table = struct.pack(">I", len(content)) + b"".join(struct.pack(">4sII", tag, places[data], len(data)) for tag, data in content.items())
    header = struct.pack(">I4x4s4s4s4s", start + len(body), bytes((4, 0x20, 0, 0)), b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H4s", 2000, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + _numbers(*WHITE)
    return header.ljust(HEADER, b"\0") + table + body
