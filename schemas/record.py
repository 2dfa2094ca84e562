"""The header of a record: who signed it, where it stands in the key's own chain, and what the signer had seen of the log."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, NonNegativeInt

from schemas.base import Model
from schemas.identifier import KeyName, RecordId, Sha256, Time


class Seen(Model):
    """The newest checkpoint that the signer had checked: `root` in hex."""

    root: Sha256
    size: NonNegativeInt


class Header(Model):
    """Line 2 of a record (SPEC.md, "Record"). `genesis` and `prev` are null only at the beginning of the ledger and of a key's chain."""

    genesis: RecordId | None
    key: KeyName
    made: Time
    prev: RecordId | None
    seen: Seen | None
    seq: Annotated[int, Field(ge=0, le=2**53 - 1)]
    over: RecordId | None = None
