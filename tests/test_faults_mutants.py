"""The figure of mutation testing: it sees a test that lets a defect through, and counts nothing of a file that has changed since."""

import subprocess
import sys
from pathlib import Path

import pytest

import mutants
from mutants import Mutant, Tried, collect, equivalents, figure, from_json, left_alone, to_json

PROJECT = """
[tool.mutmut]
source_paths = ["scale"]
pytest_add_cli_args = ["-p", "no:cacheprovider"]
pytest_add_cli_args_test_selection = ["tests"]
track_dependencies = false
"""
RULE = "def fits(mass, most):\n    return mass <= most\n"
AT_THE_BOUND = Mutant("scale.rule.fits", "return mass <= most", "return mass < most")
WEAK = "from scale.rule import fits\n\ndef test_light_things_fit():\n    assert fits(1, 3)\n    assert not fits(4, 3)\n"
STRONG = f"{WEAK}\ndef test_what_weighs_the_most_fits():\n    assert fits(3, 3)\n"


def tried(folder: Path, test: str, known: dict[Mutant, str] | None = None) -> dict[str, Tried]:
    """Return what mutmut finds in a project of one rule and one test module."""
    for name, text in {"pyproject.toml": PROJECT, "scale/__init__.py": "", "scale/rule.py": RULE, "tests/test_rule.py": test}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    ran = subprocess.run(
        [Path(sys.executable).with_name("mutmut"), "run", "--max-children", "1"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return collect(folder, known or {})


@pytest.mark.slow
def test_a_defect_that_the_tests_let_through_is_a_survivor_and_none_with_a_test_at_the_bound(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, test, wrong in (("weak", WEAK, 1), ("strong", STRONG, 0)):
        home = tmp_path / name
        home.mkdir()
        found = figure(tried(home, test), home, {})
        assert (found.tried, found.wrong) == (1, wrong)
        assert found.first_wrong == (str(AT_THE_BOUND),) * wrong


@pytest.mark.slow
def test_a_mutant_listed_as_the_same_program_is_neither_killed_nor_a_survivor(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    known = {AT_THE_BOUND: "for once", Mutant("scale.rule.fits", "a", "b"): "listed in vain"}
    found = figure(tried(tmp_path, WEAK, known), tmp_path, known)
    assert (found.tried, found.wrong, found.also["equivalent"], found.also["equivalents listed in vain"]) == (0, 0, 1, 1)


def test_what_was_found_of_a_file_that_has_changed_since_counts_for_nothing(tmp_path):
    files = {
        name: Tried(mutants.digest(Path(mutants.__file__)), 3, killed=8, untried=1, survived=[AT_THE_BOUND]) for name in ("a.py", "b.py")
    }
    files = from_json(to_json(files))
    (tmp_path / "a.py").write_bytes(Path(mutants.__file__).read_bytes())
    (tmp_path / "b.py").write_text("pass\n", encoding="utf-8")
    found = figure(files, tmp_path, {})
    assert (found.tried, found.wrong, found.also["files changed since"]) == (10, 2, "b.py")


def test_lines_in_properties_and_at_the_top_of_a_module_are_known_as_not_mutated():
    properties = '    @property\n    def d(self):\n        """Text."""\n        return 3\n'
    source = f'"""Text."""\nimport re\nA = 1\nclass B:\n    c: int = 2\n{properties}    def e(self):\n        return 4\n'
    assert left_alone(source) == 3


def test_each_mutant_listed_as_the_same_program_was_found_and_has_a_reason():
    known = equivalents(mutants.EQUIVALENT.read_text(encoding="utf-8"))
    assert all(len(reason) > 20 for reason in known.values())
    assert mutants.mutants(0, 0, Path()).also["equivalents listed in vain"] == 0
