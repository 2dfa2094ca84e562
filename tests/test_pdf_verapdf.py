"""The reference validator, veraPDF, on every kind of report; and on damaged ones, so that its silence means something."""

import pytest

from damage import DAMAGES
from printed import KINDS, rewritten, verapdf

pytestmark = [pytest.mark.tools, pytest.mark.slow]


def test_verapdf_finds_every_report_to_be_pdf_a_3a_and_pdf_ua_1(tmp_path):
    assert verapdf(tmp_path, {kind: make() for kind, make in KINDS.items()}) == {kind: [] for kind in KINDS}


def test_verapdf_finds_each_damage(tmp_path):
    whole = KINDS["certificate"]()
    found = verapdf(tmp_path, {what: rewritten(whole, damage.do) for what, damage in DAMAGES.items()})
    assert found == {what: damage.verapdf for what, damage in DAMAGES.items()}
