"""A USMCA certification of origin: nothing is issued with one of the nine elements blank, or with a criterion that the books deny."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from ledger.errors import ClaimError, FormatError
from ledger.tlog import canonical
from schemas.usmca import ELEMENTS, Usmca

WHOLLY_OBTAINED = "usmca.wo.pb"
CERTIFICATION = "usmca.certification"
"""The rules that a certificate with a certification of origin is judged by in any case."""


def read_usmca(data: bytes, *, file: str) -> Usmca:
    """Read a certification from a JSON file.

    Raises:
        EncodingError: It is no JSON.
        FormatError: An element is blank or has not its form; the error names it by its number in Annex 5-A.
    """
    value = canonical.parse(data, what=file)
    try:
        return Usmca.model_validate(value)
    except ValidationError as error:
        raise _refusal(error, file) from None


def _refusal(error: ValidationError, file: str) -> FormatError:
    first = error.errors(include_url=False)[0]
    path = [str(part) for part in first["loc"] if str(part) in ELEMENTS or not str(part).startswith(("Contact", "literal"))]
    name = path[0] if path else ""
    blank = first["type"] in ("missing", "string_too_short") or first["input"] in (None, "", {})
    problem = "is blank" if blank else str(first["msg"]).removeprefix("Value error, ")
    if name in ELEMENTS:
        where = ".".join(path[1:])
        what = f"element {ELEMENTS.index(name) + 1} ({name}{f', {where}' if where else ''})"
        return FormatError(f"{what} {problem}", file=file, hint="USMCA Annex 5-A asks all nine elements; nothing was issued")
    return FormatError(problem, file=file, field=name or None, hint="USMCA Annex 5-A asks all nine elements; nothing was issued")


def supplied(stated: Usmca | None) -> frozenset[str]:
    """Return the names of the elements that are there; the form of a certification leaves none blank."""
    return frozenset() if stated is None else frozenset(ELEMENTS)


def check_criterion(stated: Usmca, verdicts: Iterable[Mapping[str, Any]]) -> None:
    """Check that criterion A, wholly obtained, is what the records say.

    Raises:
        ClaimError: They say otherwise.
    """
    row = next((row for row in verdicts if row["rule"] == WHOLLY_OBTAINED), None)
    if stated.origin_criterion == "A" and (row is None or row["verdict"] != "PASS"):
        said = "was not judged" if row is None else f"is {row['verdict']}: {row['reasons'][0]}"
        raise ClaimError(f"criterion A says that the goods are wholly obtained; {WHOLLY_OBTAINED} {said}", hint="claim another criterion")
