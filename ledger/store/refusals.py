"""What a store says when its database does not do what it was asked, in the same words for every database."""

from __future__ import annotations

from ledger.errors import AmountError, ConflictError, StoreError
from ledger.store.place import Place

_NOTHING_WRITTEN = "nothing was written"


def locked(place: Place) -> ConflictError:
    """Somebody else held the lock for too long."""
    return ConflictError(f"{place} is locked by another writer", hint=f"{_NOTHING_WRITTEN}; try again when the other program is done")


def disk_full(place: Place) -> StoreError:
    """There is no room left."""
    return StoreError(f"{place} cannot be written: the disk is full", hint=f"{_NOTHING_WRITTEN}; free space and try again")


def read_only(place: Place, *, hint: str) -> StoreError:
    """It may be read and not written."""
    return StoreError(f"{place} cannot be written: it is read-only", hint=hint)


def unusable(place: Place, problem: object) -> StoreError:
    """Anything else that the database says of an operation."""
    return StoreError(f"{place} cannot be read or written: {problem}")


def damaged(place: Place, problem: object) -> StoreError:
    """What stands there is not what this program wrote."""
    return StoreError(f"{place} is damaged or no ledger: {problem}", hint="look with `plumbline audit`; restore a backup if need be")


def beyond_range() -> AmountError:
    """A number that no column holds."""
    return AmountError("a mass is beyond 2^63 - 1 mg, more than a ledger holds", hint="look at the number and its unit")
