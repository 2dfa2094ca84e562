"""Two verifiers, one written from SPEC.md alone: over thousands of made and damaged inputs their verdicts never differ."""

from __future__ import annotations

import base64
import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import judged
from books import TIME, kg, sign
from declaring import declaration, verdicts_on_ledger
from evidenced import Evidenced, written
from house import admission, enrolment, registration
from issued import PAPER, event, lot, proved, step
from judged import BOOK
from keyring import signer
from ledger.certificates.certificate import Request
from ledger.certificates.issuance import certify_raw
from ledger.matter.provenance import Source
from ledger.rules.book import own
from ledger.rules.judge import Subject, judge
from ledger.store.store import Store
from ledger.tlog import canonical
from ledger.tlog.checkpoint import cosign
from ledger.tlog.note import parse_note
from ledger.tlog.quorum import parse_policy
from ledger.trust import Trust, read_trust
from outside import CERTIFICATION, CONTACT, MODEL, YEAR, declare, ship
from published import table
from schemas.event import EVENT
from schemas.rule import Rule
from schemas.usmca import Usmca
from second import FILES, HOLDING, SECOND, audits, bent, credential_of, differ, forgery, ours, theirs

Raw = dict[str, Any]

MUTATIONS = 2_000
LEDGERS = 12
WITNESS = signer("witness.example/w")
SEEN = 1_775_034_000


TRUST, CERTIFICATE, ORIGIN_CREDENTIAL = FILES["trust"], FILES["certificate.json"], FILES["origin.json"]


@pytest.mark.parametrize("name", [*HOLDING, "missing-input.evidence"])
def test_both_say_the_same_of_our_vectors(name):
    assert differ(FILES[name], TRUST, credential_of(name)) is None
    assert (theirs(FILES[name], TRUST, credential_of(name)) == "holds") is (name != "missing-input.evidence")


def test_both_say_the_same_of_a_keys_records():
    assert (ours(FILES["key.evidence"], TRUST, None), theirs(FILES["key.evidence"], TRUST, None)) == ("holds", "holds")


@pytest.mark.slow
@pytest.mark.parametrize("name", HOLDING)
def test_verdicts_on_damaged_evidence_never_differ(name):
    dice = random.Random(name)
    count = MUTATIONS // 2 if name.startswith("certificate") else MUTATIONS // 8
    found = [differ(bent(FILES[name], dice), TRUST, credential_of(name)) for _ in range(count)]
    assert [one for one in found if one is not None] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["certificate.evidence", "origin.evidence", "declared.evidence", "usmca.evidence", "shipment.evidence"])
def test_verdicts_on_damaged_certificates_never_differ(name):
    dice = random.Random(7)
    found = [differ(FILES[name], TRUST, bent(credential_of(name), dice)) for _ in range(MUTATIONS // 8)]
    assert [one for one in found if one is not None] == []


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    works = Evidenced()
    works.alloy()
    works.document = works.certify("voltaic:AL")[1]  # type: ignore[attr-defined]
    return works.put(tmp_path_factory.mktemp("chain"))


@pytest.fixture(scope="module")
def redeclared(tmp_path_factory):
    """Three lots of which two were declared before, and that taken back."""
    works = Evidenced()
    works.alloy()
    works.log("voltaic/1", *assembled())
    first, _ = declare(works, "voltaic:D1", "voltaic:D2")
    works.withdraw(first.number)
    works.document = declare(works, "voltaic:D2", "voltaic:D3")[1]  # type: ignore[attr-defined]
    return works.put(tmp_path_factory.mktemp("redeclared"))


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """Two lots, certified together with a third before, and that taken back."""
    works = Evidenced()
    works.alloy()
    works.log("voltaic/1", *assembled())
    first, _ = ship(works, "voltaic:D1", "voltaic:D2", "voltaic:D3")
    works.withdraw(first.number)
    works.document = ship(works, "voltaic:D2", "voltaic:D3")[1]  # type: ignore[attr-defined]
    return works.put(tmp_path_factory.mktemp("shipped"))


@pytest.mark.parametrize("works", ["chain", "redeclared", "shipped"])
def test_verdicts_on_evidence_with_records_left_out_never_differ(works, request):
    chain = request.getfixturevalue(works)
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


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(LEDGERS))
def test_verdicts_on_random_ledgers_and_on_what_their_books_refuse_never_differ(seed, tmp_path):
    (first, *_), *forged = verdicts_on_ledger(seed, tmp_path)
    assert first == "holds"
    assert [pair for pair in [(first, first), *forged] if (pair[0] == "holds") != (pair[1] == "holds")] == []


# ---- Rules that came with a certificate


LINES = FILES["origin.evidence"].split(b"\n")
QUOTED = [line for line in LINES if line.startswith(b"rule ")]
FIRST, PACKED = QUOTED[0], next(line for line in QUOTED if b'"id":"outsider.lead"' in line)


def with_rules(*rules: bytes) -> bytes:
    """Return the evidence of the vector with other lines in the place of its rules."""
    at = LINES.index(FIRST)
    rest = [line for line in LINES if not line.startswith(b"rule ")]
    return b"\n".join([*rest[:at], *rules, *rest[at:]])


def rule_line(rule: Raw, **changes: object) -> bytes:
    """Return the line of a rule with some of its data changed."""
    return b"rule " + canonical.encode({**rule, **changes})


FIRST_RULE = json.loads(FIRST[5:])
RULE_LINES = {
    "as they are": (True, QUOTED),
    "a rule left out whose text both have": (True, QUOTED[1:]),
    "only the pack's": (True, [PACKED]),
    "the pack's left out": (False, [line for line in QUOTED if line != PACKED]),
    "none": (False, []),
    "in another order": (True, QUOTED[::-1]),
    "a changed threshold": (False, [rule_line(FIRST_RULE, threshold="1"), *QUOTED[1:]]),
    "the pack's with a changed threshold": (False, [rule_line(json.loads(PACKED[5:]), threshold="61")]),
    "a changed note": (False, [rule_line(FIRST_RULE, notes="other"), *QUOTED[1:]]),
    "another version": (False, [rule_line(FIRST_RULE, version="2"), *QUOTED[1:]]),
    "another id": (False, [rule_line(FIRST_RULE, id="outsider.other"), *QUOTED[1:]]),
    "twice": (False, [FIRST, *QUOTED]),
    "twice, not side by side": (False, [*QUOTED, FIRST]),
    "one that is not quoted": (False, [*QUOTED, rule_line(next(rule for rule in BOOK if rule["id"] == "grs4.product"))]),
    "not canonical: a space": (False, [FIRST.replace(b":", b": ", 1), *QUOTED[1:]]),
    "not canonical: a space at the end": (False, [FIRST + b" ", *QUOTED[1:]]),
    "not canonical: two spaces": (False, [FIRST.replace(b" ", b"  ", 1), *QUOTED[1:]]),
    "not canonical: an escape": (False, [FIRST.replace(b"a", b"\\u0061", 1), *QUOTED[1:]]),
    "not json": (False, [FIRST[:-1], *QUOTED[1:]]),
    "not utf-8": (False, [FIRST + b"\xff", *QUOTED[1:]]),
    "an array": (False, [b"rule []", *QUOTED[1:]]),
    "an empty object": (False, [b"rule {}", *QUOTED[1:]]),
    "nothing behind the word": (False, [b"rule", *QUOTED[1:]]),
    "nothing behind the space": (False, [b"rule ", *QUOTED[1:]]),
    "101 rules": (False, [*QUOTED, *(rule_line(FIRST_RULE, id=f"outsider.x{number}") for number in range(101 - len(QUOTED)))]),
}


@pytest.mark.parametrize("name", RULE_LINES)
def test_both_say_the_same_of_evidence_with_these_rules(name):
    holds, rules = RULE_LINES[name]
    data = with_rules(*rules)
    here, there = ours(data, TRUST, ORIGIN_CREDENTIAL), theirs(data, TRUST, ORIGIN_CREDENTIAL)
    assert (here == "holds", there == "holds") == (holds, holds), (here, there)


def test_a_rule_stands_nowhere_but_between_the_batches_and_the_records():
    rest = [line for line in LINES if line != FIRST]
    starts = [
        at
        for at, line in enumerate(rest)
        if line.split(b" ")[0] in (b"checkpoint", b"prior", b"batch", b"rule", b"record", b"node", b"end")
    ]
    held = set()
    for at in [1, *starts, len(rest) - 1]:
        data = b"\n".join([*rest[:at], FIRST, *rest[at:]])
        assert differ(data, TRUST, ORIGIN_CREDENTIAL) is None, rest[at]
        if theirs(data, TRUST, ORIGIN_CREDENTIAL) == "holds":
            held.add(rest[at].split(b" ")[0])
    assert held == {b"rule", b"record"}


def test_rules_in_the_evidence_of_a_key_or_of_another_certificate_are_refused_by_both():
    for name, credential in (("key.evidence", None), ("certificate.evidence", CERTIFICATE)):
        lines = FILES[name].split(b"\n")
        at = next(number for number, line in enumerate(lines) if line.startswith(b"record "))
        data = b"\n".join([*lines[:at], PACKED, *lines[at:]])
        assert "holds" not in (ours(data, TRUST, credential), theirs(data, TRUST, credential))


ORIGIN_RULE = next(rule for rule in BOOK if rule["id"] == "usmca.wo.pb")


class Quoting(Evidenced):
    """The chain of companies, whose evidence holds these rules whatever its certificates quote."""

    def __init__(self, lines: list[Raw]) -> None:
        super().__init__()
        self.lines = [canonical.encode(rule) for rule in lines]

    def rules(self, document: Raw) -> list[bytes]:
        """The rules that the evidence holds."""
        return self.lines


def quoting(folder: Path, rules: list[Raw], *, lines: list[Raw] | None = None, **changes: object) -> tuple[str, str]:
    """Return what both say of a certificate that quotes these rules, its rows changed, and evidence that holds those of `lines`."""
    works = Quoting(rules if lines is None else lines)
    works.log("voltaic/1", received(product={"category": "sli"}))
    document = works.built(works.request("voltaic:R", "domestic-origin", rules=("usmca.wo.pb",), book=own()), party="voltaic")
    document["credentialSubject"]["verdicts"] = [row_of(rule) | changes for rule in rules]
    works.log("voltaic/1", certify_raw(works.memory, document, time=TIME))
    document = proved(document, "voltaic/1")
    data = written(works.put(folder).evidence(document))
    trust, credential = works.trust.text().encode(), canonical.encode(document)
    return ours(data, trust, credential), theirs(data, trust, credential)


def received(**more: object) -> Raw:
    """Return the receipt of a battery from the United States."""
    event_of = {"feedstock": "primary", "places": {"collected_in": "US"}, "documents": PAPER, **more}
    return event("receive", "voltaic:works", **lot("voltaic:R", "battery", "100", Pb="60"), **event_of)


def row_of(rule: Raw) -> Raw:
    """Return the row of a verdict on that battery."""
    lead = {Source("primary", (("collected_in", ("US",)),), documented=True): 60_000_000}
    found = judge(Rule.model_validate(rule), Subject({"Pb": lead}, "battery", 100_000_000), as_of=date(2026, 3, 31))
    names = {"rule": rule["id"], "rule_version": rule["version"], "title": rule["title"], "citation": rule["citation"]}
    digest = hashlib.sha256(canonical.encode(rule)).hexdigest()
    said = {"verdict": found.verdict, "would_be": found.would_be, "reasons": list(found.reasons), "as_of": "2026-03-31"}
    return {**names, "rule_sha256": digest, **said}


REQUOTED: dict[str, tuple[bool, Raw]] = {
    "the program's own": (True, {"rules": [ORIGIN_RULE]}),
    "its own, which did not come with it": (True, {"rules": [ORIGIN_RULE], "lines": []}),
    "another text of its own id and version": (False, {"rules": [{**ORIGIN_RULE, "notes": "other"}]}),
    "another threshold of its own id and version": (False, {"rules": [{**ORIGIN_RULE, "threshold": "1"}]}),
    "another version of its own id": (True, {"rules": [{**ORIGIN_RULE, "version": "2"}]}),
    "another version, which did not come with it": (False, {"rules": [{**ORIGIN_RULE, "version": "2"}], "lines": []}),
    "two versions": (False, {"rules": [{**ORIGIN_RULE, "version": "2"}, {**ORIGIN_RULE, "version": "3"}]}),
    "its own, and another version": (False, {"rules": [ORIGIN_RULE, {**ORIGIN_RULE, "version": "2"}]}),
    "a rule of nobody's": (True, {"rules": [{**ORIGIN_RULE, "id": "outsider.rule"}]}),
    "the row of another id": (False, {"rules": [ORIGIN_RULE], "rule": "ftc.musa_323"}),
    "another verdict": (False, {"rules": [ORIGIN_RULE], "verdict": "PASS"}),
    "another would_be": (False, {"rules": [ORIGIN_RULE], "would_be": "PASS"}),
    "another day": (False, {"rules": [ORIGIN_RULE], "as_of": "2026-03-30"}),
    "another title": (False, {"rules": [ORIGIN_RULE], "title": "other"}),
    "another hash": (False, {"rules": [ORIGIN_RULE], "lines": [], "rule_sha256": "ab" * 32}),
    "a row with more": (False, {"rules": [ORIGIN_RULE], "more": 1}),
    "no rule": (False, {"rules": []}),
}


@pytest.mark.parametrize("name", REQUOTED)
def test_both_say_the_same_of_a_certificate_that_quotes(name, tmp_path):
    holds, given = REQUOTED[name]
    here, there = quoting(tmp_path, **given)
    assert (here == "holds", there == "holds") == (holds, holds), (here, there)


# ---- What rules look at of how a batch was made


def probes() -> dict[str, bytes]:
    """Return a pack: a rule for each fact, paper and answer that may be seen of a batch."""
    paper, figure, quality = (next(rule for rule in BOOK if rule["measure"] == name) for name in ("completeness", "limits", "qualitative"))
    more: Raw = {"numerator": [{}], "facts": [], "decisive": [], "status": "in_force", "effective_from": None}
    found = [paper | {"id": f"probe.paper.{name}", "fields": [name], "conditions": []} for name in PAPERS]
    found += [quality | more | {"id": f"probe.answer.{name}", "question": name} for name in ASKED]
    found += [figure | {"id": f"probe.condition.{name}", "limits": least("0"), "conditions": [{"question": name}]} for name in ASKED]
    found += [figure | {"id": f"probe.energy.{number}", "limits": least(number)} for number in ("10", "20")]
    found.append(figure | {"id": "probe.category", "limits": least("0"), "categories": ["sli"]})
    found.append(figure | {"id": "probe.place", "limits": least("0"), "countries": ["US"], "conditions": [{"place": "collected_in"}]})
    return {f"{rule['id']}.json": canonical.encode(rule) for rule in found}


def least(number: str) -> list[Raw]:
    """Return the limit of an energy."""
    return [{"fact": "energy_wh", "least": number}]


PAPERS = ("quantity", "date", "generator", "collection_place", "pathway", "certificate", "weigh_ticket")
ASKED = ("q_a", "q_b", "q_c")
SMALL, LARGE = {"energy_wh": "15", "category": "sli"}, {"energy_wh": "25", "category": "ev"}
SEALED = {"sealed": "cd" * 32}


def determined(batch: str, **answers: bool) -> list[Raw]:
    """Return answers on a batch."""
    by = {"name": SEALED, "role": "chemist"}
    more = {"type": "determine", "time": TIME, "of": batch, "basis": "seen", "by": by}
    return [{**more, "question": question, "answer": answer} for question, answer in answers.items()]


def drawn(kind: str, made: str, *sources: str, **more: object) -> Raw:
    """Return a transform that takes 20 kg of each source."""
    inputs: list[Raw | str] = [{"batch": f"voltaic:{source}", "mass": kg("20")} for source in sources]
    return step(kind, "voltaic:works", inputs, {**lot(f"voltaic:{made}", "battery", str(20 * len(sources))), **more})


ALIKE = [
    {"part": part, **material, "mass": {"value": grams, "unit": "g"}}
    for part, material in (("post", {"material": "b"}), ("post", {}), ("grid", {"material": "Z"}), ("grid", {"material": "a"}))
    for grams in ("1.0005", "1.0004", "0.0001")
]
GATE = received(product=SMALL, private={"pathway": SEALED})
BARE = {key: value for key, value in received(generator={"process": "crusher"}).items() if key != "documents"}
BEFORE = [GATE, *determined("voltaic:R", q_a=True, q_b=True)]
SPLIT = [
    *BEFORE,
    drawn("split", "S", "R", product=LARGE),
    *determined("voltaic:S", q_b=False, q_c=True),
    *determined("voltaic:R", q_a=False),
]
OUTSIDE = event("ship", "voltaic:works", batch="voltaic:R", to={"outside": SEALED, "country": "US"})
BACK = event("return", "voltaic:works", of="voltaic:R", batch="voltaic:Z", mass=kg("40"), **{"as": "distribution_return"})
HISTORIES = {
    "received": ("R", [GATE]),
    "received without papers": ("R", [BARE]),
    "collected in a place that is unknown": ("R", [received(places={"collected_in": "unknown"})]),
    "collected in two places, one unknown": ("R", [received(places={"collected_in": ["US", "unknown"]})]),
    "collected nowhere": ("R", [received(places={})]),
    "with parts, some alike": ("R", [received(product=SMALL | {"parts": ALIKE})]),
    "with nothing of its product": ("R", [received(product={})]),
    "split off": ("S", SPLIT),
    "split off twice": ("T", [*SPLIT, drawn("split", "T", "S")]),
    "split off of two": ("T", [*SPLIT, drawn("split", "T", "S", "R", product=LARGE)]),
    "merged of one": ("T", [*SPLIT, drawn("merge", "T", "S")]),
    "the parent corrected": ("S", [*SPLIT, received(product=LARGE, places={"collected_in": "unknown"})]),
    "returned": ("Z", [*BEFORE, OUTSIDE, BACK, *determined("voltaic:Z", q_c=True)]),
    "returned and split": ("T", [*BEFORE, OUTSIDE, BACK, *determined("voltaic:Z", q_c=True), drawn("split", "T", "Z")]),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_both_look_at_the_same_papers_answers_and_products(name, tmp_path):
    batch, events = HISTORIES[name]
    works, pack = Evidenced(), probes()
    works.log("voltaic/1", events[0])
    corrected = {"type": "correct", "time": TIME, "of": {"record": works.records[-1].id, "event": 0}, "reason": "misread"}
    for item in events[1:]:
        works.log("voltaic/1", {**corrected, "event": item} if item["type"] == "receive" else item)
    works.book = own().with_pack(pack)
    rules = tuple(sorted(name.removesuffix(".json") for name in pack))
    document = works.certify(f"voltaic:{batch}", "domestic-origin", rules=rules, book=works.book)[1]
    data = written(works.put(tmp_path).evidence(document))
    trust, credential = works.trust.text().encode(), canonical.encode(document)
    assert (ours(data, trust, credential), theirs(data, trust, credential)) == ("holds", "holds")


PRODUCTS: dict[str, tuple[bool, Raw | None]] = {
    "nothing": (True, {}),
    "null": (True, None),
    "everything": (True, {
        "model": "Group 31", "category": "sli", "condition": "wet", "parts": [{"part": "grid", "material": "lead", "mass": kg("1")}],
        "components": [
            {"name": "plate", "cost": "1.5", "made_in": "US", "nonavailable": False, "functional_cell": True, "screened": ["a"]},
        ],
        "value": {"transaction": "1", "net_cost": "2", "non_originating": "0.3", "foreign_parts": "0"},
        "energy_wh": "1", "volume_l": "0.5", "off_the_shelf": True,
        "assembler_screened": [], "licensor_screened": ["feoc"], "operators_screened": [],
    }),
    "nulls inside": (True, {"model": None, "value": None, "energy_wh": None, "off_the_shelf": None, "assembler_screened": None}),
    "no list of parts": (False, {"parts": None}),
    "no list of components": (False, {"components": None}),
    "40 parts": (True, {"parts": [{"part": "other", "mass": kg("1")}] * 40}),
    "41 parts": (False, {"parts": [{"part": "other", "mass": kg("1")}] * 41}),
    "another part": (False, {"parts": [{"part": "lid", "mass": kg("1")}]}),
    "a part without mass": (False, {"parts": [{"part": "grid"}]}),
    "200 components": (True, {"components": [{"name": f"c{number}", "cost": "1"} for number in range(200)]}),
    "201 components": (False, {"components": [{"name": f"c{number}", "cost": "1"} for number in range(201)]}),
    "two components of one name": (False, {"components": [{"name": "c", "cost": "1"}, {"name": "c", "cost": "2"}]}),
    "a component without cost": (False, {"components": [{"name": "c"}]}),
    "a component of unknown make": (True, {"components": [{"name": "c", "cost": "1", "made_in": "unknown"}]}),
    "a component of no country": (False, {"components": [{"name": "c", "cost": "1", "made_in": "UK"}]}),
    "21 screened": (False, {"components": [{"name": "c", "cost": "1", "screened": ["a"] * 21}]}),
    "20 hits": (True, {"assembler_screened": ["a"] * 20}),
    "21 hits": (False, {"licensor_screened": ["a"] * 21}),
    "21 operators' hits": (False, {"operators_screened": ["a"] * 21}),
    "a number that is none": (False, {"energy_wh": 12}),
    "a number with a sign": (False, {"volume_l": "-1"}),
    "a word for yes": (False, {"off_the_shelf": "yes"}),
    "another category": (False, {"category": "starter"}),
    "another condition": (False, {"condition": "damp"}),
    "another field": (False, {"colour": "red"}),
    "another value": (False, {"value": {"price": "1"}}),
    "a long model": (False, {"model": "m" * 201}),
    "a model of 200": (True, {"model": "m" * 200}),
}  # fmt: skip


@pytest.mark.parametrize("name", PRODUCTS)
def test_both_take_the_same_products(name):
    holds, product = PRODUCTS[name]
    made = step("assemble", "voltaic:works", ["voltaic:AL"], {**lot("voltaic:B", "battery", "1", Pb="60"), "product": product})
    made["inputs"][0]["mass"] = kg("1")
    for item in (received(product=product), made):
        try:
            EVENT.validate_json(canonical.encode(item))
        except ValidationError:
            here = False
        else:
            here = True
        assert (here, SECOND.is_event(item)) == (holds, holds)


PARTS: dict[str, tuple[bool, list[Raw], object]] = {
    "as heavy as the batch": (True, [kg("60"), {"value": "40000", "unit": "g"}], kg("100")),
    "a part of a milligram more": (False, [kg("60"), {"value": "40000.0001", "unit": "g"}], kg("100")),
    "less than a milligram more": (False, [kg("100.000000001")], kg("100")),
    "in pounds": (True, [{"value": "1", "unit": "lb"}], {"value": "453.59237", "unit": "g"}),
    "in pounds, less": (False, [{"value": "1", "unit": "lb"}], {"value": "453.59236999", "unit": "g"}),
    "beside a balance": (False, [kg("1")], "balance"),
    "none beside a balance": (True, [], "balance"),
}


@pytest.mark.parametrize("name", PARTS)
def test_both_weigh_the_same_parts(name, tmp_path):
    holds, masses, mass = PARTS[name]
    works = Evidenced()
    product = {"parts": [{"part": "grid", "mass": one} for one in masses]}
    if mass == "balance":
        works.log("voltaic/1", received())
        item = drawn("split", "S", "R", product=product, mass=mass)
        item["inputs"][0]["made_by"] = works.records[-1].id
    else:
        item = {**received(product=product), "mass": mass}
    header = works.draft("voltaic/1", {**received(), "batch": "voltaic:R2"}).header
    record = sign(header, [EVENT.validate_json(canonical.encode(item))], signer("voltaic/1"))
    folder = forgery(tmp_path / "forged", [*(logged.note for logged in works.records), record.note])
    here, there = audits(folder, works.trust)
    assert (here == "holds", there == "holds") == (holds, holds), (here, there)


# ---- Certificates over a product model


def assembled(count: int = 3, **more: object) -> list[Raw]:
    """Return what makes lots of one model, 30 kg each: voltaic:D1 and on."""
    heads = [lot(f"voltaic:D{number}", "battery", "30", Pb="70", Sb="0.4") for number in range(1, count + 1)]
    use = {"batch": "voltaic:AL", "mass": kg("23")}
    return [step("assemble", "voltaic:works", [use], {**head, "product": MODEL | {"volume_l": "1"}, **more}) for head in heads]


def withdrawal(number: str, **more: object) -> Raw:
    """Return the withdrawal of a certificate."""
    return {"type": "withdraw", "time": TIME, "certificate": number, "reason": "counted wrongly", **more}


AGAIN = {"number": "voltaic-RP-0002", "credential": "cd" * 32}
REWORKED = step(
    "rework",
    "voltaic:works",
    [{"batch": "voltaic:D1", "mass": kg("30")}],
    {**lot("voltaic:E", "battery", "30", Pb="70", Sb="0.4"), "product": MODEL},
)
PIECE = step("split", "voltaic:works", [{"batch": "voltaic:D1", "mass": kg("5")}], lot("voltaic:E", "battery", "5"))
SITE = {"type": "site", "time": TIME, "site": {"id": "voltaic:second", "party": "voltaic", "name": "second", "country": "US"}}
BATTERY = {**received(product=MODEL), "mass": kg("30")}
OPEN = {key: value for key, value in BATTERY.items() if key != "assay"} | {"material": "spent_battery", "feedstock": "end_of_life"}
ALL_THREE = declaration("voltaic:D1", "voltaic:D2", "voltaic:D3")
DECLARED: dict[str, tuple[bool, list[Raw]]] = {
    "all lots": (True, [ALL_THREE]),
    "one lot": (True, [declaration("voltaic:D2")]),
    "two declarations apart": (True, [declaration("voltaic:D1"), declaration("voltaic:D2", "voltaic:D3", **AGAIN)]),
    "a lot in two declarations": (False, [declaration("voltaic:D1", "voltaic:D2"), declaration("voltaic:D2", **AGAIN)]),
    "a lot in two, the first withdrawn": (True, [ALL_THREE, withdrawal("voltaic-RP-0001"), declaration("voltaic:D2", **AGAIN)]),
    "a lot in two, the second withdrawn, and a third": (False, [
        declaration("voltaic:D1"), declaration("voltaic:D2", **AGAIN), withdrawal("voltaic-RP-0002"),
        declaration("voltaic:D1", number="voltaic-RP-0003", credential="ef" * 32),
    ]),
    "a lot in two declarations of two kinds": (True, [
        declaration("voltaic:D1"),
        declaration("voltaic:D1", **AGAIN | {"kind": "domestic-origin", "number": "voltaic-OP-0001"}),
    ]),
    "withdrawn twice": (False, [ALL_THREE, withdrawal("voltaic-RP-0001"), withdrawal("voltaic-RP-0001")]),
    "superseded by another of its sort": (True, [ALL_THREE, withdrawal("voltaic-RP-0001", superseded_by="voltaic-RP-0002")]),
    "superseded by a certificate of a batch": (False, [ALL_THREE, withdrawal("voltaic-RP-0001", superseded_by="voltaic-RC-0002")]),
    "superseded by itself": (False, [ALL_THREE, withdrawal("voltaic-RP-0001", superseded_by="voltaic-RP-0001")]),
    "a number taken": (False, [declaration("voltaic:D1"), declaration("voltaic:D2", credential="cd" * 32)]),
    "a credential taken": (True, [declaration("voltaic:D1"), declaration("voltaic:D2", number="voltaic-RP-0002")]),
    "the number of a batch's certificate": (False, [declaration("voltaic:D1", number="voltaic-RC-0001")]),
    "the number of the other kind": (False, [declaration("voltaic:D1", number="voltaic-OP-0001")]),
    "the number of another party": (False, [declaration("voltaic:D1", number="keystone-RP-0001")]),
    "another model": (False, [declaration("voltaic:D1", model="Group 31")]),
    "another party's plant": (False, [declaration("voltaic:D1", site="keystone:works")]),
    "another plant of its own": (False, [SITE, declaration("voltaic:D1", site="voltaic:second")]),
    "a plant that nobody knows": (False, [declaration("voltaic:D1", site="voltaic:third")]),
    "a period that ends before": (False, [declaration("voltaic:D1", period={"from": "2026-01-01", "to": "2026-03-01"})]),
    "a period of that day": (True, [declaration("voltaic:D1", period={"from": "2026-03-02", "to": "2026-03-02"})]),
    "a period that begins after": (False, [declaration("voltaic:D1", period={"from": "2026-03-03", "to": "2026-12-31"})]),
    "a milligram more": (False, [declaration("voltaic:D1", mass_mg=30_000_001)]),
    "a milligram less": (False, [declaration("voltaic:D1", mass_mg=29_999_999)]),
    "a batch that nobody made": (False, [declaration("voltaic:D9")]),
    "a batch without a product": (False, [PIECE, declaration("voltaic:E", mass_mg=5_000_000)]),
    "what was made of a lot": (False, [REWORKED, declaration("voltaic:D1", "voltaic:E")]),
    "what was made of a lot beside others": (True, [REWORKED, declaration("voltaic:D2", "voltaic:E")]),
    "a lot that was used up": (True, [REWORKED, declaration("voltaic:D1")]),
    "a lot that was received": (True, [BATTERY, declaration("voltaic:R")]),
    "a lot that was never assayed": (False, [OPEN, declaration("voltaic:R")]),
    "a lot that is provisional": (False, [BATTERY | {"provisional": True}, declaration("voltaic:R")]),
    "a lot made late on the eve": (True, [
        BATTERY | {"time": "2026-12-31T23:59:59-08:00"}, declaration("voltaic:R"),
    ]),
    "a lot made early on the day after": (False, [
        BATTERY | {"time": "2027-01-01T00:00:00+14:00"}, declaration("voltaic:R"),
    ]),
    "a lot of no model": (False, [BATTERY | {"product": {"category": "sli"}}, declaration("voltaic:R")]),
    "a lot with a certificate of its own": (True, [BATTERY, declaration("voltaic:R"), {
        "type": "certify", "time": TIME, "site": "voltaic:works", "batch": "voltaic:R", "kind": "recycled-content",
        "number": "voltaic-RC-0001", "mass_mg": 30_000_000, "credential": "ef" * 32, "valid_until": "2027-03-31T09:00:00Z",
    }]),
}  # fmt: skip


@pytest.fixture(scope="module")
def line():
    works = Evidenced()
    works.alloy()
    works.log("voltaic/1", *assembled())
    return works


def appended(works: Evidenced, folder: Path, events: list[Raw]) -> tuple[str, str]:
    """Return what both say of an export of the log to which an operator added one record more, whatever the books say of it."""
    header = works.draft("voltaic/1", SITE).header
    made = {name: works.records[works.batch(name).fixed_at >> 8].id for name in works.memory.numbers}
    for item in events:
        for use in item.get("inputs", ()):
            use["made_by"] = made[use["batch"]]
    record = sign(header, [EVENT.validate_json(canonical.encode(item)) for item in events], signer("voltaic/1"))
    return audits(forgery(folder / "forged", [*(logged.note for logged in works.records), record.note]), works.trust)


@pytest.mark.parametrize("name", DECLARED)
def test_both_take_the_same_declarations(name, line, tmp_path):
    holds, events = DECLARED[name]
    here, there = appended(line, tmp_path, events)
    assert (here == "holds", there == "holds") == (holds, holds), (here, there)


def end(kind: str, **more: object) -> Raw:
    return {"type": kind, "time": TIME, "key": "voltaic/9", **more}


DATED = end("revoke", compromised_since=TIME)
ENDS: dict[str, tuple[bool, list[tuple[str, Raw]]]] = {
    "retired": (True, [("voltaic/1", end("retire"))]),
    "revoked by its party": (True, [("voltaic/1", end("revoke"))]),
    "revoked with a date": (True, [("voltaic/1", DATED)]),
    "revoked with a date by the registrar": (False, [("registrar/1", DATED)]),
    "revoked by another party": (False, [("keystone/1", end("revoke"))]),
    "retired twice": (False, [("voltaic/1", end("retire")), ("voltaic/1", end("retire"))]),
    "retired, then revoked": (False, [("voltaic/1", end("retire")), ("voltaic/1", end("revoke"))]),
    "retired, then revoked by the registrar": (False, [("voltaic/1", end("retire")), ("registrar/1", end("revoke"))]),
    "retired, then dated": (True, [("voltaic/1", end("retire")), ("voltaic/1", DATED)]),
    "retired, then dated by another party": (False, [("voltaic/1", end("retire")), ("keystone/1", DATED)]),
    "revoked by the registrar, then dated": (True, [("registrar/1", end("revoke")), ("voltaic/1", DATED)]),
    "revoked by the registrar, then retired": (False, [("registrar/1", end("revoke")), ("voltaic/1", end("retire"))]),
    "dated twice": (False, [("voltaic/1", DATED), ("voltaic/1", DATED)]),
    "retired, dated, dated": (False, [("voltaic/1", end("retire")), ("voltaic/1", DATED), ("voltaic/1", DATED)]),
}


@pytest.mark.parametrize("name", ENDS)
def test_both_end_the_same_keys(name, tmp_path):
    holds, steps = ENDS[name]
    works = Evidenced()
    works.log("voltaic/1", enrolment("voltaic", "9"))
    for key, raw in steps[:-1]:
        works.log(key, raw)
    key, raw = steps[-1]
    harmless = SITE if key == "voltaic/1" else admission("nobody") if key == "registrar/1" else registration("keystone", "works", "US")
    header = works.draft(key, harmless).header
    record = sign(header, [EVENT.validate_json(canonical.encode(raw))], signer(key))
    here, there = audits(forgery(tmp_path / "forged", [*(logged.note for logged in works.records), record.note]), works.trust)
    assert (here == "holds", there == "holds") == (holds, holds), (here, there)


DECLARE_FORMS: dict[str, tuple[bool, Raw]] = {
    "as it is": (True, {}),
    "a lot twice": (False, {"batches": ["voltaic:D1", "voltaic:D1"]}),
    "out of order": (False, {"batches": ["voltaic:D2", "voltaic:D1"]}),
    "no lot": (False, {"batches": []}),
    "1,000 lots": (True, {"batches": [f"voltaic:X{number:04d}" for number in range(1000)]}),
    "1,001 lots": (False, {"batches": [f"voltaic:X{number:04d}" for number in range(1001)]}),
    "a period backwards": (False, {"period": {"from": "2026-12-31", "to": "2026-01-01"}}),
    "a period of no day": (False, {"period": {"from": "2026-02-30", "to": "2026-12-31"}}),
    "an open period": (False, {"period": {"from": "2026-01-01", "to": None}}),
    "no mass": (False, {"mass_mg": 0}),
    "no model": (False, {"model": ""}),
    "a batch beside the lots": (False, {"batch": "voltaic:D1"}),
    "an owner": (False, {"owner": "voltaic"}),
    "documents": (True, {"documents": []}),
}


def taken(model: Callable[[bytes], object], value: Raw) -> bool:
    """Return whether a model of the program takes a value."""
    try:
        model(canonical.encode(value))
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("name", DECLARE_FORMS)
def test_both_take_the_same_forms_of_a_declaration(name):
    holds, changes = DECLARE_FORMS[name]
    item = declaration("voltaic:D1") | changes
    assert (taken(EVENT.validate_json, item), SECOND.is_event(item)) == (holds, holds)


def put_in(document: Any, path: str, value: object) -> None:
    """Change what stands at a dotted path, or take it away."""
    *way, last = (int(name) if name.isdigit() else name for name in path.split("."))
    for name in way:
        document = document[name]
    if value == "left out":
        del document[last]
    else:
        document[last] = value


def resigned(works: Evidenced, folder: Path, document: Raw, changes: Raw) -> tuple[str, str]:
    """Return what both say of a credential with changes, which its issuer registered and signed all the same."""
    raw, document = certify_raw(works.memory, document, time=TIME), json.loads(canonical.encode(document))
    for path, value in changes.items():
        put_in(document, path, value)
    works.log("voltaic/1", {**raw, "credential": hashlib.sha256(canonical.encode(document)).hexdigest()})
    document = proved(document, "voltaic/1")
    data = written(works.put(folder).evidence(document))
    trust, credential = works.trust.text().encode(), canonical.encode(document)
    return ours(data, trust, credential), theirs(data, trust, credential)


SUBJECT = "credentialSubject"
RESIGNED: dict[str, tuple[bool, Raw]] = {
    "as it is": (True, {}),
    "another model": (False, {f"{SUBJECT}.product.model": "Group 31"}),
    "another period": (False, {f"{SUBJECT}.period": {"from": "2026-01-01", "to": "2026-06-30"}}),
    "no period": (False, {f"{SUBJECT}.period": None}),
    "another plant": (False, {f"{SUBJECT}.plant.site": "keystone:works"}),
    "another country": (False, {f"{SUBJECT}.plant.country": "CA"}),
    "another mass": (False, {f"{SUBJECT}.mass_mg": 1}),
    "pieces": (False, {f"{SUBJECT}.pieces": 1}),
    "a batch": (False, {f"{SUBJECT}.batch": "voltaic:D1"}),
    "no batches": (False, {f"{SUBJECT}.product.batches": "left out"}),
    "one lot fewer": (False, {f"{SUBJECT}.product.batches": []}),
    "no product": (False, {f"{SUBJECT}.product": "left out"}),
    "another mass of a lot": (False, {f"{SUBJECT}.product.batches.0.mass_mg": 1}),
    "another day of a lot": (False, {f"{SUBJECT}.product.batches.0.made": "2026-03-03"}),
    "another category": (False, {f"{SUBJECT}.product.category": "ev"}),
    "no condition": (False, {f"{SUBJECT}.condition": None}),
    "another condition in the issuer's words": (True, {f"{SUBJECT}.condition": "dry"}),
    "a condition that is none": (False, {f"{SUBJECT}.condition": "damp"}),
    "another material": (False, {f"{SUBJECT}.material": "product"}),
    "something absorbed": (False, {f"{SUBJECT}.absorbs": ["voltaic-RC-0001"]}),
    "another custody model": (False, {f"{SUBJECT}.model": "segregated"}),
    "the type of a batch's certificate": (False, {"type": ["VerifiableCredential", "RecycledContentCertificate"]}),
    "another name": (False, {"name": "Recycled content certificate voltaic-RP-0001"}),
    "a nameless customer": (False, {f"{SUBJECT}.customer": ""}),
    "an order of 201 letters": (False, {f"{SUBJECT}.order": "o" * 201}),
    "reasons that are no list": (False, {f"{SUBJECT}.verdicts.0.reasons": "because"}),
}


@pytest.mark.parametrize("name", RESIGNED)
def test_both_say_the_same_of_a_declaration_that_was_signed_with(name, tmp_path):
    holds, changes = RESIGNED[name]
    works = Evidenced()
    works.alloy()
    works.log("voltaic/1", *assembled())
    request = Request("", "recycled-content", "voltaic-RP-0001", "Regulator", period=YEAR, lots=("voltaic:D1", "voltaic:D3"))
    here, there = resigned(works, tmp_path, works.built(request, party="voltaic"), changes)
    assert (here == "holds", there == "holds") == (holds, holds), (here, there)


UNLIKE: dict[str, tuple[Raw, Raw]] = {
    "nothing": ({}, {}),
    "parts": ({"parts": [{"part": "grid", "mass": kg("1")}]}, {}),
    "condition": ({"condition": "dry"}, {}),
    "category": ({"category": "ev"}, {}),
    "energy": ({"energy_wh": "15"}, {"energy_wh": "5"}),
    "components": ({"components": []}, {}),
    "a null": ({"net": None}, {}),
}


@pytest.mark.parametrize("name", UNLIKE)
@pytest.mark.parametrize("material", ["battery", "antimonial_lead"])
def test_both_judge_lots_alike_that_are_unlike_in(name, material, tmp_path):
    works, pack = Evidenced(), probes()
    works.book = own().with_pack(pack)
    for number, changes in enumerate(UNLIKE[name], 1):
        product = {key: value for key, value in (MODEL | changes).items() if key != "net"}
        item = received(product=product, private={"pathway": SEALED}, feedstock=["primary", "home_scrap"][number - 1])
        works.log("voltaic/1", {**item, "batch": f"voltaic:D{number}", "material": material if number == 1 else "battery"})
        works.log("voltaic/1", *determined(f"voltaic:D{number}", q_a=True, q_b=number == 1, **({"q_c": False} if number == 2 else {})))
    rules = tuple(sorted(name.removesuffix(".json") for name in pack))
    _, document = declare(works, "voltaic:D1", "voltaic:D2", kind="domestic-origin", rules=rules, book=works.book)
    works.put(tmp_path)
    data, credential, trust = written(works.evidence(document)), canonical.encode(document), works.trust.text().encode()
    assert (ours(data, trust, credential), theirs(data, trust, credential)) == ("holds", "holds")


# ---- Certifications of origin under the USMCA


USMCA_FORMS: dict[str, tuple[bool, Raw]] = {
    "as it is": (True, {}),
    **{f"no {name}": (False, {name: "left out"}) for name in SECOND.USMCA_ELEMENTS},
    **{f"an empty {name}": (False, {name: ""}) for name in SECOND.USMCA_ELEMENTS},
    "another field": (False, {"more": 1}),
    "no language": (True, {"language": "left out"}),
    "another language": (False, {"language": "de"}),
    "another capacity": (False, {"certifier_capacity": "broker"}),
    "a certifier without a title": (False, {"certifier.title": None}),
    "a certifier without a name": (False, {"certifier.name": ""}),
    "a certifier of no country": (False, {"certifier.country": "UK"}),
    "a certifier who is said elsewhere": (False, {"certifier": "same as certifier"}),
    "an exporter without a title": (True, {"exporter": {**CONTACT, "title": None}}),
    "an exporter who is unknown": (False, {"exporter": "unknown"}),
    "various producers": (True, {"producer": "various"}),
    "an importer who is unknown": (True, {"importer": "unknown"}),
    "various importers": (False, {"importer": "various"}),
    "an importer without email": (False, {"importer.email": "left out"}),
    "a heading of four digits": (False, {"goods.hs": "7801"}),
    "a heading without a dot": (False, {"goods.hs": "780110"}),
    "goods without a description": (False, {"goods.description": ""}),
    "a criterion beyond D": (False, {"origin_criterion": "E"}),
    "twelve months": (True, {"blanket_period": {"from": "2026-03-01", "to": "2027-02-28"}}),
    "a day more": (False, {"blanket_period": {"from": "2026-03-01", "to": "2027-03-01"}}),
    "a leap year": (True, {"blanket_period": {"from": "2024-02-29", "to": "2025-02-28"}}),
    "a period backwards": (False, {"blanket_period": {"from": "2026-03-02", "to": "2026-03-01"}}),
    "one day": (True, {"blanket_period": {"from": "2026-03-01", "to": "2026-03-01"}}),
    "neither period nor invoice": (False, {"blanket_period": None}),
    "an invoice without a period": (True, {"blanket_period": None, "goods.invoice": "I-1"}),
    "no period and an empty invoice": (False, {"blanket_period": None, "goods.invoice": ""}),
    "a signature without a title": (False, {"authorized_signature.title": "left out"}),
}


@pytest.mark.parametrize("name", USMCA_FORMS)
def test_both_take_the_same_certifications(name):
    holds, changes = USMCA_FORMS[name]
    item = json.loads(canonical.encode(CERTIFICATION))
    for path, value in changes.items():
        put_in(item, path, value)
    assert (taken(Usmca.model_validate_json, item), SECOND.is_usmca(item)) == (holds, holds)


CERTIFIED: dict[str, tuple[bool, Raw]] = {
    "as it is": (True, {}),
    "null": (False, {"usmca": None}),
    "left out": (False, {"usmca": "left out"}),
    "a blank element": (False, {"usmca.certifier.name": ""}),
    "another criterion": (True, {"usmca.origin_criterion": "B"}),
    "an invoice": (True, {"usmca.blanket_period": None, "usmca.goods.invoice": "I-1"}),
    "no verdict on what is wholly obtained": (False, {"verdicts.0": "left out"}),
    "no verdict on its completeness": (False, {"verdicts.1": "left out"}),
    "another verdict on what is wholly obtained": (False, {"verdicts.0.verdict": "FAIL", "verdicts.0.would_be": "FAIL"}),
    "another verdict on its completeness": (False, {"verdicts.1.verdict": "INDETERMINATE", "verdicts.1.would_be": "INDETERMINATE"}),
}
NORTH = {"collected_in": ["CA", "US"], "smelted_in": "US", "refined_in": "MX"}
WHOLLY = ("usmca.wo.pb", "usmca.certification")


def certification(works: Evidenced, places: Raw, criterion: str) -> Raw:
    """Return the unsigned certificate of lead with a certification of origin."""
    works.log("voltaic/1", {**received(places=places, feedstock="end_of_life"), "material": "soft_lead"})
    usmca = Usmca.model_validate_json(canonical.encode({**CERTIFICATION, "origin_criterion": criterion}))
    request = works.request("voltaic:R", "domestic-origin", party="voltaic", rules=WHOLLY, book=own(), usmca=usmca)
    return works.built(request, party="voltaic")


@pytest.mark.parametrize("name", CERTIFIED)
def test_both_say_the_same_of_a_certification_that_was_signed_with(name, tmp_path):
    holds, changes = CERTIFIED[name]
    works = Evidenced()
    document = certification(works, NORTH, "A")
    here, there = resigned(works, tmp_path, document, {f"{SUBJECT}.{path}": value for path, value in changes.items()})
    assert (here == "holds", there == "holds") == (holds, holds), (here, there)


@pytest.mark.parametrize("places", [{"collected_in": "CN"}, {}, {**NORTH, "refined_in": "CN"}])
@pytest.mark.parametrize("criterion", ["A", "B", "C", "D"])
def test_neither_takes_criterion_a_for_what_is_not_wholly_obtained(places, criterion, tmp_path):
    works = Evidenced()
    document = certification(works, places, "B")
    here, there = resigned(works, tmp_path, document, {f"{SUBJECT}.usmca.origin_criterion": criterion})
    assert (here == "holds", there == "holds") == (criterion != "A", criterion != "A"), (here, there)


# ---- Forms of rules


COST = next(rule for rule in BOOK if rule["measure"] == "cost_share")
SHARE = next(rule for rule in BOOK if rule["measure"] == "mass_share" and rule["operator"] == ">=" and isinstance(rule["threshold"], str))
PAPERS_RULE, FACTS_RULE, VALUE = (
    next(rule for rule in BOOK if rule["measure"] == name) for name in ("completeness", "limits", "value_share")
)
STEPS = [{"from": None, "to": "2026-12-31", "percent": "5"}, {"from": "2027-01-01", "to": None, "percent": "9"}]
RULE_FORMS: dict[str, tuple[bool, Raw, Raw]] = {
    "an unknown key": (False, SHARE, {"more": 1}),
    "no key of those that must stand": (False, SHARE, {"confidence": "left out"}),
    "an operator of another measure": (False, SHARE, {"operator": "flag"}),
    "another operator of its measure": (True, SHARE, {"operator": "=="}),
    "a report with a threshold": (False, SHARE, {"operator": "report"}),
    "a report": (True, SHARE, {"operator": "report", "threshold": None}),
    "no threshold": (False, SHARE, {"threshold": None}),
    "a threshold that is a number": (False, SHARE, {"threshold": 5}),
    "steps": (True, SHARE, {"threshold": STEPS}),
    "no steps": (False, SHARE, {"threshold": []}),
    "countries and countries left out": (False, SHARE, {"countries": ["US"], "excluded": ["CN"]}),
    "countries left out": (True, SHARE, {"countries": [], "excluded": ["CN"]}),
    "a country that is none": (False, SHARE, {"countries": ["UK"]}),
    "no numerator": (False, SHARE, {"numerator": []}),
    "a term of no class": (False, SHARE, {"numerator": [{"classes": []}]}),
    "a term of a weight": (True, SHARE, {"numerator": [{"weight": "33.3"}]}),
    "a term of a null weight": (False, SHARE, {"numerator": [{"weight": None}]}),
    "an id of one word": (False, SHARE, {"id": "word"}),
    "an id of six words": (False, SHARE, {"id": "a.b.c.d.e.f"}),
    "an id with a dash": (False, SHARE, {"id": "a-b.c"}),
    "an id with a word of 33": (False, SHARE, {"id": "a." + "b" * 33}),
    "a version that is no token": (False, SHARE, {"version": "é"}),
    "a title of two lines": (False, SHARE, {"title": "a\nb"}),
    "a title of 1,001": (False, SHARE, {"title": "t" * 1001}),
    "a title with a space at its end": (True, SHARE, {"title": "t "}),
    "elements of none": (False, SHARE, {"elements": []}),
    "an element of three letters, one a digit": (False, SHARE, {"elements": ["P4"]}),
    "places that are none": (False, SHARE, {"facts": ["sold_in"]}),
    "limits with a share of masses": (False, SHARE, {"limits": FACTS_RULE["limits"]}),
    "components with a share of masses": (False, SHARE, {"components": {"by": "place"}}),
    "no limits": (False, FACTS_RULE, {"limits": []}),
    "no fields": (False, PAPERS_RULE, {"fields": []}),
    "no methods": (False, VALUE, {"methods": "left out"}),
    "a share of value with a threshold": (False, VALUE, {"threshold": "5"}),
    "no components": (False, COST, {"components": None}),
    "components by place of an entity": (False, COST, {"components": {"by": "place", "entity": "feoc"}}),
    "components by no entity": (False, COST, {"components": {"by": "entity"}}),
    "a condition of two": (False, SHARE, {"conditions": [{"place": "mined_in", "question": "q"}]}),
    "a screen without an entity": (False, SHARE, {"conditions": [{"screened": "assembler_screened"}]}),
    "seven places": (False, SHARE, {"printed_places": 7}),
    "a day that does not exist": (False, SHARE, {"effective_from": "2026-02-30"}),
}


@pytest.mark.parametrize("name", RULE_FORMS)
def test_both_take_the_same_rules(name, tmp_path):
    holds, rule, changes = RULE_FORMS[name]
    item = {key: value for key, value in {**rule, "id": "outsider.rule", **changes}.items() if value != "left out"}
    assert (taken(Rule.model_validate_json, item), SECOND.is_rule(item)) == (holds, holds)
    if not holds:
        digest = hashlib.sha256(canonical.encode(item)).hexdigest()
        changed = {"rule": item["id"], "rule_sha256": digest}
        assert "holds" not in quoting(tmp_path, [ORIGIN_RULE], lines=[item], **changed)


def test_both_take_the_same_rules_with_random_values_in_them():
    dice, found = random.Random(52), set()
    keys = sorted({key for rule in BOOK for key in rule})
    values = [value for rule in BOOK for value in rule.values()] + [None, "", [], {}, 0, True, "x", ["x"], [None], "101", " x"]
    for _ in range(4_000):
        item = json.loads(canonical.encode(dice.choice(BOOK)))
        for _ in range(dice.randint(1, 2)):
            item[dice.choice(keys)] = dice.choice(values)
        here, there = taken(Rule.model_validate_json, item), SECOND.is_rule(item)
        assert here == there, item
        found.add(here)
    assert found == {True, False}


# ---- Random lots judged by random rules


def lot_of(case: judged.Case) -> object:
    """Return a random lot as the second verifier holds it."""

    def stocks(raw: judged.Stocks) -> dict[str, dict[object, int]]:
        return {
            name: {SECOND.Source(feedstock, places, answers=answers): mass for (feedstock, places, answers), mass in portions.items()}
            for name, portions in raw.items()
        }

    made = (case.material, case.product or {}, case.answers, frozenset(case.supplied))
    return SECOND.Lot(stocks(case.booked), stocks(case.whole), case.gross, *made)


def shares_of(case: judged.Case) -> tuple[int, int, int]:
    """Return what counts of a random lot, that with what is open, and the whole, as the second verifier finds them."""
    found: tuple[int, int, int] = SECOND.Case(case.rule, lot_of(case), date.fromisoformat(case.day)).shares()
    return found


def agree(case: judged.Case) -> str:
    """Return what a verdict would be, on which both agree."""
    here, there = judged.first(case), SECOND.verdict_of(case.rule, lot_of(case), date.fromisoformat(case.day))
    assert here == there, case
    return here[1]


MEASURES = sorted({rule["measure"] for rule in BOOK})


@pytest.mark.slow
def test_both_judge_random_lots_alike_by_every_rule_of_the_book():
    dice, found = random.Random(51), set()
    for rule in BOOK:
        found |= {(rule["measure"], agree(judged.random_case(dice, rule, shares_of))) for _ in range(100)}
    wanted = {(measure, verdict) for measure in MEASURES for verdict in ("PASS", "FAIL", "INDETERMINATE")} - {("flag", "INDETERMINATE")}
    assert wanted - found == set()


@settings(max_examples=400)
@given(seed=st.integers(0, 2**64), rule=st.sampled_from(BOOK), changes=st.integers(0, 8))
def test_both_judge_random_lots_alike_by_rules_with_random_changes(seed, rule, changes):
    dice = random.Random(seed)
    for _ in range(20):
        agree(judged.random_case(dice, judged.changed(dice, rule, changes), shares_of))


@pytest.mark.parametrize("operator", [">=", ">", "=="])
@pytest.mark.parametrize("off", [-1, 0, 1])
def test_both_see_one_milligram_at_the_threshold(operator, off):
    source: judged.Kind = ("end_of_life", (), ())
    other: judged.Kind = ("primary", (), ())
    for rule in BOOK:
        if rule["measure"] != "mass_share" or rule["operator"] != ">=" or not isinstance(rule["threshold"], str):
            continue
        element = "Pb" if "ALL" in rule["elements"] else rule["elements"][0]
        counting = int(Fraction(rule["threshold"]) * 10**6) + off
        booked: judged.Stocks = {element: {source: counting, other: max(10**8 - counting, 0)}}
        case = judged.Case({**rule, "operator": operator}, booked, {}, 10**8, "battery", None, {}, [], "2037-01-01")
        agree(case)


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


@pytest.mark.slow
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


@pytest.mark.slow
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
