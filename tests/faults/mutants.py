"""Mutation testing: how many small defects, put into the rules one at a time, the tests let through.

`make mutants` puts them in with mutmut (its table in pyproject.toml says where), tries each with the tests that reach it, and has this
module write down what came of it, bench/mutants.json. That takes long, so the scorecard reads what was written down; a file that has
changed since is not counted. mutmut mutates functions and methods; a property, which is a decorated method, and what stands at the top
of a module it leaves alone, and how many lines those are is written down too.

A mutant that no test can kill, because it does the same as the program, stands in equivalent_mutants.toml with the reason. It counts
neither as killed nor as survivor.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

HOME = Path(__file__).parents[2]
sys.path.insert(0, str(HOME / "tests" / "faults"))

from figure import Count, Figure  # noqa: E402 - found in the folder above

RECORDED = HOME / "bench" / "mutants.json"
EQUIVALENT = HOME / "tests" / "faults" / "equivalent_mutants.toml"
KILLED, SURVIVED, STOPPED, UNTRIED = "killed", "survived", "stopped", "untried"
_SHOWN = 10


@dataclass(frozen=True)
class Mutant:
    """A small defect: the function it is in, and its lines before and after."""

    function: str
    was: str
    becomes: str

    def __str__(self) -> str:
        """Return it on one line."""
        return f"{self.function}: {self.was!r} becomes {self.becomes!r}"


@dataclass
class Tried:
    """What came of one file's mutants.

    `stopped` were killed by the clock: they ran several times as long as their tests. `untried` are those of functions that no chosen test
    reaches; they count as survivors. `left_alone` counts the lines with code that mutmut does not mutate.
    """

    sha256: str
    left_alone: int
    killed: int = 0
    stopped: int = 0
    untried: int = 0
    survived: list[Mutant] = field(default_factory=list)
    equivalent: list[Mutant] = field(default_factory=list)

    @property
    def survivors(self) -> int:
        """How many no test has killed, without those that none could."""
        return len(self.survived) + self.untried

    @property
    def counted(self) -> int:
        """How many could be killed."""
        return self.killed + self.stopped + self.survivors


def equivalents(text: str) -> dict[Mutant, str]:
    """Read the list of mutants that are the same program, each with its reason."""
    return {Mutant(one["function"], one["was"], one["becomes"]): one["reason"] for one in tomllib.loads(text).get("mutant", [])}


def digest(path: Path) -> str:
    """Return what a file is recognised by."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def left_alone(source: str) -> int:
    """Count the lines with a statement that lie in no function mutmut mutates: properties and what stands at the top of a module."""
    tree = ast.parse(source)
    mutated = {id(part) for whole in _mutated(tree) for part in ast.walk(whole)}
    statements = (node for node in ast.walk(tree) if isinstance(node, ast.stmt) and not isinstance(node, ast.FunctionDef | ast.ClassDef))
    told = {node.lineno for node in statements if id(node) not in mutated and not _is_text(node)}
    return len(told - {node.lineno for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)})


def _mutated(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and all(isinstance(by, ast.Name) and by.id == "classmethod" for by in node.decorator_list):
            yield node


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def change(diff: str) -> tuple[str, str]:
    """Return the lines before and after of mutmut's diff."""
    lines = diff.split("\n")[2:]
    was, becomes = ("\n".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+")
    return was, becomes


def outcome(exit_code: int | None) -> str:
    """Return what a mutant's exit code says; one that says nothing clear counts as not tried."""
    from mutmut.stats import status_by_exit_code

    return {"killed": KILLED, "survived": SURVIVED, "timeout": STOPPED}.get(status_by_exit_code[exit_code], UNTRIED)


def collect(home: Path, known: Mapping[Mutant, str]) -> dict[str, Tried]:
    """Return by file what came of the mutants that mutmut tried in a folder."""
    from mutmut.configuration import reset_config
    from mutmut.mutation.data import SourceFileMutationData
    from mutmut.mutation.diff_apply import get_diff_for_mutant
    from mutmut.utils.file_utils import walk_mutatable_files

    os.chdir(home)  # mutmut knows no other place than the folder it is called in
    reset_config()
    files: dict[str, Tried] = {}
    for path in sorted(walk_mutatable_files()):
        data = SourceFileMutationData(path=path)
        data.load()
        tried = Tried(digest(path), left_alone(path.read_text(encoding="utf-8")))
        for name, exit_code in data.exit_code_by_key.items():
            what = outcome(exit_code)
            if what == SURVIVED:
                mutant = Mutant(_plain(name), *change(get_diff_for_mutant(name, path=path)))
                (tried.equivalent if mutant in known else tried.survived).append(mutant)
            else:
                setattr(tried, what, getattr(tried, what) + 1)
        if data.exit_code_by_key:
            files[path.as_posix()] = tried
    return files


def _plain(name: str) -> str:
    """Return a mutant's function as it is written: mutmut calls it module.x_function__mutmut_3 or module.xǁClassǁmethod__mutmut_3."""
    module, _, mangled = name.partition("__mutmut_")[0].rpartition(".")
    return f"{module}.{mangled.removeprefix('x').strip('_ǁ').replace('ǁ', '.') if 'ǁ' in mangled else mangled.removeprefix('x_')}"


def figure(files: Mapping[str, Tried], home: Path, known: Mapping[Mutant, str]) -> Figure:
    """Return the figure of what was written down, as far as it is about the sources of today."""
    today = {name: tried for name, tried in files.items() if (home / name).exists() and digest(home / name) == tried.sha256}
    first = [str(mutant) for tried in today.values() for mutant in tried.survived]
    in_vain = set(known) - {mutant for tried in files.values() for mutant in tried.equivalent}
    also: dict[str, Count] = {
        "killed": sum(tried.killed for tried in today.values()),
        "stopped by the clock": sum(tried.stopped for tried in today.values()),
        "reached by no test": sum(tried.untried for tried in today.values()),
        "equivalent": sum(len(tried.equivalent) for tried in today.values()),
        "equivalents listed in vain": len(in_vain),
        "lines that are not mutated": sum(tried.left_alone for tried in today.values()),
        "files changed since": ", ".join(sorted(set(files) - set(today))) or "none",
    }
    counted = sum(tried.counted for tried in today.values())
    return Figure(counted, "mutants", sum(tried.survivors for tried in today.values()), also, tuple(first[:_SHOWN]))


def to_json(files: Mapping[str, Tried]) -> dict[str, Any]:
    """Return what is written down."""
    return {"tool": f"mutmut {version('mutmut')}", "files": {name: asdict(tried) for name, tried in files.items()}}


def from_json(raw: Mapping[str, Any]) -> dict[str, Tried]:
    """Read what was written down."""
    lists = ("survived", "equivalent")
    return {
        name: Tried(**{**tried, **{key: [Mutant(**one) for one in tried[key]] for key in lists}}) for name, tried in raw["files"].items()
    }


def mutants(amount: int, seed: int, folder: Path) -> Figure:
    """Return the figure of the last `make mutants`, in which every mutant was tried, whatever is asked for."""
    known = equivalents(EQUIVALENT.read_text(encoding="utf-8"))
    return figure(from_json(json.loads(RECORDED.read_text(encoding="utf-8"))), HOME, known)


def main() -> None:
    """Write down what mutmut has just found, and say which mutants live."""
    files = collect(HOME, equivalents(EQUIVALENT.read_text(encoding="utf-8")))
    RECORDED.write_text(json.dumps(to_json(files), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for name, tried in files.items():
        sys.stdout.write(f"{name}: {tried.survivors} of {tried.counted} survived, {len(tried.equivalent)} equivalent\n")
        for mutant in tried.survived:
            sys.stdout.write(f"    {mutant}\n")


if __name__ == "__main__":
    main()
