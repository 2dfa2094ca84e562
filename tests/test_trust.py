"""Trust files: read back as written, or refused with the line that is wrong."""

import pytest

from books import ORIGIN
from keyring import SMALL_ORDER, signer
from ledger.errors import FormatError, QuorumError
from ledger.tlog.checkpoint import cosigner
from ledger.tlog.note import Algorithm, VerifierKey
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
    trust = Trust("ab" * 32, ORIGIN, (signer(ORIGIN).vkey,), auditors=(signer("auditor/1").vkey,))
    assert read_trust(trust.text().encode(), file="trust") == trust
    assert read_trust(b"plumbline/trust/v1\n\n# a remark\n" + trust.text().encode().split(b"\n", 1)[1], file="trust") == trust


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff", "f: is not UTF-8 text"),
        (b"", "f, line 1: is no trust file: it begins with '', want 'plumbline/trust/v1'"),
        (text(format="plumbline/trust/v2"), "f, line 1: is no trust file: it begins with 'plumbline/trust/v2', want 'plumbline/trust/v1'"),
        (text(extra="witness a"), "f, line 6: a witness line is: witness NAME VKEY, and perhaps a URL"),
        (text(extra="colour red"), "f, line 6: 'colour red' is no line of a trust file"),
        (text(quorum="quorum"), "f, line 5: 'quorum' is no line of a trust file"),
        (text(ledger=""), "f: has 0 ledger lines, want 1"),
        (text(extra="quorum none"), "f, line 6: has 2 quorum lines, want 1"),
        (text(ledger="ledger AB"), "f: the ledger id 'AB' is not 64 lower-case hex digits"),
        (text(quorum="quorum group"), "f, line 5: quorum 'group' names no witness or group of a line before it"),
        (text(origin="origin nowhere"), "f: 'nowhere' is not an origin: want a host with a dot, a slash and a path, in a-z 0-9 . / -"),
        (text(log="log nothing"), "f: 'nothing' is not a vkey: want <name>+<8 hex digits>+<base64>"),
        (text(log=""), "f: has no log line"),
        (text(quorum=""), "f: has 0 quorum lines, want 1"),
        (
            text(quorum=f"witness w {cosigner(signer(ORIGIN).vkey).format()}\nquorum w"),
            "f: witness w has the log's own key; a log does not witness itself",
        ),
        (text(log=f"log {signer(ORIGIN).vkey.format()} https://log.example/ more"), "f: a log line is: log VKEY, and perhaps a URL"),
        (text(log=f"log {signer(ORIGIN).vkey.format()} "), "f: a log line is: log VKEY, and perhaps a URL"),
        (text(extra=f"log {signer(ORIGIN).vkey.format()}"), "f: has two log lines with one public key"),
        (
            text(log=f"log {cosigner(signer(ORIGIN).vkey).format()}"),
            f"f: the key of {ORIGIN} has algorithm 0x04; that of a log or an auditor has 0x01",
        ),
        (
            text(extra=f"auditor {cosigner(signer('auditor/1').vkey).format()}"),
            "f: the key of auditor/1 has algorithm 0x04; that of a log or an auditor has 0x01",
        ),
        (text(extra="# a\ttab"), "f, line 6: holds a control character"),
        (text(quorum="quorum none "), "f, line 5: the words of a line stand one space apart, and none behind the last"),
        (text(quorum="quorum\u00a0none"), "f, line 5: 'quorum\\xa0none' is no line of a trust file"),
        (text(origin="origin other.example/lead"), f"f: log key {ORIGIN} is not named for the origin other.example/lead"),
        (text().replace(b"\n", b"\r\n"), "f, line 1: is no trust file: it begins with 'plumbline/trust/v1\\r', want 'plumbline/trust/v1'"),
    ],
)
def test_a_damaged_trust_file_is_refused_with_its_line(data, message):
    with pytest.raises(FormatError) as refusal:
        read_trust(data, file="f")
    assert str(refusal.value) == message


@pytest.mark.parametrize("public_key", SMALL_ORDER, ids=bytes.hex)
@pytest.mark.parametrize("word", ["log", "witness", "auditor"])
def test_a_key_of_small_order_is_refused_in_every_line(word, public_key):
    algorithm = Algorithm.COSIGNATURE if word == "witness" else Algorithm.ED25519
    key = VerifierKey(ORIGIN if word == "log" else "other/1", algorithm, public_key)
    lines = {"log": {"log": f"log {key.format()}"}, "auditor": {"extra": f"auditor {key.format()}"}}
    with pytest.raises(FormatError) as refusal:
        read_trust(text(**lines.get(word, {"quorum": f"witness w {key.format()}\nquorum w"})), file="f")
    assert str(refusal.value) == f"f: {key.name}: public key {public_key.hex()} is of small order, not canonical or no key at all"


def test_a_log_line_may_name_a_url_and_a_witness_may_have_an_ml_dsa_key():
    key, _ = signer("witness.example/w").cosigners()[1]
    found = read_trust(
        text(log=f"log {signer(ORIGIN).vkey.format()} https://log.example/", quorum=f"witness w {key.format()}\nquorum w"), file="f"
    )
    assert (found.log, found.policy.witnesses[0].key) == ((signer(ORIGIN).vkey,), key)


def test_a_trust_file_keeps_its_witnesses_and_refuses_a_quorum_of_half_of_them():
    keys = [cosigner(signer(f"witness.example/{name}").vkey).format() for name in "ab"]
    lines = f"witness a {keys[0]} https://a.example/\nwitness b {keys[1]}\ngroup both {{}} a b\nquorum both"
    trust = read_trust(text(quorum=lines.format("all")), file="f")
    assert (trust.policy.organisations, trust.policy.safe_against, trust.quorum) == ((2, 2), 1, "both")
    assert trust.policy.witnesses[0].url == "https://a.example/"
    assert read_trust(trust.text().encode(), file="f") == trust
    with pytest.raises(QuorumError) as refusal:
        read_trust(text(quorum=lines.format("any")), file="f")
    assert str(refusal.value) == "the quorum asks for 1 of 2 organisations: two histories could both reach it, want more than half"
    assert refusal.value.hint == "ask for more of them, or accept the risk with --allow-weak-policy"
    assert read_trust(text(quorum=lines.format("any")), file="f", allow_weak_policy=True).policy.safe_against == -1
