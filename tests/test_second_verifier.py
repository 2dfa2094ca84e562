"""Two verifiers, one written from SPEC.md alone: over thousands of made and damaged inputs their verdicts never differ."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

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
from ledger.store.store import Store
from ledger.tlog import canonical, merkle, tile
from ledger.tlog.checkpoint import Checkpoint, cosign, sign_checkpoint
from ledger.tlog.note import parse_note
from ledger.tlog.quorum import parse_policy
from ledger.trust import Trust, read_trust
from outside import FOLDER
from program import Program
from published import table

MUTATIONS = 2_000
LEDGERS = 12
WITNESS = signer("witness.example/w")
SEEN = 1_775_034_000


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


# ---- ML-DSA-44


def accepts(public: bytes, signature: bytes, message: bytes, context: bytes) -> bool:
    """Return whether the second verifier takes an ML-DSA-44 signature."""
    try:
        SECOND.check_ml_dsa(public, signature, message, context)
    except SECOND.Refused:
        return False
    return True


def test_the_second_verifier_says_of_every_wycheproof_ml_dsa_signature_what_it_says_of_itself():
    vectors = table("wycheproof", "mldsa_44_verify_test.json")
    said = {}
    for group in vectors["testGroups"]:
        for case in group["tests"]:
            public, signature, message = (bytes.fromhex(text) for text in (group["publicKey"], case["sig"], case["msg"]))
            got = accepts(public, signature, message, bytes.fromhex(case.get("ctx", "")))
            said[case["tcId"]] = (got, case["result"] == "valid")
    assert [number for number, (got, want) in said.items() if got is not want] == []
    assert len(said) == vectors["numberOfTests"]


def flipped(data: bytes, bit: int) -> bytes:
    """Return bytes with one bit the other way round."""
    at = bit // 8
    return data[:at] + bytes([data[at] ^ 1 << bit % 8]) + data[at + 1 :]


def openssl_accepts(public: bytes, signature: bytes, message: bytes, context: bytes) -> bool:
    """Return whether OpenSSL takes an ML-DSA-44 signature."""
    try:
        MLDSA44PublicKey.from_public_bytes(public).verify(signature, message, context)
    except InvalidSignature:
        return False
    return True


def test_the_second_verifier_and_openssl_take_the_same_ml_dsa_signatures():
    dice = random.Random(44)
    for _ in range(40):
        private = MLDSA44PrivateKey.from_seed_bytes(dice.randbytes(32))
        public, message, context = private.public_key().public_bytes_raw(), dice.randbytes(300), dice.randbytes(dice.randrange(1, 256))
        good = private.sign(message, context)
        assert accepts(public, good, message, context)
        assert openssl_accepts(public, good, message, context)
        for signature, text, frame in (
            (flipped(good, dice.randrange(8 * len(good))), message, context),
            (good[:-84] + flipped(good[-84:], dice.randrange(8 * 84)), message, context),
            (good[:-84] + dice.randbytes(84), message, context),
            (good, flipped(message, dice.randrange(8 * len(message))), context),
            (good, message, flipped(context, dice.randrange(8 * len(context)))),
            (good, context + message, b""),
        ):
            assert not accepts(public, signature, text, frame)
            assert not openssl_accepts(public, signature, text, frame)


def test_hints_have_one_encoding():
    def encoded(places: list[int], *ends: int) -> bytes:
        return bytes(places).ljust(80, b"\0") + bytes(ends)

    assert SECOND.decode_hints(encoded([], 0, 0, 0, 0)) == [set()] * 4
    assert SECOND.decode_hints(encoded([0, 7, 3, 9], 2, 2, 4, 4)) == [{0, 7}, set(), {3, 9}, set()]
    assert SECOND.decode_hints(encoded([*range(80)], 80, 80, 80, 80)) == [set(range(80)), set(), set(), set()]
    for places, ends in (
        ([7, 0], (2, 2, 2, 2)),
        ([7, 7], (2, 2, 2, 2)),
        ([7, 9], (2, 1, 2, 2)),
        ([7, 9], (1, 1, 1, 1)),
        ([*range(80)], (81, 81, 81, 81)),
        ([*range(80)], (80, 80, 80, 255)),
    ):
        with pytest.raises(SECOND.Refused, match="hints"):
            SECOND.decode_hints(encoded(places, *ends))


def test_an_extendable_output_goes_on_where_its_first_bytes_end():
    output = hashlib.shake_128(b"seed")
    assert bytes(islice(SECOND.squeezed(output.digest, 8), 100)) == output.digest(100)


@dataclass(frozen=True)
class Cosigned:
    """Evidence of a ledger whose newest checkpoint an ML-DSA-44 witness cosigned, and a trust file that asks for that witness."""

    data: bytes
    text: bytes
    line: bytes
    trust: bytes
    certificate: bytes

    def with_lines(self, *lines: bytes) -> bytes:
        """Return the evidence with other lines in the place of the witness's."""
        first, rest = self.data.split(b"checkpoint ", 1)
        count, rest = rest.split(b"\n", 1)
        put = b"".join(lines)
        number = int(count) + put.count(b"\n") - 1
        return b"%bcheckpoint %d\n%b" % (first, number, rest.replace(self.line, put, 1))

    def verdicts(self, *lines: bytes) -> tuple[str, str]:
        """Return what both say of it, with other lines in the place of the witness's."""
        data = self.with_lines(*lines)
        return ours(data, self.trust, self.certificate), theirs(data, self.trust, self.certificate)


def signed(text: bytes, *, time: int = SEEN, number: int = 1, by: str = WITNESS.name) -> bytes:
    """Return the cosignature line of a witness, by its second key, which is of ML-DSA-44, or by its first."""
    key, sign = signer(by).cosigners()[number]
    return cosign(text, key=key, sign=sign, time=time).line()


ED25519_WITNESS, ML_DSA_WITNESS = (f"witness {name} {key.format()}" for name, (key, _) in zip("ew", WITNESS.cosigners(), strict=True))


def asks_for(trust: Trust, *lines: str) -> bytes:
    """Return a trust file with the lines of a policy."""
    return replace(trust, policy=parse_policy(enumerate(lines, start=1))).text().encode()


@pytest.fixture(scope="module")
def cosigned(tmp_path_factory):
    works = Evidenced()
    works.alloy()
    document = works.certify("voltaic:AL")[1]
    works.put(tmp_path_factory.mktemp("cosigned"))
    key, sign = WITNESS.cosigners()[1]
    assert key.algorithm == SECOND.ML_DSA
    with Store(works.house.path).writing() as view:
        newest = Store.newest_checkpoint(view)
        assert newest is not None
        size, _, _, note = newest
        text = parse_note(note).text
        by = cosign(text, key=key, sign=sign, time=SEEN)
        Store.add_cosignatures(view, size, [(by.name, by.key_id.hex(), SEEN, by.line())])
    data = written(works.evidence(document))
    assert data.count(by.line()) == 1
    return Cosigned(data, text, by.line(), asks_for(works.trust, ML_DSA_WITNESS, "quorum w"), canonical.encode(document))


def damaged(line: bytes, bit: int) -> bytes:
    """Return a cosignature line with one bit of what it encodes, from its key ID on, the other way round."""
    head, encoded = line[:-1].rsplit(b" ", 1)
    return b"%b %b\n" % (head, base64.b64encode(flipped(base64.b64decode(encoded), bit)))


def payload(line: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Return a cosignature line whose time and signature are changed."""
    head, encoded = line[:-1].rsplit(b" ", 1)
    data = base64.b64decode(encoded)
    return b"%b %b\n" % (head, base64.b64encode(data[:4] + change(data[4:])))


def later(data: bytes) -> bytes:
    """Return a time and a signature with the time a second later."""
    return (int.from_bytes(data[:8], "big") + 1).to_bytes(8, "big") + data[8:]


def timeless(line: bytes) -> bytes:
    """Return a line with time 0."""
    return payload(line, lambda data: bytes(8) + data[8:])


NOT_REACHED = ("QUORUM NOT REACHED (0 of 1 organisations, 1 asked)", "quorum w is not reached; counted: none")


def test_both_count_an_ml_dsa_witness(cosigned):
    assert cosigned.verdicts(cosigned.line) == ("holds", "holds")
    assert cosigned.with_lines(cosigned.line) == cosigned.data


def test_both_count_it_beside_lines_that_are_passed_over(cosigned):
    other = signed(cosigned.text, by="witness.example/other")
    first_key = damaged(signed(cosigned.text, number=0), 500)
    for more in (other, first_key, timeless(cosigned.line), signed(cosigned.text, time=0), signed(cosigned.text, time=SEEN + 1)):
        assert cosigned.verdicts(cosigned.line, more) == ("holds", "holds")
        assert cosigned.verdicts(more, cosigned.line) == ("holds", "holds")


def test_both_count_the_two_keys_of_one_organisation(cosigned):
    trust = read_trust(cosigned.trust, file="trust")
    both = replace(cosigned, trust=asks_for(trust, ED25519_WITNESS, ML_DSA_WITNESS, "group both all e w", "quorum both"))
    first = signed(cosigned.text, number=0)
    assert both.verdicts(first, cosigned.line) == ("holds", "holds")
    for line, name in ((first, "e"), (cosigned.line, "w")):
        here, there = both.verdicts(line)
        assert here == "QUORUM NOT REACHED (1 of 2 organisations, 2 asked)"
        assert there == f"quorum both is not reached; counted: {name}"


# The key ID has 4 bytes, the time 8; then come the challenge's 32, the 2,304 of z, and the 84 of the hints.
BITS = {"key ID": 3, "time": 95, "challenge": 100, "z": 12_345, "last bit of z": 8 * 2348 - 1, "hint": 8 * 2348, "hints' ends": 8 * 2431}


@pytest.mark.parametrize("bit", BITS.values(), ids=BITS.keys())
def test_neither_counts_an_ml_dsa_witness_with_one_bit_flipped(cosigned, bit):
    assert cosigned.verdicts(damaged(cosigned.line, bit)) == NOT_REACHED


def test_neither_counts_an_ml_dsa_witness_at_another_time_under_another_key_or_over_another_text(cosigned):
    origin, size, root = cosigned.text.split(b"\n")[:3]
    cases = {
        "no line": b"",
        "time changed": payload(cosigned.line, later),
        "time 0 put in": timeless(cosigned.line),
        "time 0 signed": signed(cosigned.text, time=0),
        "time beyond 2^63 - 1": payload(cosigned.line, lambda data: b"\x80" + data[1:]),
        "time 0 alone, beside a good line": cosigned.line + payload(cosigned.line, lambda _: bytes(8)),
        "time 0 one byte long, beside a good line": cosigned.line + payload(timeless(cosigned.line), lambda data: data + b"\0"),
        "time changed, beside a good line": cosigned.line + payload(cosigned.line, later),
        "one byte short": payload(cosigned.line, lambda data: data[:-1]),
        "one byte long": payload(cosigned.line, lambda data: data + b"\0"),
        "time alone": payload(cosigned.line, lambda data: data[:8]),
        "its ed25519 key": signed(cosigned.text, number=0),
        "another witness": signed(cosigned.text, by="witness.example/other"),
        "another size": signed(b"%b\n%d\n%b\n" % (origin, int(size) + 1, root)),
        "another root": signed(b"%b\n%b\n%b\n" % (origin, size, base64.b64encode(bytes(32)))),
        "another origin": signed(b"%bx\n%b\n%b\n" % (origin, size, root)),
    }
    assert {name: cosigned.verdicts(line) for name, line in cases.items()} == dict.fromkeys(cases, NOT_REACHED)


def test_another_keys_signature_under_the_witnesss_key_id_counts_for_neither(cosigned):
    sign = signer("witness.example/other").cosigners()[1][1]
    forged = cosign(cosigned.text, key=WITNESS.cosigners()[1][0], sign=sign, time=SEEN).line()
    assert cosigned.verdicts(forged) == NOT_REACHED
    assert cosigned.verdicts(cosigned.line, forged) == NOT_REACHED


def test_an_ml_dsa_cosignature_over_the_ed25519_text_or_with_a_context_counts_for_neither(cosigned):
    private = MLDSA44PrivateKey.from_seed_bytes(bytes(32))
    known = WITNESS.cosigners()[1][0]
    key = replace(known, public_key=private.public_key().public_bytes_raw())
    case = replace(cosigned, trust=cosigned.trust.replace(known.format().encode(), key.format().encode()))

    def line(sign: Callable[[bytes], bytes]) -> bytes:
        return cosign(cosigned.text, key=key, sign=sign, time=SEEN).line()

    assert case.verdicts(line(private.sign)) == ("holds", "holds")
    assert case.verdicts(line(lambda message: private.sign(message, b"subtree/v1"))) == NOT_REACHED
    assert case.verdicts(line(lambda _: private.sign(b"cosignature/v1\ntime %d\n%b" % (SEEN, cosigned.text)))) == NOT_REACHED


def test_verdicts_on_trust_files_that_name_an_ml_dsa_key_never_differ(cosigned):
    _, _, vkey = ML_DSA_WITNESS.split(" ")
    made = {number: [str(SECOND.Vkey("a/b", number, bytes(size))) for size in (32, 1311, 1312, 1313)] for number in (1, 4, 5, 6, 7)}
    lines = {
        "a url": f"{ML_DSA_WITNESS} https://witness.example",
        "two urls": f"{ML_DSA_WITNESS} https://witness.example https://witness.example",
        "a space behind it": f"{ML_DSA_WITNESS} ",
        "a space behind the url": f"{ML_DSA_WITNESS} https://witness.example ",
        "the key of a log": f"{ML_DSA_WITNESS}\nlog {vkey}",
        "the key of an auditor": f"{ML_DSA_WITNESS}\nauditor {vkey}",
        "one key, two witnesses": f"{ML_DSA_WITNESS}\nwitness again {vkey}",
        **{made_vkey: f"{ML_DSA_WITNESS}\nwitness more {made_vkey}" for vkeys in made.values() for made_vkey in vkeys},
    }
    holding = set()
    for name, line in lines.items():
        trust = cosigned.trust.replace(ML_DSA_WITNESS.encode(), line.encode())
        assert differ(cosigned.data, trust, cosigned.certificate) is None, name
        if theirs(cosigned.data, trust, cosigned.certificate) == "holds":
            holding.add(name)
    assert holding == {"a url", made[6][2]}


def test_verdicts_on_damaged_ml_dsa_cosignatures_never_differ(cosigned):
    dice = random.Random(6)
    length = len(base64.b64decode(cosigned.line.rsplit(b" ", 1)[1]))
    lines = [bent(cosigned.line, dice) for _ in range(50)] + [damaged(cosigned.line, dice.randrange(8 * length)) for _ in range(50)]
    found = [
        differ(cosigned.with_lines(*pair), cosigned.trust, cosigned.certificate)
        for line in lines
        for pair in ((line,), (line, cosigned.line))
    ]
    assert [one for one in found if one is not None] == []
