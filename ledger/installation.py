"""An installation is whole when its four packages lie in one folder.

Their names are plain words, and other distributions ship packages of the same names. Python imports whichever comes first on its path, so
a stranger's `schemas` could stand between the ledger and its own rules for what may be in a record. That is looked at once, at start.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

from ledger.errors import InstallationError

PACKAGES = ("ledger", "schemas", "reports", "cli")

DISTRIBUTION = "plumbline-ledger"

HINT = "install plumbline-ledger in an environment of its own: a new venv, pipx or uv tool"


@dataclass(frozen=True, slots=True)
class Bug:
    """A bug that damages what is stored: in which versions (from the first, before the fixed one), what it does, and who says so."""

    software: str
    first: tuple[int, ...]
    fixed: tuple[int, ...]
    what: str
    source: str


BUGS = (
    Bug("SQLite", (3, 35, 0), (3, 37, 2), "a file can be damaged by savepoints with their journal in memory", "sqlite.org, release 3.37.2"),
    Bug("PostgreSQL", (14, 0), (14, 4), "an index that was built with CONCURRENTLY can miss rows", "postgresql.org, release 14.4"),
)
"""SQLite's bug of resetting a write-ahead log (3.7.0 to 3.51.2) is not here: the store refuses that journal mode."""

SHARED = ("9p", "afs", "ceph", "cifs", "fuse.sshfs", "lustre", "nfs", "nfs4", "smb3", "smbfs", "vboxsf", "virtiofs")
"""Filesystems over a network or from a host, where the locks that SQLite needs may hold for nobody."""


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


def known_bug(software: str, version: str) -> Bug | None:
    """Return the bug that damages what a version of SQLite or PostgreSQL stores, None where none is known."""
    found = re.match(r"[0-9]+(\.[0-9]+)*", version)
    number = tuple(int(part) for part in found[0].split(".")) if found else ()
    return next((bug for bug in BUGS if bug.software == software and bug.first <= number < bug.fixed), None)


def strangers(installed: Mapping[str, Sequence[str]] | None = None) -> list[str]:
    """Return other distributions that ship a package under one of our names, whichever comes first on the path today.

    Args:
        installed: Package name to the distributions that ship it; default: those of this Python.
    """
    owners = packages_distributions() if installed is None else installed
    return sorted({owner for name in PACKAGES for owner in owners.get(name, ()) if owner != DISTRIBUTION})


def filesystem_of(path: Path, mounts: str) -> str | None:
    """Return the type of the filesystem that a path lies on, None where the table of mounts does not say.

    Args:
        path: Any path; links are followed.
        mounts: The text of /proc/self/mounts.
    """
    place = path.resolve()
    rows = [line.split(" ") for line in mounts.splitlines() if line.count(" ") > 2]  # noqa: PLR2004 - device, place, type, options
    points = [(Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), row[1])), row[2]) for row in rows]
    over = [(len(point.parts), number, kind) for number, (point, kind) in enumerate(points) if place.is_relative_to(point)]
    return max(over)[2] if over else None
