"""Reading a statement field by field, with a refusal that names what is missing instead of a traceback."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.errors import FormatError


@dataclass(frozen=True, slots=True)
class Fields:
    """An object of the statement and the path that leads to it."""

    values: Mapping[str, Any]
    path: str = ""

    def at(self, key: str) -> str:
        """Return the path of a field."""
        return f"{self.path}.{key}" if self.path else key

    def _get(self, key: str, kind: type, name: str) -> Any:  # noqa: ANN401 - the callers give it its type
        value = self.values.get(key)
        if not isinstance(value, kind) or isinstance(value, bool) is not (kind is bool):
            got = "nothing" if value is None else type(value).__name__
            raise FormatError(f"want {name}, got {got}", field=self.at(key))
        return value

    def text(self, key: str) -> str:
        """Return a string."""
        return str(self._get(key, str, "a text"))

    def number(self, key: str) -> int:
        """Return an integer."""
        return int(self._get(key, int, "an integer"))

    def flag(self, key: str) -> bool:
        """Return true or false."""
        return bool(self._get(key, bool, "true or false"))

    def optional(self, key: str) -> str | None:
        """Return a string, or None where the field is absent or null."""
        return None if self.values.get(key) is None else self.text(key)

    def optional_number(self, key: str) -> int | None:
        """Return an integer, or None where the field is absent or null."""
        return None if self.values.get(key) is None else self.number(key)

    def inside(self, key: str) -> Fields:
        """Return the object in a field."""
        return Fields(self._get(key, dict, "an object"), self.at(key))

    def objects(self, key: str) -> Iterator[Fields]:
        """Yield the objects of a list; an absent list is empty."""
        for number, value in enumerate(self._list(key)):
            if not isinstance(value, dict):
                raise FormatError(f"want an object, got {type(value).__name__}", field=f"{self.at(key)}[{number}]")
            yield Fields(value, f"{self.at(key)}[{number}]")

    def texts(self, key: str) -> list[str]:
        """Return the strings of a list; an absent list is empty."""
        found = []
        for number, value in enumerate(self._list(key)):
            if not isinstance(value, str):
                raise FormatError(f"want a text, got {type(value).__name__}", field=f"{self.at(key)}[{number}]")
            found.append(value)
        return found

    def _list(self, key: str) -> Sequence[Any]:
        return [] if self.values.get(key) is None else self._get(key, list, "a list")
