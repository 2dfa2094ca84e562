"""What kind of file somebody handed over, by how it begins."""

from __future__ import annotations

from ledger.attestation import FORMAT as ATTEST_FORMAT
from ledger.certificates.jwt import is_token
from ledger.compare import FORMAT as FORK_FORMAT
from ledger.errors import FormatError, LedgerError
from ledger.evidence.format import FORMAT as EVIDENCE_FORMAT
from ledger.tlog import checkpoint
from ledger.tlog.note import RECORD_FORMAT, parse_note
from ledger.tlog.proof import PROOF_FORMAT

_FORMATS = {RECORD_FORMAT: "record", PROOF_FORMAT: "receipt", EVIDENCE_FORMAT: "evidence", ATTEST_FORMAT: "attest", FORK_FORMAT: "fork"}
_SIGNATURE_LINE = "— ".encode()


def recognise(data: bytes) -> str:
    """Return what a file is: pdf, json, token, record, receipt, evidence, attest, fork or checkpoint.

    Raises:
        FormatError: It is none of these.
    """
    if data.startswith(b"%PDF-"):
        return "pdf"
    if data.lstrip(b" \t\r\n").startswith(b"{"):
        return "json"
    if is_token(data):
        return "token"
    for form, kind in _FORMATS.items():
        if data.startswith(f"{form}\n".encode()):
            return kind
    if _SIGNATURE_LINE not in data:
        raise FormatError(
            "is no certificate, record, receipt, evidence or checkpoint that this program knows", hint="a certificate is a PDF or its JSON"
        )
    try:
        checkpoint.parse_checkpoint(parse_note(data).text)
    except LedgerError as refusal:
        raise FormatError(f"is no checkpoint, and nothing else that this program knows: {refusal}") from refusal
    return "checkpoint"
