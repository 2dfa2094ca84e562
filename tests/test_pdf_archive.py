"""Every PDF is PDF/A-3A and PDF/UA-1, as an independent validator says, and says the same of itself wherever it says it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree as ET

import pikepdf
import pytest
from PIL import Image, ImageCms

from damage import DAMAGES
from ledger.errors import FormatError
from printed import AUDIT, KINDS, broken_rules, opened, rewritten, unicode_of
from reports import audit, icc, pdf, xmp
from reports.attachment import archive, attach
from reports.page import Head
from reports.tags import Tag

ROOT = Path(__file__).parent.parent
HEAD = Head(title="Test", author="Voltaic", left="left", right="right", foot="foot", made="2026-03-31T12:00:00Z")
SPACES = {"dc": "http://purl.org/dc/elements/1.1/", "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#"}


def one_page(head: Head = HEAD) -> bytes:
    return pdf.build([pdf.paragraph("text")], head)


@pytest.mark.parametrize("kind", KINDS)
def test_every_report_is_archivable_and_accessible(kind):
    assert broken_rules(KINDS[kind]()) == []


@pytest.mark.parametrize("paper", ["letter", "a4"])
def test_a_page_without_attachments_is_archivable_and_accessible_on_both_papers(paper):
    assert broken_rules(one_page(Head(title="T", author="", left="", right="", foot="", paper=paper))) == []


@pytest.mark.parametrize("what", DAMAGES)
def test_the_validator_finds(what):
    assert broken_rules(rewritten(KINDS["certificate"](), DAMAGES[what].do)) == DAMAGES[what].page


def test_another_process_in_another_place_and_time_makes_the_same_bytes():
    code = "import hashlib; from printed import KINDS; print([hashlib.sha256(make()).hexdigest() for make in KINDS.values()])"
    made = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests' / 'support'}", "PYTHONHASHSEED": seed, "TZ": zone},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    }
    assert len(made) == 1


def test_the_identifiers_follow_from_the_content():
    """The first is that of the pages and stays when a file is attached, the second that of the whole (ISO 32000-1, 14.4)."""

    def identifiers(data: bytes) -> tuple[bytes, bytes]:
        with opened(data) as document:
            first, second = document.trailer.ID
            return bytes(first), bytes(second)

    bare, other = one_page(), pdf.build([pdf.paragraph("other")], HEAD)
    assert identifiers(bare)[0] == identifiers(bare)[1] != identifiers(other)[0]
    attached = [identifiers(attach(bare, "a", data)) for data in (b"1", b"2")]
    assert {first for first, _ in attached} == {identifiers(bare)[0]}
    assert len({identifiers(bare)[1], *(second for _, second in attached)}) == 3


def test_the_metadata_and_the_information_dictionary_say_the_same():
    head = Head("R & D <Monterrey>", "Grünwald & Söhne", "l", "r", "f", subject="Lot <1>", made="2026-03-31T14:00:00.5+02:00")
    with opened(one_page(head)) as document:
        said = ET.fromstring(document.Root.Metadata.read_bytes())  # noqa: S314 - our own
        information = {str(key): str(value) for key, value in document.docinfo.items()}
    texts = [said.findtext(f".//dc:{name}//rdf:li", namespaces=SPACES) for name in ("title", "creator", "description")]
    assert texts == ["R & D <Monterrey>", "Grünwald & Söhne", "Lot <1>"]
    assert [information[key] for key in ("/Title", "/Author", "/Subject")] == texts
    by_name = {one.tag.partition("}")[2]: one.text for one in said.iter()}
    assert {by_name[name] for name in ("CreateDate", "ModifyDate", "MetadataDate")} == {"2026-03-31T12:00:00Z"}
    assert {information[key] for key in ("/CreationDate", "/ModDate")} == {"D:20260331120000Z"}
    assert (
        (by_name["CreatorTool"], by_name["Producer"]) == (information["/Creator"], information["/Producer"]) == (xmp.CREATOR, xmp.PRODUCER)
    )


@pytest.mark.parametrize("made", ["soon", "2026-03-31", "2026-03-31T12:00:00", "2026-02-30T12:00:00Z"])
def test_a_time_that_is_none_is_refused(made):
    message = f"the time of the document is {made!r}, want one such as 2026-03-31T12:00:00Z"
    with pytest.raises(FormatError, match=f"^{re.escape(message)}$"):
        one_page(Head("T", "A", "l", "r", "f", made=made))


def test_a_report_of_no_time_has_no_date_at_all():
    with opened(KINDS["audit that holds"]()) as document:
        assert {"/CreationDate", "/ModDate"} & set(document.docinfo) == set()
        assert b"Date>" not in document.Root.Metadata.read_bytes()
        assert "/ModDate" not in document.attachments["findings.json"].obj.EF.F.Params


def test_an_audit_of_a_time_that_no_calendar_has_can_still_be_printed():
    with opened(audit.render_pdf(replace(AUDIT, as_of="newest checkpoint, 2026-02-30T25:00:00Z"))) as document:
        assert "/CreationDate" not in document.docinfo


def test_what_is_true_is_written_so_and_not_as_a_number():
    with opened(one_page()) as document:
        assert document.Root.MarkInfo.unparse() == b"<< /Marked true >>"
        assert document.Root.ViewerPreferences.unparse() == b"<< /DisplayDocTitle true >>"


def test_the_date_is_that_of_what_the_report_speaks_of():
    dates = {}
    for kind in ("certificate", "audit"):
        with opened(KINDS[kind]()) as document:
            dates[kind] = str(document.docinfo["/CreationDate"])
    assert dates == {"certificate": "D:20260331000000Z", "audit": "D:20260331120000Z"}


def test_an_attachment_has_its_size_type_and_the_date_of_the_document_and_is_listed_once():
    with opened(KINDS["certificate"]()) as document:
        listed = [str(one.UF) for one in document.Root.AF]
        files = {name: spec.obj.EF.F for name, spec in document.attachments.items()}
        assert listed == list(files) == ["certificate.json", "evidence.txt"]
        assert [str(file.Subtype) for file in files.values()] == ["/application/vc", "/text/plain"]
        assert {str(file.Params.ModDate) for file in files.values()} == {"D:20260331000000Z"}
        assert [int(file.Params.Size) for file in files.values()] == [len(file.read_bytes()) for file in files.values()]


@pytest.mark.parametrize("kind", KINDS)
def test_every_font_is_embedded_and_maps_every_code_to_a_character(kind):
    with opened(KINDS[kind]()) as document:
        fonts = [one for one in document.objects if isinstance(one, pikepdf.Dictionary) and one.get("/Type") == pikepdf.Name.Font]
        assert {str(font.BaseFont).partition("+")[2] for font in fonts} <= {"Inter-Regular", "Inter-SemiBold", "IBMPlexMono"}
        assert all("/FontFile2" in font.FontDescriptor for font in fonts)
        assert all(point not in {"\0", "\ufeff", "\ufffe"} for font in fonts for point in unicode_of(font).values())


def test_a_font_of_many_letters_maps_them_a_hundred_at_a_time():
    letters = "".join(chr(point) for point in range(0x410, 0x450)) + "ÄÖÜäöüßéèêàâ"
    with opened(pdf.build([pdf.paragraph(letters)], HEAD)) as document:
        (font,) = [one for one in document.objects if isinstance(one, pikepdf.Dictionary) and one.get("/Type") == pikepdf.Name.Font]
        written = font.ToUnicode.read_bytes()
    assert [int(count) for count in re.findall(rb"(\d+) beginbfchar", written)] == [100, 72]


def test_a_font_that_is_not_embedded_is_refused():
    with pikepdf.new() as document:
        document.add_blank_page()
        document.pages[0].Resources = pikepdf.Dictionary(
            Font=pikepdf.Dictionary(F1=document.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.Font, BaseFont=pikepdf.Name.Helvetica)))
        )
        buffer = BytesIO()
        document.save(buffer)
    with pytest.raises(FormatError, match=r"^font Helvetica is not embedded$"):
        archive(buffer.getvalue(), Tag("Document"), {}, xmp.About("T", "A"))


def test_the_colorants_follow_from_the_published_primaries():
    """IEC 61966-2-1 gives the primaries and D65 as chromaticities; Bradford's matrix takes them to D50 (ICC.1:2004-10, Annex E)."""
    bradford = [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]

    def times(matrix, vector):
        return [sum(factor * value for factor, value in zip(row, vector, strict=True)) for row in matrix]

    def solved(columns, wanted):
        """Solve for the weights of three columns by Cramer's rule."""

        def volume(a, b, c):
            return sum(a[i] * (b[(i + 1) % 3] * c[(i + 2) % 3] - b[(i + 2) % 3] * c[(i + 1) % 3]) for i in range(3))

        whole = volume(*columns)
        return [volume(*(wanted if at == number else columns[at] for at in range(3))) / whole for number in range(3)]

    def tristimulus(x, y):
        return [x / y, 1, (1 - x - y) / y]

    white = tristimulus(0.3127, 0.3290)
    primaries = [tristimulus(*place) for place in ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))]
    weights = solved(primaries, white)
    scale = [to / of for to, of in zip(times(bradford, icc.WHITE), times(bradford, white), strict=True)]
    columns = [list(column) for column in zip(*bradford, strict=True)]
    for primary, weight, given in zip(primaries, weights, (icc.RED, icc.GREEN, icc.BLUE), strict=True):
        cones = [value * factor for value, factor in zip(times(bradford, [weight * one for one in primary]), scale, strict=True)]
        assert solved(columns, cones) == pytest.approx(given, abs=3e-4)


def test_the_profile_is_srgb_to_another_reader():
    ours = ImageCms.ImageCmsProfile(BytesIO(icc.srgb()))
    assert ImageCms.getProfileName(ours).strip() == icc.NAME
    colours = bytes(value for at in range(256) for value in (at, at * 7 % 256, 255 - at))
    through = ImageCms.profileToProfile(Image.frombytes("RGB", (256, 1), colours), ours, ImageCms.createProfile("sRGB"))
    assert through is not None
    assert max(abs(before - after) for before, after in zip(colours, through.tobytes(), strict=True)) <= 1


def test_the_profile_says_its_own_length_and_stays_small():
    assert int.from_bytes(icc.srgb()[:4]) == len(icc.srgb()) == 548
