"""Public test vectors, which lie beside the checkout and not in it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

_VARIABLE = "PLUMBLINE_VECTORS"
_BESIDE = Path(__file__).parents[3] / "shared" / "vectors"


def folder(name: str) -> Path:
    """Return one folder of vectors; skip the test when there are none, unless the variable says that there are."""
    found = Path(os.environ.get(_VARIABLE) or _BESIDE) / name
    if not found.is_dir() and _VARIABLE not in os.environ:
        pytest.skip(f"no public vectors at {found}; set {_VARIABLE}")
    assert found.is_dir(), f"{_VARIABLE} has no folder {name}"
    return found


def table(name: str, file: str) -> Any:
    """Return one JSON file of vectors."""
    return json.loads((folder(name) / file).read_text(encoding="utf-8"))
