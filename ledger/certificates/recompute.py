"""A certificate checked against the books: registered in them, computed again from them, and as it stands today.

Checks raise and return nothing to forget; only `check_current` returns sentences, for what came later does not make a certificate wrong
when it was issued.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from ledger.certificates.certificate import Basis, Issuer, Request, build
from ledger.certificates.credential import digest as digest_of
from ledger.certificates.credential import read_credential, without_proof
from ledger.certified import status
from ledger.declared import lots_of
from ledger.errors import CertificateError, FormatError, LedgerError, UnknownError, grams
from ledger.keys import public_key_of_did
from ledger.lineage import together, upstream
from ledger.memory import Memory
from ledger.rules.book import Book, own
from ledger.tlog import canonical
from ledger.view import Claim, KeyFacts, View
from schemas.event import Days
from schemas.rule import Kind
from schemas.usmca import Usmca

MAX_CHANGES = 20
"""How many changed figures a caution lists."""

_SHOWN = 200


def recompute(view_before: View, claim: Claim, document: Mapping[str, Any], *, book: Book | None = None) -> None:
    """Derive a certificate again and compare every field of it, except what its issuer states freely.

    Taken from the document are issuer, basis and validity (`check_registered` looks at those), customer, order, period and condition, and
    which rules it was judged by; everything that follows from the records is computed.

    Args:
        view_before: The books just before the `certify` event: every record before its own, and the events before it in its own.
        claim: What that event says.
        document: The credential, with or without its proof.
        book: The rules to judge by; without it those of this program.

    Raises:
        CertificateError: A field does not follow from the records; the first one is named by its path.
        FormatError: It is no credential.
    """
    rebuilt = _rebuilt(view_before, claim, document, book or own())
    claimed = {name: value for name, value in document.items() if name != "proof"}
    first = next(_differences(claimed, rebuilt), None)
    if first is None:
        return
    path, said, found = first
    if path[:2] == ("credentialSubject", "claims") and len(path) == 4:  # noqa: PLR2004 - claims, its number, a field
        said, found = (_row(whole["credentialSubject"]["claims"][int(path[2])]) for whole in (claimed, rebuilt))
    raise CertificateError(f"certificate {claim.number}", path=".".join(path), claimed=said, recomputed=found)


def _rebuilt(view: View, claim: Claim, document: Mapping[str, Any], book: Book) -> dict[str, Any]:
    """Return the credential as this view gives it."""
    subject, issuer, basis = (_inside(document, name) for name in ("credentialSubject", "issuer", "basis"))
    request = Request(
        batch=claim.batch,
        kind=cast("Kind", claim.kind),
        number=claim.number,
        customer=_text(subject, "credentialSubject", "customer"),
        rules=_rules(claim, subject, book),
        order=subject.get("order"),
        period=_inside(subject, "period", of="credentialSubject.") if subject.get("period") is not None else None,
        condition=subject.get("condition"),
        lots=claim.batches,
        beside=claim.beside,
        usmca=None if subject.get("usmca") is None else Usmca.model_validate(subject["usmca"]),
        book=book,
    )
    try:
        return build(
            view,
            request,
            issuer=Issuer(_text(issuer, "issuer", "id"), _text(issuer, "issuer", "name"), _text(issuer, "issuer", "party")),
            basis=Basis(
                _text(basis, "basis", "ledger"),
                _text(basis, "basis", "origin"),
                cast("int", basis.get("size")),
                _text(basis, "basis", "root"),
            ),
            issued=_text(document, "", "validFrom"),
            valid_until=_text(document, "", "validUntil"),
            at=claim.position,
        )
    except UnknownError as error:
        raise CertificateError(f"certificate {claim.number} cannot be computed again: {error}") from error


def _rules(claim: Claim, subject: Mapping[str, Any], book: Book) -> tuple[str, ...]:
    """Return the rules that a certificate says it was judged by."""
    rows = subject.get("verdicts")
    names = [str(row.get("rule")) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    for number, name in enumerate(names):
        try:
            book.load(name)
        except UnknownError:
            path = f"credentialSubject.verdicts.{number}.rule"
            raise CertificateError(f"certificate {claim.number} is judged by {_value(name)}, no rule of this program", path=path) from None
    return tuple(names)


def _inside(whole: Mapping[str, Any], name: str, *, of: str = "") -> Mapping[str, Any]:
    found = whole.get(name)
    if not isinstance(found, dict):
        raise FormatError("is not an object", field=of + name)
    return found


def _text(whole: Mapping[str, Any], of: str, name: str) -> str:
    found = whole.get(name)
    if not isinstance(found, str):
        raise FormatError("is not text", field=f"{of}.{name}".strip("."))
    return found


_ABSENT = object()


def _differences(claimed: object, rebuilt: object) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Yield where two JSON values differ, depth first: path, what is claimed, what is computed. 1 and true are two values."""
    waiting: list[tuple[tuple[str, ...], object, object]] = [((), claimed, rebuilt)]
    while waiting:
        place, here, there = waiting.pop()
        if isinstance(here, dict) and isinstance(there, dict):
            names = [*there, *(name for name in here if name not in there)]
            waiting += [((*place, str(name)), here.get(name, _ABSENT), there.get(name, _ABSENT)) for name in reversed(names)]
        elif isinstance(here, list) and isinstance(there, list):
            numbers = reversed(range(max(len(here), len(there))))
            waiting += [((*place, str(number)), _at(here, number), _at(there, number)) for number in numbers]
        elif type(here) is not type(there) or here != there:
            yield place, _value(here), _value(there)


def _at(items: list[object], number: int) -> object:
    return items[number] if number < len(items) else _ABSENT


def _row(row: Mapping[str, Any]) -> str:
    """Return a claim as a sentence shows it."""
    share = (
        f"{row.get('percent')} % of {row.get('constituent')} {row.get('characteristic')} ({row.get('mass_mg')} mg of {row.get('of_mg')} mg"
    )
    return share + (f", booked {row['booked_mg']} mg)" if "booked_mg" in row else ")")


def _value(value: object) -> str:
    if value is _ABSENT:
        return "nothing"
    text = f"{value!r}"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def check_registered(view: View, document: Mapping[str, Any], digest: str) -> Claim:
    """Check that a credential is the one that its issuer registered in this ledger.

    1. Its digest is `digest`, and the `certify` event of its number names it.
    2. That event says the same of kind, batch, mass, issuer and validity, and the issuer's name is the one it was admitted under.
    3. Its basis is this ledger, before that event.
    4. Its proof names a key of the issuer that was enrolled with scope certify and active at that index. The signature itself is
       `ledger.certificates.credential.verify_proof`'s to check.

    Raises:
        CertificateError: Any of this does not hold.
        FormatError: It is no credential.
    """
    subject, issuer, basis = (_inside(document, name) for name in ("credentialSubject", "issuer", "basis"))
    number = _text(subject, "credentialSubject", "number")
    if digest_of(document) != digest:
        raise CertificateError(f"certificate {number} has the digest {digest_of(document)}, not {digest}")
    claim = view.claim(number)
    if claim is None:
        raise CertificateError(f"certificate {number} is not registered in this ledger: no record certifies under this number")
    index = claim.position >> 8
    if claim.credential != digest:
        raise CertificateError(
            f"certificate {number} is not registered in this ledger: record {index} registers {claim.credential}, not {digest}"
        )
    admitted, facts = view.party(claim.party), view.facts
    root = view.root_at(basis["size"]) if isinstance(basis.get("size"), int) and 0 < basis["size"] <= view.size else None
    for path, said, want in (
        ("credentialSubject.kind", subject.get("kind"), claim.kind),
        *_of_lots(subject, claim),
        ("credentialSubject.mass_mg", subject.get("mass_mg"), claim.mass_mg),
        ("validUntil", document.get("validUntil"), claim.valid_until),
        ("issuer.party", issuer.get("party"), claim.party),
        ("issuer.name", issuer.get("name"), admitted.name if admitted else None),
        ("basis.ledger", basis.get("ledger"), facts.ledger_id if facts else None),
        ("basis.origin", basis.get("origin"), facts.origin if facts else None),
        ("basis.root", basis.get("root"), root.hex() if root else basis.get("root")),
    ):
        if said != want:
            raise CertificateError(f"certificate {number} says {_value(said)}, this ledger {_value(want)}", path=path)
    if not isinstance(basis.get("size"), int) or not 0 < basis["size"] <= index:
        raise CertificateError(
            f"certificate {number} rests on a log of {_value(basis.get('size'))} records, it was registered as record {index}",
            path="basis.size",
        )
    _check_key(view, claim, document)
    return claim


def _of_lots(subject: Mapping[str, Any], claim: Claim) -> list[tuple[str, object, object]]:
    """Return which lots a certificate says that it is about, and which its record says."""
    batch = ("credentialSubject.batch", subject.get("batch"), claim.batch if claim.lots == (claim.batch,) else None)
    if claim.beside:
        return [batch, ("credentialSubject.shipment", _named(subject.get("shipment")), list(claim.lots))]
    if not claim.batches:
        return [batch]
    product = _inside(subject, "product", of="credentialSubject.")
    return [
        batch,
        ("credentialSubject.product.batches", _named(product.get("batches")), list(claim.batches)),
        ("credentialSubject.product.model", product.get("model"), claim.model),
        ("credentialSubject.plant.site", _inside(subject, "plant", of="credentialSubject.").get("site"), claim.site),
        ("credentialSubject.period", subject.get("period"), dict(zip(("from", "to"), claim.period, strict=True))),
    ]


def _named(rows: object) -> list[object] | None:
    """Return the batches that rows name."""
    return [row.get("batch") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else None


def _check_key(view: View, claim: Claim, document: Mapping[str, Any]) -> None:
    """Check that the key of the proof might sign for the issuer when the certificate was registered."""
    proof = document.get("proof")
    if not isinstance(proof, dict):
        raise CertificateError(f"certificate {claim.number} has no proof")
    index = claim.position >> 8
    facts = _proof_key(view, document)
    if facts is None or facts.party != claim.party:
        raise CertificateError(f"the proof of certificate {claim.number} is by a key that {claim.party} did not enrol in this ledger")
    if "certify" not in facts.scopes:
        raise CertificateError(f"key {facts.name} may sign {', '.join(facts.scopes)}; certificate {claim.number} needs certify")
    if facts.enrolled > index or (facts.ended is not None and facts.ended <= index):
        life = f"from record {facts.enrolled}" + ("" if facts.ended is None else f" to {facts.ended}")
        raise CertificateError(f"key {facts.name} was active {life}, certificate {claim.number} was registered as record {index}")


def _proof_key(view: View, document: Mapping[str, Any]) -> KeyFacts | None:
    """Return the enrolled key that a proof names, None where nobody enrolled it."""
    proof = document.get("proof")
    method = proof.get("verificationMethod") if isinstance(proof, dict) else None
    try:
        public = public_key_of_did(str(method).partition("#")[0])
    except LedgerError:
        return None
    name = view.key_of(public.hex())
    return None if name is None else view.key(name)


def check_current(
    view: View, claim: Claim, document: Mapping[str, Any], *, as_of: str | None = None, book: Book | None = None
) -> list[str]:
    """Return cautions: what became of a registered certificate since, as far as this view goes.

    It was withdrawn, superseded, absorbed by its issuer's own use, has expired as of a date; a correction changed what it rests on, then
    old and new figures are given; a key that signed it or a record upstream was revoked.

    Args:
        view: The books as they stand now.
        claim: As `check_registered` gave it.
        document: The credential.
        as_of: A date.
        book: The rules to judge by; without it those of this program.

    Raises:
        FormatError, EncodingError: It is no credential.
    """
    read_credential(canonical.encode(without_proof(document)))  # of a vc+jwt there is no proof to read
    state, sentence = status(view, claim, as_of=as_of)
    cautions = [] if state == "valid" else [f"certificate {claim.number} {sentence}"]
    return [*cautions, *_left_out(view, claim), *_corrected(view, claim, document, book or own()), *_revoked(view, claim, document)]


def _left_out(view: View, claim: Claim) -> list[str]:
    """Return the lots of a product that a certificate over it does not speak of; a partial view cannot say."""
    if not claim.batches or not isinstance(view, Memory) or view.scope is not None:
        return []
    first, last = claim.period
    days = Days.model_validate({"from": first, "to": last})
    others = sorted(set(lots_of(view, view.numbers, site=claim.site, model=claim.model, period=days)) - set(claim.batches))
    if not others:
        return []
    left = f"{len(others)} lot{'s' if len(others) > 1 else ''} of {claim.model}"
    return [f"certificate {claim.number} leaves out {left} made at {claim.site} from {first} to {last}, the first {others[0]}"]


def _corrected(view: View, claim: Claim, document: Mapping[str, Any], book: Book) -> list[str]:
    """Return what today's books say otherwise than the certificate."""
    try:
        today = _rebuilt(view, claim, document, book)["credentialSubject"]
    except LedgerError as error:
        return [f"certificate {claim.number} cannot be computed from today's books: {error}"]
    subject = document["credentialSubject"]
    lines = []
    if subject.get("mass_mg") != today["mass_mg"]:
        lines.append(f"its mass was {grams(subject['mass_mg'])}, is today {grams(today['mass_mg'])}")
    old, new = ({(row["constituent"], row["characteristic"]): row for row in rows} for rows in (subject["claims"], today["claims"]))
    for name in [*new, *(name for name in old if name not in new)]:
        before, after = old.get(name), new.get(name)
        if before != after:
            lines.append(f"{' '.join(name)} was {_share(before)}, is today {_share(after)}")
    verdicts = {row["rule"]: row["verdict"] for row in subject["verdicts"]}
    lines += [
        f"rule {row['rule']} said {verdicts[row['rule']]}, says {row['verdict']} with today's figures"
        for row in today["verdicts"]
        if verdicts.get(row["rule"], row["verdict"]) != row["verdict"]
    ]
    if len(lines) > MAX_CHANGES:
        lines = [*lines[:MAX_CHANGES], f"{len(lines) - MAX_CHANGES} more changes"]
    return [f"corrected since certificate {claim.number} was issued: {line}" for line in lines]


def _share(row: Mapping[str, Any] | None) -> str:
    return "not stated" if row is None else f"{row['percent']} % ({row['mass_mg']} mg of {row['of_mg']} mg)"


def _revoked(view: View, claim: Claim, document: Mapping[str, Any]) -> list[str]:
    """Return the keys behind a certificate that are revoked today."""
    signed: dict[str, str] = {}
    walk = together([upstream(view, name, before=claim.position) for name in claim.lots])
    for index in sorted({(view.maker(name) or 0) >> 8 for name in walk.batches}):
        signed.setdefault(view.signer(index), f"which signed record {index} upstream")
    signed[view.signer(claim.position >> 8)] = f"which registered certificate {claim.number}"
    proof = _proof_key(view, document)
    if proof is not None:
        signed[proof.name] = f"which signed certificate {claim.number}"
    cautions = []
    for name, what in sorted(signed.items()):
        facts = view.key(name)
        if facts is not None and facts.revoked is not None:
            since = f", compromised since {facts.compromised_since}" if facts.compromised_since else ""
            cautions.append(f"key {name}, {what}, was revoked by record {facts.revoked}{since}")
    return cautions
