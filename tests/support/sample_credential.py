"""A signed credential as a certificate carries it, for the tests of reports: the right shape, a made-up signature."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

LEDGER = "5f0c6c1f6a3e0d9b7c44a1e28d0b93f7e6a25c8d1f4b3a7960c2d8e7f1a4b5c6"
ROOT = "9a1be27c30d4f58691a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f70a"
DID = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"
CUSTOMER = "Grünwald & Söhne <Monterrey>"

LEAD_MG = 15_456_789_012
ANTIMONY_MG = 183_702_118


def percent(mass_mg: int, of_mg: int) -> str:
    whole, digits = divmod(mass_mg * 10_000 // of_mg, 100)
    return f"{whole}.{digits:02d}"


def claim(constituent: str, characteristic: str, mass_mg: int, of_mg: int) -> dict[str, Any]:
    return {
        "constituent": constituent,
        "characteristic": characteristic,
        "mass_mg": mass_mg,
        "of_mg": of_mg,
        "percent": percent(mass_mg, of_mg),
    }


def portion(feedstock: str, places: dict[str, list[str]], mass_mg: int, *, documented: bool = True) -> dict[str, Any]:
    return {"feedstock": feedstock, "places": places, "mass_mg": mass_mg, "documented": documented}


def claims(constituent: str, classes: dict[str, int], places: dict[str, int]) -> list[dict[str, Any]]:
    of_mg = sum(classes.values())
    post = classes["end_of_life"] + classes["distribution_return"]
    pre = classes["pre_consumer_external"]
    waste = post + pre + classes["pre_consumer_internal"]
    sums = {"post_consumer": post, "pre_consumer": pre, "recycled_content": post + pre, "recovered_from_waste": waste}
    return [claim(constituent, name, mass_mg, of_mg) for name, mass_mg in {**classes, **sums, **places}.items()]


def split(total: int, **per_million: int) -> dict[str, int]:
    """Share a mass by parts per million; what is left over is unknown, and every feedstock class is there."""
    names = ("end_of_life", "distribution_return", "pre_consumer_external", "pre_consumer_internal", "home_scrap", "by_product", "primary")
    found = {name: total * per_million.get(name, 0) // 1_000_000 for name in names}
    return {**found, "unknown": total - sum(found.values())}


def verdict(rule: str, title: str, citation: str, outcome: str, reasons: list[str]) -> dict[str, Any]:
    return {
        "rule": rule,
        "rule_version": "1",
        "rule_sha256": "3c" * 32,
        "title": title,
        "citation": citation,
        "verdict": outcome,
        "would_be": outcome if outcome != "NOT_YET_IN_FORCE" else "PASS",
        "reasons": reasons,
        "as_of": "2026-03-31",
    }


RECYCLED = [
    verdict(
        "iso14021.rc_pb",
        "Recycled content of lead",
        "ISO 14021:2016, 7.8.1.1",
        "PASS",
        ["recycled content of lead is 97.28 %, home scrap not counted"],
    ),
    verdict(
        "ftc.260_13.qualified",
        "Qualified recycled-content claim",
        "16 CFR 260.13(c)",
        "INDETERMINATE",
        ["whether the pre-consumer material was diverted from the waste stream needs a determination by a named person"],
    ),
    verdict(
        "eu.2023_1542.art8_2_pb",
        "Minimum share of lead recovered from waste",
        "Regulation (EU) 2023/1542, Article 8(2)(a)",
        "NOT_YET_IN_FORCE",
        ["97.28 % of the lead is recovered from waste, want at least 85 %", "in force from 2031-08-18"],
    ),
]
ORIGIN = [
    verdict("usmca.wo.pb", "Wholly obtained lead", "USMCA, Article 4.3", "FAIL", ["0.61 % of the lead is primary and mined in AU"]),
    verdict("ftc.musa_323", "Made in USA", "16 CFR 323.2", "INDETERMINATE", ["'all or virtually all' is for a named person to determine"]),
    verdict("ntib.origin", "National technology and industrial base", "10 USC 4801(1)", "PASS", ["every known place is in US or CA"]),
    verdict("cn.mofcom46.sb", "Chinese antimony", "MOFCOM notice 46 of 2024", "PASS", ["no antimony was mined or smelted in CN"]),
]


def subject(kind: str) -> dict[str, Any]:
    lead = split(LEAD_MG, end_of_life=922_990, pre_consumer_external=49_860, home_scrap=4_200, primary=6_100)
    antimony = split(ANTIMONY_MG, end_of_life=711_300, pre_consumer_external=31_200, primary=201_400)
    lead_places = {
        "collected_in:US": LEAD_MG * 89 // 100,
        "collected_in:MX": LEAD_MG * 33 // 1000,
        "smelted_in:US": LEAD_MG * 958 // 1000,
        "smelted_in:US+unknown": LEAD_MG * 42 // 1000,
    }
    return {
        "number": "voltaic-RC-0001",
        "kind": kind,
        "batch": "voltaic:BAT-26-0331",
        "material": "battery",
        "mass_mg": 24_493_987_980,
        "pieces": 1500,
        "customer": CUSTOMER,
        "model": "controlled_blending",
        "order": "PO 4711",
        "period": {"from": "2026-01-01", "to": "2026-03-31"},
        "plant": {"site": "voltaic:dayton", "name": "Dayton plant", "country": "US"},
        "condition": "wet",
        "denominator": "contained mass of each constituent in the batch",
        "lot_assay": {"Pb": {"value": "63.1", "unit": "%"}, "Sb": {"value": "0.75", "unit": "%"}},
        "claims": claims("Pb", lead, lead_places) + claims("Sb", antimony, {"smelted_in:US": ANTIMONY_MG * 74 // 100}),
        "portions": {
            "Pb": [
                portion(
                    name, {"collected_in": ["US"], "smelted_in": ["US"]} if name == "end_of_life" else {"smelted_in": ["US", "unknown"]}, mg
                )
                for name, mg in lead.items()
                if mg
            ],
            "Sb": [portion(name, {"smelted_in": ["US"]}, mg, documented=name != "unknown") for name, mg in antimony.items() if mg],
        },
        "balance": [
            {
                "record": "c7" * 32,
                "site": "keystone:reading",
                "kind": "smelt",
                "constituent": "Pb",
                "residual_mg": 41_820_113,
                "bound_mg": 96_411_870,
                "unknown_mg": 0,
            },
            {
                "record": "d4" * 32,
                "site": "keystone:reading",
                "kind": "refine",
                "constituent": "Sb",
                "residual_mg": -812_440,
                "bound_mg": 2_104_300,
                "unknown_mg": 812_440,
            },
        ],
        "evidence_share": {"Pb": {"mass_mg": LEAD_MG * 97 // 100, "of_mg": LEAD_MG, "percent": percent(LEAD_MG * 97 // 100, LEAD_MG)}},
        "absorbs": ["keystone-RC-0007"],
        "not_assayed": {"Sb": 1200},
        "not_checked": [
            "The weights and assays were stated by the parties that signed them; nobody weighed again for this certificate.",
            "Chain of custody outside this ledger was not checked.",
        ],
        "verdicts": deepcopy(RECYCLED if kind == "recycled-content" else ORIGIN),
    }


def credential(kind: str = "recycled-content", **changes: Any) -> dict[str, Any]:
    """A fresh credential; keyword arguments replace fields of the credential subject."""
    recycled = kind == "recycled-content"
    return {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "id": f"urn:plumbline:{LEDGER}:voltaic-RC-0001",
        "type": ["VerifiableCredential", "RecycledContentCertificate" if recycled else "DomesticOriginCertificate"],
        "name": f"{'Recycled content' if recycled else 'Domestic origin'} certificate voltaic-RC-0001",
        "issuer": {"id": DID, "name": "Voltaic Batteries, Inc.", "party": "voltaic"},
        "validFrom": "2026-03-31T00:00:00Z",
        "validUntil": "2027-03-31T00:00:00Z",
        "basis": {"ledger": LEDGER, "origin": "ledger.example/lead", "size": 812, "root": ROOT},
        "credentialSubject": {**subject(kind), **changes},
        "proof": {
            "type": "DataIntegrityProof",
            "cryptosuite": "eddsa-jcs-2022",
            "created": "2026-03-31T12:00:00Z",
            "verificationMethod": f"{DID}#{DID.removeprefix('did:key:')}",
            "proofPurpose": "assertionMethod",
            "proofValue": "z5LC9hzHmZK4xYEZHX9gqZ2DTNDmYRSUXHfGJYvTvPkbYLQBWw3hKuUHnAd7m8FpGvXNZ3L5dAqDWQzfh6kDxyJ2e",
        },
    }


def with_portions(count: int) -> dict[str, Any]:
    """A credential whose lead comes in this many portions."""
    many = [
        portion("end_of_life", {"collected_in": ["US", "MX"], "smelted_in": [f"{chr(65 + at % 26)}A"]}, LEAD_MG // count)
        for at in range(count)
    ]
    return credential(portions={"Pb": many, "Sb": []})
