"""Seals from the command line: put on as the last step, bound to the log, seen by verify, and every refusal in its words."""

from __future__ import annotations

import json
import sys

import pytest

from cli import seal as cli_seal
from ledger.errors import InstallationError
from reports.attachment import read_attached, signature
from seals import authority, issue, keep, p12, p256, pem, stamping, stranger, voltaic
from terminal import command, house, lead

SUBJECT = "CN=Quality Office, O=Voltaic Batteries, Inc."
CLOSED = "the time stamp authority 127.0.0.1 cannot be asked: Connection refused"


@pytest.fixture
def terminal(tmp_path):
    made = house(tmp_path)
    made.log("yard/1", lead("yard:L1"))
    made.done("trust", "-o", tmp_path / "trust")
    keep(tmp_path / "seal.pem", pem(voltaic(), authority(), voltaic()))
    keep(tmp_path / "stranger.pem", pem(stranger(), stranger()))
    return made


def certify(terminal, *more, name="c.pdf", seal="seal.pem", **variables):
    options = ("--seal", terminal.folder / seal) if seal else ()
    file, key = terminal.folder / name, terminal.keys["yard/1"]
    return terminal.run("certify", "recycled-content", "yard:L1", "--to", "Acme", "-o", file, "-k", key, *options, *more, **variables)


def again(terminal, *more, name="again.pdf", **variables):
    return terminal.run("certificate", "yard-RC-0001", "-o", terminal.folder / name, *more, **variables)


def verify(terminal, name="c.pdf", *more):
    return command("verify", terminal.folder / name, "--trust", terminal.folder / "trust", *more)


def seal_line(said):
    """What is said of the seal, without the time, which is a clock's."""
    (line,) = [line.strip() for line in said.out.splitlines() if line.startswith("  seal ")]
    return line.rpartition(", 20")[0]


def problems(said):
    return [line for line in said.err.splitlines() if line.startswith("problem: ")]


def size(terminal):
    return terminal.done("audit", "--json").json["size"]


def test_a_sealed_certificate_holds_and_says_whose_seal_it_is(terminal):
    assert certify(terminal).code == 0
    said = verify(terminal)
    assert (said.code, said.err) == (0, "")
    intact = f"seal intact over the whole file, by {SUBJECT}, certificate {voltaic().hash}"
    assert seal_line(said) == f"{intact}, named in the certify record"
    assert said.out.splitlines()[8].endswith("Z by the signer's clock")
    assert seal_line(terminal.run("verify", terminal.folder / "c.pdf")) == f"{intact}, named in the certify record"
    assert verify(terminal, "c.pdf", "--json").json["seal"].startswith(intact)


def test_the_certify_record_names_the_certificate_of_the_seal(terminal):
    assert certify(terminal).code == 0
    evidence = read_attached((terminal.folder / "c.pdf").read_bytes())[1]
    assert evidence is not None
    (record,) = [line for line in evidence.splitlines() if b'"type":"certify"' in line]
    assert json.loads(record)["documents"] == [{"kind": "seal", "sha256": voltaic().hash}]


def test_a_certificate_over_a_product_is_sealed_too(terminal):
    terminal.log("yard/1", {**lead("yard:LOT1"), "product": {"model": "Group 31", "category": "sli"}})
    asked = ("--product", "Group 31", "--site", "yard:works", "--period", "2026-01-01/2026-12-31", "--to", "Regulator")
    options = ("-o", terminal.folder / "year.pdf", "-k", terminal.keys["yard/1"], "--seal", terminal.folder / "seal.pem")
    terminal.done("certify", "recycled-content", *asked, *options)
    assert seal_line(verify(terminal, "year.pdf")).endswith(f"certificate {voltaic().hash}, named in the certify record")
    assert verify(terminal, "year.pdf").code == 0


def test_a_certificate_without_a_seal_is_as_it_was(terminal):
    assert certify(terminal, seal=None).code == 0
    assert signature((terminal.folder / "c.pdf").read_bytes()) is None
    said = verify(terminal)
    assert (said.code, "seal" in said.out + said.err) == (0, False)
    assert verify(terminal, "c.pdf", "--json").json["seal"] == ""


def test_without_a_trust_file_it_stays_open_whether_the_record_names_the_seal(terminal):
    assert certify(terminal).code == 0
    said = command("verify", terminal.folder / "c.pdf")
    assert said.code == 1
    assert seal_line(said).endswith(f"certificate {voltaic().hash}, whether the certify record names it was not shown")
    assert [problem for problem in problems(said) if "seal" in problem] == []


def test_a_time_stamp_says_when(terminal):
    with stamping() as url:
        assert certify(terminal, "--tsa", url).code == 0
    said = verify(terminal)
    assert said.code == 0
    assert "2026-04-01T09:31:00Z by the time stamp of CN=Example Time, O=Example Time Stamps, an authority that was not checked" in said.out


def test_a_changed_byte_does_not_hold(terminal):
    assert certify(terminal).code == 0
    file = terminal.folder / "c.pdf"
    data = file.read_bytes()
    file.write_bytes(data[:7] + b"6" + data[8:])
    said = verify(terminal)
    assert said.code == 1
    assert problems(said) == ["problem: the seal is broken: the bytes under it were changed after sealing"]
    assert seal_line(said) == f"seal broken, by {SUBJECT}, certificate {voltaic().hash}, named in the certify record"
    assert said.out.splitlines()[-1].startswith("DOES NOT HOLD: the seal is broken: the bytes under it were changed after sealing · ")


def test_bytes_behind_the_seal_do_not_hold(terminal):
    assert certify(terminal).code == 0
    file = terminal.folder / "c.pdf"
    file.write_bytes(file.read_bytes() + b"% more\n")
    said = verify(terminal)
    assert said.code == 1
    assert problems(said) == ["problem: the seal is broken: 7 bytes stand behind it: the file was changed after sealing"]


def test_a_seal_that_cannot_be_read_is_nobodys(terminal):
    assert certify(terminal).code == 0
    file = terminal.folder / "c.pdf"
    data = file.read_bytes()
    file.write_bytes(data.replace(b"/ETSI.CAdES.detached", b"/adbe.pkcs7.detached"))
    said = verify(terminal)
    assert said.code == 1
    assert problems(said) == [
        "problem: the certify record does not name the seal's certificate (none)",
        "problem: the seal is broken: its signature is of kind /adbe.pkcs7.detached, want /ETSI.CAdES.detached",
    ]
    assert "  seal broken, by nobody known, NOT NAMED in the certify record, at a time that is not known\n" in said.out


def test_the_seal_of_another_certificate_on_the_same_file_does_not_hold(terminal, monkeypatch):
    assert certify(terminal).code == 0
    monkeypatch.setattr(cli_seal.Sealing, "check_named", lambda *_: None)
    assert again(terminal, "--seal", terminal.folder / "stranger.pem").code == 0
    said = verify(terminal, "again.pdf")
    assert said.code == 1
    assert problems(said) == [f"problem: the certify record does not name the seal's certificate {stranger().hash}"]
    assert (
        seal_line(said) == f"seal intact over the whole file, by {SUBJECT}, certificate {stranger().hash}, NOT NAMED in the certify record"
    )


def test_a_certificate_is_sealed_again_by_the_same_certificate_only(terminal):
    assert certify(terminal).code == 0
    assert again(terminal, "--seal", terminal.folder / "seal.pem").code == 0
    assert verify(terminal, "again.pdf").code == 0
    said = again(terminal, "--seal", terminal.folder / "stranger.pem", name="other.pdf")
    named = f"the certify record of yard-RC-0001 names the seal's certificate {voltaic().hash}"
    assert (said.code, said.err) == (1, f"error: {named}, this one has the SHA-256 {stranger().hash}\n")
    assert not (terminal.folder / "other.pdf").exists()
    assert again(terminal, name="plain.pdf").code == 0
    assert verify(terminal, "plain.pdf").out.count("seal ") == 0


def test_a_certificate_that_was_issued_without_a_seal_takes_none_later(terminal):
    assert certify(terminal, seal=None).code == 0
    said = again(terminal, "--seal", terminal.folder / "seal.pem")
    assert (said.code, said.err) == (
        1,
        f"error: the certify record of yard-RC-0001 names no seal, this one has the SHA-256 {voltaic().hash}\n",
    )


def test_pass_phrases_are_read_as_for_other_keys_or_from_a_file_of_their_own(terminal):
    keep(terminal.folder / "seal.p12", p12(voltaic(), authority(), secret=b"open sesame"))
    (terminal.folder / "phrase").write_text("open sesame\n", encoding="utf-8")
    said = certify(terminal, seal="seal.p12")
    assert (said.code, said.err) == (
        3,
        f"error: {terminal.folder / 'seal.p12'} cannot be read: it is damaged, or locked and no pass phrase was given\n",
    )
    assert certify(terminal, seal="seal.p12", PLUMBLINE_SEAL_PASSPHRASE_FILE=str(terminal.folder / "phrase")).code == 0
    found = again(terminal, "--seal", terminal.folder / "seal.p12", PLUMBLINE_PASSPHRASE_FILE=str(terminal.folder / "phrase"))
    assert found.code == 0, found


def test_certificates_may_come_in_a_file_of_their_own(terminal):
    keep(terminal.folder / "seal.key", pem(voltaic()))
    (terminal.folder / "chain.pem").write_bytes(voltaic().pem + authority().pem)
    assert certify(terminal, "--seal-chain", terminal.folder / "chain.pem", seal="seal.key").code == 0
    assert verify(terminal).code == 0


def test_nothing_is_logged_when_a_seal_cannot_be_put_on(terminal):
    before = size(terminal)
    for name, pair, said in (
        ("old.pem", issue(p256(), "Old", end="2021-01-01"), "expired at 2021-01-01T00:00:00Z"),
        ("new.pem", issue(p256(), "New", start="2098-01-01"), "is valid from 2098-01-01T00:00:00Z on"),
        ("far.pem", issue(p256(), "電池"), "character U+96FB '電' in the name in the seal's certificate is not in the certificate's font"),
    ):
        keep(terminal.folder / name, pem(pair, pair))
        found = certify(terminal, seal=name)
        assert found.code in (2, 3)
        assert said in found.err
    assert (size(terminal), (terminal.folder / "c.pdf").exists()) == (before, False)


def test_a_key_that_others_can_read_is_refused(terminal):
    file = terminal.folder / "seal.pem"
    file.chmod(0o640)
    said = certify(terminal)
    assert (said.code, said.err) == (
        3,
        f"error: the key file {file} has mode 0640: others than its owner can use it\nhint: chmod 600 {file}\n",
    )


def test_a_key_that_is_not_there_or_too_large_is_refused(terminal):
    file = terminal.folder / "none.pem"
    assert certify(terminal, seal="none.pem").err == f"error: {file} cannot be read: No such file or directory\n"
    keep(file, bytes((1 << 20) + 1))
    assert certify(terminal, seal="none.pem").err == f"error: {file} is larger than 1048576 bytes\n"


@pytest.mark.parametrize(("option", "value"), [("--tsa", "http://tsa.example/"), ("--seal-chain", "chain.pem")])
def test_what_belongs_to_a_seal_goes_with_one(terminal, option, value):
    said = certify(terminal, option, value, seal=None)
    assert said.code == 2
    assert f"{option} goes with --seal FILE" in said.err


@pytest.mark.parametrize("url", ["tsa.example", "ftp://tsa.example/", "http://", "http://tsa.example:port/", "http://[::1/"])
def test_an_address_that_is_none_is_refused(terminal, url):
    said = certify(terminal, "--tsa", url)
    assert said.code == 2
    assert f"{url!r} is no address of a time stamp authority: want http:// or https://" in said.err


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((500, b""), "the time stamp authority 127.0.0.1 answered 500"),
        ((200, bytes(1 << 17)), "the time stamp authority 127.0.0.1 answered with more than 65536 bytes"),
        ((200, b"nonsense"), "the time stamp authority gave no time stamp for what it was asked"),
    ],
)
def test_without_a_time_stamp_the_certificate_is_registered_and_finished_later(terminal, answer, said):
    with stamping(lambda _: answer) as url:
        found = certify(terminal, "--tsa", url)
    command_line = "plumbline certificate yard-RC-0001 --seal FILE -o PDF"
    hint = f"hint: yard-RC-0001 is registered and not written; once it can be sealed: {command_line}\n"
    assert (found.code, found.err) == (3, f"error: {said}\n{hint}")
    assert not (terminal.folder / "c.pdf").exists()
    with stamping() as url:
        assert again(terminal, "--seal", terminal.folder / "seal.pem", "--tsa", url).code == 0
    assert verify(terminal, "again.pdf").code == 0


def test_an_authority_that_is_not_there_is_named(terminal):
    with stamping() as url:
        pass
    assert certify(terminal, "--tsa", url).err.startswith(f"error: {CLOSED}\n")


def test_a_dry_run_checks_the_seal_and_writes_nothing(terminal):
    before = size(terminal)
    assert certify(terminal, "--dry-run").code == 0
    assert size(terminal) == before
    assert certify(terminal, "--dry-run", seal="none.pem").code == 3


def test_without_pyhanko_a_seal_is_not_looked_at_and_none_can_be_put_on(terminal, monkeypatch):
    assert certify(terminal).code == 0
    monkeypatch.setitem(sys.modules, "pyhanko.keys", None)
    monkeypatch.delitem(sys.modules, "reports.seal")
    said = verify(terminal)
    assert (said.code, said.err) == (0, "caution: it carries a seal, which was not looked at: pip install 'plumbline-ledger[seal]'\n")
    said = again(terminal, "--seal", terminal.folder / "seal.pem")
    assert (said.code, said.err) == (3, "error: a seal needs pyHanko, which is not installed\nhint: pip install 'plumbline-ledger[seal]'\n")
    with pytest.raises(InstallationError):
        __import__("reports.seal")
