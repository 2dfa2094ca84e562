"""The one base of every model: frozen, closed, strict."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A thing that may stand in a record or a file.

    Fields are closed (an unknown one is refused), types are strict (no string is taken for a number), values never change.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
