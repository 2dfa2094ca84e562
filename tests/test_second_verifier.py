"""Two verifiers, one written from SPEC.md alone: over thousands of made and damaged inputs their verdicts never differ."""

from __future__ import annotations

import importlib.util
import random
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import pytest

from books import ORIGIN
from evidenced import Evidenced, written
from exported import exported
from house import stored
from keyring import signer
from ledger.audit import Held, audit_mirror
from ledger.errors import LedgerError
from ledger.evidence.format import lines_of, read_evidence
from ledger.evidence.verification import verify_evidence
from ledger.mirror.source import open_mirror
from ledger.tlog import canonical, merkle, tile
from ledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from ledger.trust import Trust, read_trust
from outside import FOLDER
from program import Program

MUTATIONS = 2_000
LEDGERS = 12


def second() -> ModuleType:
    """Load the second verifier, which is one file and imports nothing of ours."""
    place = Path(__file__).parent / "verify_plumbline.py"
    spec = importlib.util.spec_from_file_location("verify_plumbline", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["verify_plumbline"] = module
    spec.loader.exec_module(module)
    return module


SECOND = second()


def ours(data: bytes, trust: bytes, certificate: bytes | None) -> str:
    """Return "holds", or why not, as the program says it."""
    try:
        found = verify_evidence(read_evidence(lines_of(data)), credential=certificate, trust=read_trust(trust, file="trust"))
    except LedgerError as refusal:
        return str(refusal)
    return "holds" if found.holds else found.problems[0]


def theirs(data: bytes, trust: bytes, certificate: bytes | None) -> str:
    """Return "holds", or why not, as the second verifier says it."""
    try:
        SECOND.verify_evidence(data, trust, certificate)
    except SECOND.Refused as refusal:
        return str(refusal)
    return "holds"


def differ(data: bytes, trust: bytes, certificate: bytes | None) -> str | None:
    """Return both verdicts where one holds and the other does not."""
    here, there = ours(data, trust, certificate), theirs(data, trust, certificate)
    return None if (here == "holds") == (there == "holds") else f"program: {here}; second: {there}"


FILES = {file.name: file.read_bytes() for file in FOLDER.iterdir()}
TRUST, CERTIFICATE = FILES["trust"], FILES["certificate.json"]


@pytest.mark.parametrize("name", ["certificate.evidence", "certificate-attested.evidence", "missing-input.evidence"])
def test_both_say_the_same_of_our_vectors(name):
    assert differ(FILES[name], TRUST, CERTIFICATE) is None
    assert (theirs(FILES[name], TRUST, CERTIFICATE) == "holds") is (name != "missing-input.evidence")


def test_both_say_the_same_of_a_keys_records():
    assert (ours(FILES["key.evidence"], TRUST, None), theirs(FILES["key.evidence"], TRUST, None)) == ("holds", "holds")


def bent(data: bytes, dice: random.Random) -> bytes:
    """Return a file with one damage: a bit, a line, a digit, a word."""
    lines = data.split(b"\n")
    number, other = dice.randrange(len(lines)), dice.randrange(len(lines))
    at = dice.randrange(len(data))
    match dice.randrange(7):
        case 0:
            return data[:at] + bytes([data[at] ^ (1 << dice.randrange(8))]) + data[at + 1 :]
        case 1:
            del lines[number]
        case 2:
            lines.insert(number, lines[other])
        case 3:
            lines[number], lines[other] = lines[other], lines[number]
        case 4:
            return data[:at]
        case 5:
            digit = next((place for place in range(at, len(data)) if data[place : place + 1].isdigit()), at)
            return data[:digit] + str(dice.randrange(10)).encode() + data[digit + 1 :]
        case _:
            lines[number] = lines[number].replace(b" ", b"  ", 1)
    return b"\n".join(lines)


@pytest.mark.parametrize("name", ["certificate.evidence", "certificate-attested.evidence"])
def test_verdicts_on_damaged_evidence_never_differ(name):
    dice = random.Random(name)
    found = [differ(bent(FILES[name], dice), TRUST, CERTIFICATE) for _ in range(MUTATIONS // 2)]
    assert [one for one in found if one is not None] == []


def test_verdicts_on_damaged_certificates_never_differ():
    dice = random.Random(7)
    evidence = FILES["certificate.evidence"]
    found = [differ(evidence, TRUST, bent(CERTIFICATE, dice)) for _ in range(MUTATIONS // 4)]
    assert [one for one in found if one is not None] == []


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    works = Evidenced()
    works.alloy()
    works.document = works.certify("voltaic:AL")[1]  # type: ignore[attr-defined]
    return works.put(tmp_path_factory.mktemp("chain"))


def test_verdicts_on_evidence_with_records_left_out_never_differ(chain):
    trust, certificate = chain.trust.text().encode(), canonical.encode(chain.document)
    for statement in (None, chain.statement()):
        whole = chain.evidence(chain.document, statement=statement)
        indexes = [index for index, _ in whole.leaves]
        assert differ(written(whole), trust, certificate) is None
        for index in indexes[1:]:
            assert differ(written(chain.only(whole, set(indexes) - {index})), trust, certificate) is None, index
        for name in whole.scope:
            rest = replace(whole, scope=[other for other in whole.scope if other != name])
            assert differ(written(rest), trust, certificate) is None, name


def audits(folder: Path, trust: Trust) -> tuple[str, str]:
    """Return what both say of an export."""
    found = audit_mirror(open_mirror(str(folder)), Held(trust=trust))
    broken = next((one.message for one in found.findings if one.severity == "broken"), "holds")
    try:
        SECOND.verify_export(folder, trust.text().encode())
    except SECOND.Refused as refusal:
        return broken, str(refusal)
    return broken, "holds"


@pytest.mark.parametrize("seed", range(LEDGERS))
def test_verdicts_on_random_ledgers_and_on_what_their_books_refuse_never_differ(seed):
    dice = random.Random(seed)
    program = Program()
    tried: list[tuple[int, bytes]] = []
    submit = program.books.submit

    def remembering(record):
        try:
            return submit(record)
        except LedgerError:
            tried.append((len(program.books.records), record.note))
            raise

    program.books.submit = remembering  # type: ignore[method-assign]
    program.run([(dice.randrange(999), dice.randrange(999), dice.randrange(999)) for _ in range(60)])
    trust = Trust(program.books.ledger_id, ORIGIN, (signer(ORIGIN).vkey,))
    with TemporaryDirectory() as place:
        house = stored(program.books, Path(place) / "ledger")
        folder = exported(house, Path(place) / "export")
        assert audits(folder, trust) == ("holds", "holds")
        for number, (size, note) in enumerate(tried[:6]):
            forged = forgery(Path(place) / f"forged-{number}", [*(r.note for r in program.books.records[:size]), note])
            here, there = audits(forged, trust)
            assert "holds" not in (here, there), (here, there)


def forgery(folder: Path, entries: list[bytes]) -> Path:
    """Write an export as an operator would who logs what the rules refuse, and signs for it."""
    leaves = [merkle.leaf_hash(entry) for entry in entries]
    assert len(leaves) < tile.WIDTH
    log = signer(ORIGIN)
    note = sign_checkpoint(Checkpoint(ORIGIN, len(leaves), merkle.root(leaves)), key=log.vkey, sign=log.sign, time=1)
    for level, index, width in tile.tiles_of(len(leaves)):
        for name, data in ((level, tile.format_tile(leaves)), (None, tile.format_bundle(entries))):
            path = folder / tile.path_of(name, index, width)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    (folder / "checkpoint").write_bytes(note)
    return folder
