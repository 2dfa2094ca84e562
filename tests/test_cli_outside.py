"""What an outsider does with a file and a trust file: no ledger, no network, and everything that may be wrong with the file."""

from __future__ import annotations

import io
import re
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pikepdf
import pytest

from keyring import signer
from ledger.attestation import parse_attestation, sign_attestation
from ledger.errors import LedgerError
from ledger.keys import write_key_file
from ledger.store.store import Store
from ledger.tlog.merkle import Hash
from ledger.tlog.note import parse_note
from reports.attachment import ATTACHMENT, EVIDENCE, extract, read_attached
from terminal import Terminal, command, house, lead


class Works(Terminal):
    """A ledger with a certificate, and what an outsider is handed."""

    pdf: Path
    trust: Path
    auditor: Path
    with_auditor: Path
    statement: Path


@pytest.fixture(scope="module")
def works(tmp_path_factory):
    built = house(tmp_path_factory.mktemp("works"))
    made = Works(built.folder)
    made.keys = built.keys
    made.log("yard/1", lead("yard:L1"))
    made.log("yard/1", lead("yard:OTHER"))
    made.pdf = made.folder / "c.pdf"
    made.done("certify", "recycled-content", "yard:L1", "--to", "Acme", "-o", made.pdf, "-k", made.keys["yard/1"])
    made.trust = made.folder / "trust"
    made.done("trust", "-o", made.trust)
    made.auditor = made.folder / "auditor.key"
    key = signer("auditor.example/clara")
    write_key_file(made.auditor, key, None)
    made.with_auditor = made.folder / "trust-with-auditor"
    made.with_auditor.write_text(made.trust.read_text() + f"auditor {key.vkey.format()}\n")
    made.statement = made.folder / "statement"
    made.done("attest", "-k", made.auditor, "--trust", made.trust, "-o", made.statement)
    return made


def test_a_pdf_and_a_trust_file_are_enough_for_level_three(works):
    said = command("verify", works.pdf, "--trust", works.trust)
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[6].startswith("  level 3 yes  you recomputed from the ")
    assert lines[-1].endswith("· UNWITNESSED (no quorum asked) · completeness not shown")
    assert b"yard:OTHER" not in extract(works.pdf.read_bytes())[EVIDENCE]


def test_the_same_file_gives_the_same_words_twice(works):
    assert command("verify", works.pdf, "--trust", works.trust) == command("verify", works.pdf, "--trust", works.trust)


def test_without_a_trust_file_it_is_unpinned(works):
    said = command("verify", works.pdf)
    assert said.code == 1
    assert said.err.endswith("hint: give the trust file that the issuer's ledger handed you apart from this file: --trust FILE\n")


@pytest.mark.slow
def test_each_byte_of_the_attachments_may_be_changed_and_never_passes(works):
    """What may change unseen are the names of lines by unknown keys, which are passed over by design: then less is said."""
    pdf = works.pdf.read_bytes()
    files = extract(pdf)
    clock = files[EVIDENCE].rindex("— ledger.example/lead ".encode(), 0, files[EVIDENCE].index(b"\nprior "))
    passed = []
    for name, data in files.items():
        for at in range(len(data)):
            bent = data[:at] + bytes([data[at] ^ (1 << at % 8)]) + data[at + 1 :]
            if holds(works, {**files, name: bent}) and not (name == EVIDENCE and clock <= at < clock + 30):
                passed.append((name, at))
    assert passed == []


def holds(works, files):
    """Verify what a PDF with these attachments carries."""
    from ledger.evidence.format import lines_of, read_evidence
    from ledger.evidence.verification import verify_evidence
    from ledger.trust import read_trust

    trust = read_trust(works.trust.read_bytes(), file="trust")
    try:
        return verify_evidence(read_evidence(lines_of(files[EVIDENCE])), credential=files[ATTACHMENT], trust=trust).holds
    except LedgerError:
        return False


def test_bytes_of_the_pdf_itself_are_flipped_and_no_traceback_is_seen(works, tmp_path):
    pdf = works.pdf.read_bytes()
    bent_file = tmp_path / "bent.pdf"
    for at in range(0, len(pdf), len(pdf) // 60):
        bent_file.write_bytes(pdf[:at] + bytes([pdf[at] ^ 0x10]) + pdf[at + 1 :])
        said = command("verify", bent_file, "--trust", works.trust)
        assert said.code in (0, 1, 2), said
        assert "Traceback" not in said.out + said.err
        assert "fault" not in said.err


def test_a_pdf_whose_evidence_was_taken_out_is_not_shown_to_be_registered(works, tmp_path):
    buffer = io.BytesIO()
    with pikepdf.open(works.pdf) as document:
        del document.attachments[EVIDENCE]
        document.save(buffer)
    bare = tmp_path / "bare.pdf"
    bare.write_bytes(buffer.getvalue())
    said = command("verify", bare, "--trust", works.trust)
    assert said.code == 1
    assert "NOT SHOWN TO BE REGISTERED: give the ledger with -L, or the PDF, which holds its evidence" in said.err


def test_evidence_beside_the_credential_is_as_good(works, tmp_path):
    json_file, evidence = tmp_path / "c.json", tmp_path / "c.evidence"
    json_file.write_bytes(read_attached(works.pdf.read_bytes())[0])
    said = works.done("prove", "--certificate", "yard-RC-0001", "-o", evidence)
    assert re.fullmatch(r"wrote \S+: \d+ records about 1 batches, \d+ bytes\n", said.out)
    assert command("verify", json_file, "--evidence", evidence, "--trust", works.trust).code == 0
    alone = command("verify", evidence, "--trust", works.trust)
    assert (alone.code, "this is the evidence of a certificate: verify the certificate, and give this with --evidence" in alone.err) == (
        2,
        True,
    )


def test_an_auditors_statement_shows_completeness_and_reaches_level_two(works, tmp_path):
    pdf = tmp_path / "attested.pdf"
    works.done("certificate", "yard-RC-0001", "-o", pdf, "--attest", works.statement)
    said = command("verify", pdf, "--trust", works.with_auditor)
    assert said.code == 0, said
    assert "  level 2 yes  auditor recomputed: auditor.example/clara states that it computed this certificate again" in said.out
    assert re.search(r"complete to record \d+ \(attested by auditor\.example/clara\)$", said.out.rstrip())
    stranger = command("verify", pdf, "--trust", works.trust)
    assert stranger.err == "problem: the statement is signed by auditor.example/clara, no auditor of the trust file\n"


def test_a_statement_is_verified_alone_and_against_its_ledger(works):
    said = command("verify", works.statement, "--trust", works.with_auditor)
    assert said.out.splitlines()[-1].startswith("HOLDS: auditor states")
    assert works.run("verify", works.statement, "--trust", works.with_auditor).code == 0
    assert command("verify", works.statement).code == 1


def test_an_export_is_as_good_as_the_ledger_for_whoever_verifies_against_it(works, tmp_path):
    export = tmp_path / "export"
    works.done("export", export)
    proof, checkpoint = tmp_path / "lot.tlog-proof", tmp_path / "checkpoint"
    works.done("prove", "yard:L1", "-o", proof)
    works.done("checkpoint", "-o", checkpoint)
    for file in (works.pdf, proof, tmp_path / "lot.record", checkpoint, works.statement):
        by_ledger = works.run("verify", file, "--trust", works.with_auditor)
        by_export = command("verify", file, "-L", export, "--trust", works.with_auditor)
        assert by_export == by_ledger
        assert by_export.code == 0, by_export
    assert "(the whole ledger was replayed)" in command("verify", works.pdf, "-L", export, "--trust", works.trust).out
    judged = command("verify", works.pdf, "-L", export, "--trust", works.trust, "--as-of", "2031-08-18", "--json").json
    alone = command("verify", works.pdf, "--trust", works.trust, "--as-of", "2031-08-18", "--json").json
    assert alone["verdicts"] == judged["verdicts"] == works.run("verify", works.pdf, "--as-of", "2031-08-18", "--json").json["verdicts"]


def test_an_export_pins_nothing_and_one_that_ends_early_is_rolled_back(works, tmp_path):
    export = tmp_path / "export"
    works.done("export", export)
    assert "problem: UNPINNED" in command("verify", works.pdf, "-L", export).err
    checkpoint = export / "checkpoint"
    newer = tmp_path / "newer"
    newer.write_bytes(checkpoint.read_bytes())
    lines = checkpoint.read_bytes().split(b"\n")
    checkpoint.write_bytes(b"\n".join([lines[0], b"3", *lines[2:]]))
    said = command("verify", newer, "-L", export, "--trust", works.trust)
    assert re.search(r"problem: this ledger has root none at size \d+, the log signed [0-9a-f]{64}: rolled back or forked\n", said.err)
    receipt = tmp_path / "lot.tlog-proof"
    works.done("prove", "yard:OTHER", "-o", receipt)
    said = command("verify", receipt, "-L", export, "--trust", works.trust)
    assert re.search(r"problem: record \d+ is not in this ledger: what was acknowledged was dropped\n", said.err)


def test_an_auditor_attests_an_export_and_the_certificates_that_were_handed_over(works, tmp_path):
    export, statement = tmp_path / "export", tmp_path / "s"
    works.done("export", export)
    said = command("attest", export, "-k", works.auditor, "--trust", works.trust, "-o", statement, "--certificate", works.pdf)
    assert said.code == 0, said
    assert said.out.splitlines()[1].endswith("1 certificates computed again")
    without = command("attest", export, "-k", works.auditor, "--trust", works.trust, "-o", tmp_path / "none")
    assert without.out.splitlines()[1].endswith("0 certificates computed again")
    pdf = tmp_path / "attested.pdf"
    works.done("certificate", "yard-RC-0001", "-o", pdf, "--attest", statement)
    assert "level 2 yes" in command("verify", pdf, "--trust", works.with_auditor).out


@pytest.fixture
def keeping(works, tmp_path):
    """A copy of the ledger whose trust file names the auditor."""
    shutil.copytree(works.folder, tmp_path / "copy")
    copy = Terminal(tmp_path / "copy")
    copy.done("trust", "--policy", copy.write("auditors", f"auditor {signer('auditor.example/clara').vkey.format()}", "quorum none"))
    return copy


def test_a_statement_is_kept_audited_and_handed_out_with_a_certificate(works, keeping, tmp_path):
    pdf = tmp_path / "attested.pdf"
    said = keeping.run("certificate", "yard-RC-0001", "-o", pdf, "--attest", "newest")
    assert said.err == "error: the ledger keeps no auditor's statement\nhint: keep one with `plumbline attest --keep FILE`\n"
    size = keeping.done("attest", "--keep", works.statement, "--dry-run", "--json").json["size"]
    said = keeping.done("attest", "--keep", works.statement)
    assert said.out == f"kept the statement of auditor.example/clara on {size} records\n"
    keeping.done("attest", "--keep", works.statement)
    assert "1 statements" in keeping.done("audit").out
    keeping.done("certificate", "yard-RC-0001", "-o", pdf, "--attest", "newest")
    assert "level 2 yes" in command("verify", pdf, "--trust", works.with_auditor).out


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("size", "3", "broken statement-misfit: the statement of auditor.example/clara at size 3 does not hold: it is "),
        ("auditor", "'x'", "flag auditor-unknown: the statement of x at size 8 is by no auditor of the trust file"),
        (
            "note",
            "CAST(replace(note, 'size 8', 'size 7') AS BLOB)",
            "broken statement-misfit: the statement of auditor.example/clara at size 8 does not hold: auditor.example/clara+1358ea97: ",
        ),
    ],
)
def test_a_kept_statement_that_was_altered_is_found_by_the_audit(works, keeping, column, value, message):
    keeping.done("attest", "--keep", works.statement)
    with sqlite3.connect(keeping.path) as connection:
        connection.execute("DROP TRIGGER attestation_is_append_only_update")
        connection.execute(f"UPDATE attestation SET {column} = {value}")
    connection.close()
    found = keeping.run("audit", "--json").json["findings"]
    told = [f"{one['severity']} {one['code']}: {one['message']}" for one in found if "statement" in one["message"]]
    assert len(told) == 1
    assert told[0].startswith(message)


def test_a_kept_statement_of_another_state_is_found_by_the_audit(works, keeping):
    statement = parse_attestation(parse_note(works.statement.read_bytes()).text)
    key = signer("auditor.example/clara")
    for bent in (replace(statement, state=Hash(bytes(32))), replace(statement, root=Hash(bytes(32))), replace(statement, ledger="ab" * 32)):
        note = sign_attestation(bent, key=key.vkey, sign=key.sign)
        file = keeping.folder / "bent"
        file.write_bytes(note)
        assert keeping.run("attest", "--keep", file).code == 1
        with Store.open(keeping.path).writing() as view:
            Store.keep_attestation(view, bent.size, key.name, note)
    findings = keeping.run("audit", "--json").json["findings"]
    broken = {one["message"].split("does not hold: ")[1] for one in findings if one["severity"] == "broken"}
    assert broken == {
        f"the statement has another state at size {statement.size} than this ledger's records give",
        f"the statement is about another history: this ledger does not have its root at size {statement.size}",
        f"the statement is about ledger {'ab' * 32}, this is {statement.ledger}",
    }


def test_a_statement_by_nobody_the_trust_file_names_is_not_kept(works, tmp_path):
    said = works.run("attest", "--keep", works.statement)
    assert said.err == "error: the statement is signed by auditor.example/clara, no auditor of the trust file\n"
    said = works.run("attest", "-k", works.auditor)
    assert said.err == "error: a statement needs -o FILE, and --trust FILE to say which ledger it is about\nhint: plumbline attest --help\n"


def test_nothing_is_attested_of_a_ledger_that_does_not_hold(works, tmp_path):
    copy = tmp_path / "copy.db"
    shutil.copy(works.path, copy)
    with sqlite3.connect(copy) as connection:
        connection.execute("DROP TRIGGER entry_is_append_only_update")
        connection.execute("UPDATE entry SET record = replace(record, 'yard:L1', 'yard:L9') WHERE idx = 6")
    connection.close()
    out = tmp_path / "s"
    said = command("attest", "-L", copy, "-k", works.auditor, "--trust", works.trust, "-o", out)
    assert said.code == 1
    assert said.err.startswith("error: the ledger does not hold, so nothing was signed: ")
    assert not out.exists()


def test_a_record_and_its_proof_are_checked_without_the_ledger(works, tmp_path):
    proof = tmp_path / "lot.tlog-proof"
    said = works.done("prove", "yard:L1", "-o", proof)
    assert said.out.splitlines()[0].startswith(f"wrote {proof}: record ")
    record = tmp_path / "lot.record"
    assert command("verify", proof, "--record", record, "--trust", works.trust).code == 0
    record.write_bytes(record.read_bytes().replace(b"yard:L1", b"yard:L2"))
    said = command("verify", proof, "--record", record, "--trust", works.trust)
    assert (said.code, "the receipt does not show that the log acknowledged this record" in said.err) == (1, True)


def test_all_records_of_a_key_are_shown(works, tmp_path):
    file = tmp_path / "key.evidence"
    works.done("prove", "--key", "yard/1", "-o", file, "--json")
    said = command("verify", file, "--trust", works.trust)
    assert "level 1 yes  issuer says: these are all records of yard/1 up to seq " in said.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "prove what? give one of RECORD, --certificate ID or --key NAME"),
        (("1", "--key", "yard/1"), "prove what? give one of RECORD, --certificate ID or --key NAME"),
        (("1", "--attest", "x"), "--attest goes with --certificate"),
        (("9999",), "no record 9999 in this ledger"),
        (("yard:NONE",), "no record yard:NONE in this ledger"),
        (("--certificate", "yard-RC-0009"), "no certificate yard-RC-0009 in this ledger"),
        (("--key", "nobody/1"), "no key nobody/1 in this ledger"),
    ],
)
def test_what_cannot_be_proved_is_said(works, tmp_path, arguments, message):
    said = works.run("prove", *arguments, "-o", tmp_path / "p")
    assert said.code in (1, 2)
    assert said.err.splitlines()[0] == f"error: {message}"


def test_an_old_checkpoint_is_stale_where_somebody_asks_how_it_stands_today(works):
    assert command("verify", works.pdf, "--trust", works.trust, "--max-age", "1h").code == 0
    said = command("verify", works.pdf, "--trust", works.trust, "--max-age", "0h")
    assert said.code in (0, 1)
    wrong = command("verify", works.pdf, "--trust", works.trust, "--max-age", "soon")
    assert wrong.err.splitlines()[0] == "error: 'soon' is no age such as 30d or 12h"


def test_a_checkpoint_that_is_too_old_is_refused_by_its_time(works, monkeypatch):
    import cli.verify

    monkeypatch.setattr(cli.verify, "now_seconds", lambda: 4_000_000_000)
    said = command("verify", works.pdf, "--trust", works.trust, "--max-age", "30d")
    assert said.code == 1
    assert re.search(r"STALE: the newest checkpoint is of \S+Z, older than 30d; ask the issuer for a fresh one", said.err)


def test_a_certificate_is_not_written_before_the_quorum_is_reached(tmp_path):
    made = house(tmp_path)
    made.log("yard/1", lead("yard:L1"))
    witness = signer("witness.example/w").cosigners()[0][0]
    policy = tmp_path / "policy"
    policy.write_text(f"witness w {witness.format()}\nquorum w\n")
    made.done("trust", "--policy", policy)
    pdf = tmp_path / "c.pdf"
    said = made.run("certify", "recycled-content", "yard:L1", "--to", "Acme", "-o", pdf, "-k", made.keys["yard/1"])
    assert (said.code, pdf.exists()) == (1, False)
    size = made.run("audit", "--json").json["size"]
    assert said.err.splitlines() == [
        f"error: QUORUM NOT REACHED (0 of 1 organisations, 1 asked) for the checkpoint at size {size}",
        "hint: yard-RC-0001 is registered and not written yet; once witnesses answer: plumbline certificate yard-RC-0001 -k FILE -o PDF",
    ]
    request, lines = tmp_path / "request", tmp_path / "lines"
    made.done("checkpoint", "--request", "w", "-o", request)
    key, trust = tmp_path / "w.key", tmp_path / "trust"
    write_key_file(key, signer("witness.example/w"), None)
    made.done("trust", "-o", trust)
    cosigned = command("witness", "cosign", request, "-k", key, "--trust", trust, "--state", tmp_path / "state.db", "-o", lines)
    assert cosigned.code == 0, cosigned
    made.done("checkpoint", "--cosignatures", lines)
    made.done("certificate", "yard-RC-0001", "-o", pdf, "-k", made.keys["yard/1"])
    said = command("verify", pdf, "--trust", trust)
    assert said.code == 0, said
    assert "WITNESSED by 1 of 1 organisations (1 asked; safe against 0 dishonest)" in said.out
