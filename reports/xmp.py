"""What a file says of itself: title, author and time in XMP, and the two standards it claims to follow.

PDF/A-3 (ISO 19005-3, 6.6.2 to 6.6.4) and PDF/UA-1 (ISO 14289-1, 5 and 7.1) are claimed by properties of the metadata; those of PDF/UA are
unknown to PDF/A, so PDF/A wants them described (6.6.2.3.3). The document information dictionary says the same in its own form.

The time is that of what the report speaks of, handed in; a clock would make two files of one content differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from xml.sax.saxutils import escape

from ledger.errors import FormatError

CREATOR: Final = "Plumbline"
PRODUCER: Final = "Plumbline, with ReportLab and pikepdf"


@dataclass(frozen=True, slots=True)
class About:
    """The properties of a document; `made` is a time as in 2026-03-31T12:00:00Z, or nothing where the content has none."""

    title: str
    author: str
    subject: str = ""
    made: str = ""


def moment(made: str) -> datetime:
    """Return a time in UTC, to the second.

    Raises:
        FormatError: It is not a time with an offset.
    """
    try:
        found = datetime.fromisoformat(made)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise FormatError(f"the time of the document is {made!r}, want one such as 2026-03-31T12:00:00Z")
    return found.astimezone(UTC).replace(microsecond=0)


def pdf_date(made: str) -> str:
    """Write a time as a PDF date (ISO 32000-1, 7.9.4).

    Raises:
        FormatError: It is not a time with an offset.
    """
    return moment(made).strftime("D:%Y%m%d%H%M%SZ")


def information(about: About) -> dict[str, str]:
    """Return the document information dictionary (ISO 32000-1, 14.3.3).

    Raises:
        FormatError: The document's time is none.
    """
    entries = {"/Title": about.title, "/Author": about.author, "/Subject": about.subject, "/Creator": CREATOR, "/Producer": PRODUCER}
    if about.made:
        entries |= {"/CreationDate": pdf_date(about.made), "/ModDate": pdf_date(about.made)}
    return {key: value for key, value in entries.items() if value}


def packet(about: About) -> bytes:
    """Write the metadata stream; the same properties give the same bytes.

    Raises:
        FormatError: The document's time is none.
    """
    dates = ""
    if about.made:
        time = moment(about.made).strftime("%Y-%m-%dT%H:%M:%SZ")
        dates = "".join(f"<xmp:{name}>{time}</xmp:{name}>" for name in ("CreateDate", "ModifyDate", "MetadataDate"))
    subject = f"<dc:description>{_alternatives(about.subject)}</dc:description>" if about.subject else ""
    author = f"<dc:creator><rdf:Seq><rdf:li>{escape(about.author)}</rdf:li></rdf:Seq></dc:creator>" if about.author else ""
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/"
 xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/"
 xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/" xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"
 xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaid:part>3</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance><pdfuaid:part>1</pdfuaid:part>
<dc:title>{_alternatives(about.title)}</dc:title>{author}{subject}
<xmp:CreatorTool>{CREATOR}</xmp:CreatorTool><pdf:Producer>{PRODUCER}</pdf:Producer>{dates}
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA identification</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI><pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name><pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>the part of ISO 14289 that the file follows</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>""".encode()


def _alternatives(text: str) -> str:
    return f'<rdf:Alt><rdf:li xml:lang="x-default">{escape(text)}</rdf:li></rdf:Alt>'
