"""An installation is whole when its four packages lie in one folder.

Their names are plain words, and other distributions ship packages of the same names. Python imports whichever comes first on its path, so
a stranger's `schemas` could stand between the ledger and its own rules for what may be in a record. That is looked at once, at start.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from ledger.errors import InstallationError

PACKAGES = ("ledger", "schemas", "reports", "cli")

HINT = "install plumbline-ledger in an environment of its own: a new venv, pipx or uv tool"


def find_package(name: str) -> Path | None:
    """Find where Python would import a package from, without importing it.

    Args:
        name: Top-level package name.

    Returns:
        The package's folder, or the file of a plain module of that name; None when Python finds neither.
    """
    try:
        spec = find_spec(name)
    except ValueError:  # a module that was put together in memory has no place
        return None
    if spec is None:
        return None
    places = list(spec.submodule_search_locations or ()) or ([spec.origin] if spec.origin else [])
    return Path(places[0]) if places else None


def check_folders(places: Mapping[str, Path | None], *, home: Path) -> None:
    """Check that every package lies directly in the home folder.

    Args:
        places: Package name to the folder it is imported from, or None where it is missing.
        home: The folder that must hold them all.

    Raises:
        InstallationError: A package is missing or comes from elsewhere; the message names the first such one and its place.
    """
    for name, place in places.items():
        if place is None:
            problem = f"package {name} is missing: it should lie in {home}"
            raise InstallationError(problem, hint=HINT)
        if place.parent.resolve() != home.resolve():
            problem = f"package {name} comes from {place}, not from {home}, where ledger lies: something else is installed under its name"
            raise InstallationError(problem, hint=HINT)


def check_installation() -> None:
    """Check that the packages this process would import belong together.

    Raises:
        InstallationError: As `check_folders`; the home folder is the one that holds this module's package.
    """
    check_folders({name: find_package(name) for name in PACKAGES}, home=Path(__file__).parent.parent)
