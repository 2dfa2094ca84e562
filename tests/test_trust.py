"""Trust files: read back as written, or refused with the line that is wrong."""

import pytest

from books import ORIGIN
from keyring import signer
from ledger.errors import FormatError
from ledger.trust import Trust, read_trust


def text(**changes):
    lines = {
        "format": "plumbline/trust/v1",
        "ledger": f"ledger {'ab' * 32}",
        "origin": f"origin {ORIGIN}",
        "log": f"log {signer(ORIGIN).vkey.format()}",
        "quorum": "quorum none",
    }
    return ("\n".join(line for line in (lines | changes).values() if line) + "\n").encode()


def test_a_trust_file_is_read_back_as_it_was_written():
    trust = Trust("ab" * 32, ORIGIN, (signer(ORIGIN).vkey,), "none", (signer("auditor/1").vkey,))
    assert read_trust(trust.text().encode(), file="trust") == trust
    assert read_trust(b"plumbline/trust/v1\n\n# a remark\n" + trust.text().encode().split(b"\n", 1)[1], file="trust") == trust


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff", "f: is not UTF-8 text"),
        (b"", "f, line 1: is no trust file: it begins with '', want 'plumbline/trust/v1'"),
        (text(format="plumbline/trust/v2"), "f, line 1: is no trust file: it begins with 'plumbline/trust/v2', want 'plumbline/trust/v1'"),
        (text(extra="witness a"), "f, line 6: witness lines need a program that checks witnesses; this version knows quorum none"),
        (text(extra="colour red"), "f, line 6: 'colour red' is no line of a trust file"),
        (text(quorum="quorum"), "f, line 5: 'quorum' is no line of a trust file"),
        (text(ledger=""), "f: has 0 ledger lines, want 1"),
        (text(extra="quorum none"), "f: has 2 quorum lines, want 1"),
        (text(ledger="ledger AB"), "f: the ledger id 'AB' is not 64 lower-case hex digits"),
        (text(quorum="quorum group"), "f: quorum 'group' names a group that the file does not define"),
        (text(origin="origin nowhere"), "f: 'nowhere' is not an origin: want a host with a dot, a slash and a path, in a-z 0-9 . / -"),
        (text(log="log nothing"), "f: 'nothing' is not a vkey: want <name>+<8 hex digits>+<base64>"),
        (text(log=""), "f: has no log line"),
        (text(origin="origin other.example/lead"), f"f: log key {ORIGIN} is not named for the origin other.example/lead"),
        (text().replace(b"\n", b"\r\n"), "f, line 1: is no trust file: it begins with 'plumbline/trust/v1\\r', want 'plumbline/trust/v1'"),
    ],
)
def test_a_damaged_trust_file_is_refused_with_its_line(data, message):
    with pytest.raises(FormatError) as refusal:
        read_trust(data, file="f")
    assert str(refusal.value) == message
