"""A printed certificate damaged, each time in one place that PDF/A-3A or PDF/UA-1 asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pikepdf
from pikepdf import Name, Pdf

from printed import elements


class Damage(NamedTuple):
    """What is done, and which rules page-validation (its names) and veraPDF (flavour and clause) then find broken."""

    do: Callable[[Pdf], object]
    page: list[str]
    verapdf: list[str]


def element(document: Pdf, role: str) -> pikepdf.Object:
    """Return the first structure element of a role."""
    return next(one for one, _ in elements(document) if role == one.S)


def font(document: Pdf) -> pikepdf.Object:
    """Return a font."""
    return next(one for one in document.objects if isinstance(one, pikepdf.Dictionary) and one.get("/Type") == Name.Font)


def attached(document: Pdf) -> pikepdf.Object:
    """Return the file specification of the certificate."""
    return document.attachments["certificate.json"].obj


def without(place: Callable[[Pdf], pikepdf.Object], key: str) -> Callable[[Pdf], object]:
    """Take a key out of a dictionary."""
    return lambda document: place(document).__delitem__(key)


def put(place: Callable[[Pdf], pikepdf.Object], key: str, value: object) -> Callable[[Pdf], object]:
    """Put another value into a dictionary."""
    return lambda document: place(document).__setitem__(key, value)


def replaced(place: Callable[[Pdf], pikepdf.Object], old: bytes, new: bytes) -> Callable[[Pdf], object]:
    """Replace the first such bytes in a stream."""

    def change(document: Pdf) -> None:
        stream = place(document)
        found = stream.read_bytes()
        assert old in found
        stream.write(found.replace(old, new, 1))

    return change


def root(document: Pdf) -> pikepdf.Object:
    """Return the catalogue."""
    return document.Root


def metadata(document: Pdf) -> pikepdf.Object:
    """Return the metadata stream."""
    return document.Root.Metadata


def unmark(document: Pdf) -> None:
    """Take the mark off the first thing drawn on the first page."""
    stream = document.pages[0].Contents
    head = b"/Artifact <</Type /Pagination /Subtype /Header>> BDC"
    content = stream.read_bytes()
    assert head in content
    stream.write(content.replace(head, b"q", 1).replace(b"EMC", b"Q", 1))


DAMAGES = {
    "a figure without its alternative text": Damage(
        without(lambda document: element(document, "/Figure"), "/Alt"), ["PDFUA1-FIGURE-ALTERNATIVE-TEXT-001"], ["ua1 7.3-1"]
    ),
    "a figure whose tag is none": Damage(
        put(lambda document: element(document, "/Figure"), "/S", Name("/Sketch")),
        ["PDFA3A-STRUCT-TREE-ROLE-MAP-001", "PDFUA1-STRUCT-TREE-ROLE-MAP-001"],
        ["3a 6.7.3.4-1", "ua1 7.1-5"],
    ),
    "no tags": Damage(
        without(root, "/StructTreeRoot"),
        ["PDFA3A-STRUCT-TREE-ROOT-001", "PDFUA1-STRUCT-TREE-ROOT-001"],
        ["3a 6.7.3.3-1", "ua1 7.1-11", "ua1 7.1-3"],
    ),
    "a page that draws something unmarked": Damage(unmark, ["PDFUA1-CONTENT-TAGGING-001"], ["ua1 7.1-3"]),
    "not said to be tagged": Damage(
        put(lambda document: document.Root.MarkInfo, "/Marked", value=False),
        ["PDFA3A-TAGGED-DOCUMENT-001", "PDFUA1-TAGGED-DOCUMENT-001"],
        ["3a 6.7.2.2-1", "ua1 6.2-1"],
    ),
    "no language": Damage(
        without(root, "/Lang"),
        ["PDFUA1-ALT-TEXT-LANGUAGE-001", "PDFUA1-TEXT-LANGUAGE-001"],
        ["ua1 7.2-22", "ua1 7.2-33", "ua1 7.2-34"],
    ),
    "the name of the file shown in place of its title": Damage(
        put(lambda document: document.Root.ViewerPreferences, "/DisplayDocTitle", value=False),
        ["PDFUA1-VIEWER-PREFERENCES-001"],
        ["ua1 7.1-10"],
    ),
    "a head of a table without its scope": Damage(
        without(lambda document: element(document, "/TH"), "/A"), ["PDFUA1-TABLE-HEADERS-SCOPE-001"], ["ua1 7.5-1"]
    ),
    "a heading that skips a level": Damage(
        put(lambda document: element(document, "/H2"), "/S", Name.H3), ["PDFUA1-HEADING-NESTING-001"], ["ua1 7.4.2-1"]
    ),
    "PDF/UA not claimed": Damage(
        replaced(metadata, b"<pdfuaid:part>1</pdfuaid:part>", b""), ["PDFUA1-ID-PART-001", "PDFUA1-ID-SCHEMA-001"], ["ua1 5-1"]
    ),
    "level B claimed": Damage(
        replaced(metadata, b"<pdfaid:conformance>A", b"<pdfaid:conformance>B"), ["PDFA3A-ID-CONFORMANCE-001"], ["3a 6.6.4-3"]
    ),
    "the claim of PDF/UA not described": Damage(
        replaced(metadata, b"URI>http://www.aiim.org/pdfua/ns/id/", b"URI>http://www.aiim.org/pdfua/ns/other/"),
        [
            "PDFA3A-XMP-EXTENSION-PROPERTY-DEFINITION-001",
            "PDFA3A-XMP-EXTENSION-PROPERTY-VALUE-SHAPE-001",
            "PDFA3A-XMP-PROPERTY-DEFINITION-001",
        ],
        ["3a 6.6.2.3.1-1", "3a 6.6.2.3.1-2"],
    ),
    "colours that mean nothing": Damage(without(root, "/OutputIntents"), ["PDFA3A-DEVICE-RGB-001"], ["3a 6.2.4.3-2"]),
    "a font that is not embedded": Damage(
        without(lambda document: font(document).FontDescriptor, "/FontFile2"),
        ["PDFA3A-FONT-EMBEDDING-001", "PDFUA1-FONT-EMBEDDING-001"],
        ["3a 6.2.11.4.1-1", "ua1 7.21.4.1-1"],
    ),
    "a letter that stands for no character": Damage(
        replaced(lambda document: font(document).ToUnicode, b"<41> <0041>", b"<41> <0000>"),
        ["PDFA3A-UNICODE-VALUE-001", "PDFUA1-FONT-UNICODE-VALUE-001"],
        ["3a 6.2.11.7.2-2", "ua1 7.21.7-2"],
    ),
    "an attachment that has no relationship": Damage(
        without(attached, "/AFRelationship"), ["PDFA3A-FILE-SPEC-AF-RELATIONSHIP-001"], ["3a 6.8-3"]
    ),
    "attachments that belong to nothing": Damage(without(root, "/AF"), ["PDFA3A-FILE-SPEC-ASSOCIATION-001"], ["3a 6.8-4"]),
    "an attachment without its media type": Damage(
        without(lambda document: attached(document).EF.F, "/Subtype"), ["PDFA3A-EMBEDDED-FILE-MIME-001"], ["3a 6.8-1"]
    ),
}
