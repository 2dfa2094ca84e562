"""A certificate in the forms that other programs read: its JSON, `vc+jwt`, and the credentials of UNTP, each signed by the issuer's key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.session import Session
from ledger.errors import AuthorityError, ClaimError, UnknownError

if TYPE_CHECKING:
    from ledger.keys import Signer
    from ledger.store.store import Store

FORMS = ("pdf", "json", "vc-jwt", "untp-dcc", "untp-dpp")
"""What `plumbline certificate --as` takes."""

AS = (
    "The form: the PDF; its signed JSON; vc-jwt, the same credential as vc+jwt; or what it says as UNTP Digital Conformity Credential or "
    "Digital Product Passport, as vc+jwt too. The last three are signed with -k, the issuer's key."
)


def write_as(session: Session, store: Store, number: str, form: str, output: Path) -> None:
    """Write a certificate in a form other than PDF.

    Raises:
        UnknownError: It is not in the store with its proof.
        ClaimError: It was taken back; what does not stand is not signed again.
        AuthorityError: The key is not the issuer's.
        CertificateError: It does not hold what the form asks for.
    """
    import json  # noqa: PLC0415 - loaded when needed

    from ledger.certified import status  # noqa: PLC0415 - loaded when needed
    from ledger.files import replace_file  # noqa: PLC0415 - loaded when needed
    from ledger.store.store import Store  # noqa: PLC0415 - loaded when needed

    with store.reading() as view:
        kept, claim = Store.credential(view, number), view.claim(number)
        if kept is None or kept[2] is None or claim is None:
            raise UnknownError(
                "certificate", number, hint="one that was never finished is finished first: plumbline certificate ID -k FILE"
            )
        state, sentence = status(view, claim)
    if form == "json":
        replace_file(output, kept[2])
        return
    if state != "valid":
        raise ClaimError(f"certificate {number} {sentence}", hint="what does not stand is not signed again; --as json gives it as it was")
    document = json.loads(kept[2])
    replace_file(output, token(document, form, session.signer(session.key_file())))


def token(document: dict[str, Any], form: str, signer: Signer) -> bytes:
    """Return a signed certificate in one of the forms that are a `vc+jwt`.

    Raises:
        AuthorityError: The key is not the issuer's.
        CertificateError: It does not hold what the form asks for.
    """
    from ledger.certificates import jwt  # noqa: PLC0415 - loaded when needed
    from ledger.certificates.credential import verification_method_of, without_proof  # noqa: PLC0415 - loaded when needed
    from ledger.keys import did_key  # noqa: PLC0415 - loaded when needed
    from ledger.tlog import canonical  # noqa: PLC0415 - loaded when needed
    from reports.untp.conformity import conformity_credential  # noqa: PLC0415 - loaded when needed
    from reports.untp.passport import product_passport  # noqa: PLC0415 - loaded when needed
    from reports.untp.terms import encode  # noqa: PLC0415 - loaded when needed

    issuer, did = document["issuer"]["id"], did_key(signer.public_key)
    if issuer != did:
        raise AuthorityError(
            f"{signer.name} is {did}, the certificate was issued by {issuer}", hint="give the key file that it was issued with: -k FILE"
        )
    payloads = {
        "vc-jwt": lambda: canonical.encode(without_proof(document)),
        "untp-dcc": lambda: encode(conformity_credential(document)),
        "untp-dpp": lambda: encode(product_passport(document)),
    }
    return jwt.secure(payloads[form](), verification_method=verification_method_of(signer.public_key), sign=signer.sign)
