"""What is shipped: the four packages with their data, nothing else, and it runs from an environment of its own."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = {"ledger", "schemas", "cli", "reports"}


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command away from the checkout, without its path and settings, and return what it printed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_", "COVERAGE", "PLUMBLINE_"))}
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built with the build tool of the lock."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder, cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


def test_two_builds_have_the_same_bytes_wherever_and_whenever_they_are_made(tmp_path):
    built = []
    for number, zone in enumerate(("UTC", "Pacific/Auckland")):
        copy = tmp_path / f"checkout-{number}"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "dist", "mutants", "tests", "bench", "__pycache__"))
        for file in copy.rglob("*"):
            os.utime(file, (number * 10**9, number * 10**9))
        settings = ("env", "SOURCE_DATE_EPOCH=1772460300", f"TZ={zone}", f"PYTHONHASHSEED={number}")
        run(*settings, sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", tmp_path / zone[:3], cwd=copy)
        built.append(next((tmp_path / zone[:3]).glob("*.whl")).read_bytes())
    assert built[0] == built[1]


@pytest.fixture
def fresh(tmp_path) -> Path:
    """The Python of a new, empty environment."""
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "fresh", cwd=tmp_path)
    return tmp_path / "fresh" / "bin" / "python"


def pip_install(python: Path, *arguments: str | Path) -> None:
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "--no-input")
    run(*pip, "install", *arguments, cwd=python.parent)


def check_runs(python: Path) -> None:
    """Run the installed command, and see that its packages come from that environment."""
    assert "Usage: plumbline" in run(python.parent / "plumbline", "--help", cwd=python.parent)
    places = run(
        python, "-c", "import cli, ledger, reports, schemas\nfor p in (cli, ledger, reports, schemas): print(p.__file__)", cwd=python.parent
    )
    assert all(Path(place).is_relative_to(python.parent.parent) for place in places.split())


def test_the_wheel_holds_the_four_packages_and_nothing_else(wheel):
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert tops == PACKAGES | {"plumbline_ledger-0.1.0.dist-info"}


def test_the_wheel_holds_every_file_of_the_packages(wheel):
    shipped = set(zipfile.ZipFile(wheel).namelist())
    kept = {path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file()}
    assert {path.as_posix() for path in kept if "__pycache__" not in path.parts} - shipped == set()


def test_the_wheel_says_that_its_packages_are_typed(wheel):
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(zipfile.ZipFile(wheel).namelist())


def test_the_wheel_carries_its_licence(wheel):
    licence = zipfile.ZipFile(wheel).read("plumbline_ledger-0.1.0.dist-info/licenses/LICENSE")
    assert licence == (ROOT / "LICENSE").read_bytes()


def test_the_installed_command_runs_away_from_the_checkout(wheel, fresh):
    """With the packages of this environment beside it, so that nothing is fetched."""
    pip_install(fresh, "--no-index", "--no-deps", wheel)
    (site_packages,) = fresh.parent.parent.glob("lib/python*/site-packages")
    (site_packages / "beside.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    check_runs(fresh)


@pytest.mark.tools
def test_the_run_time_lock_is_all_that_the_command_needs(wheel, fresh):
    """Only the run-time lock, every file checked against its hash: no tool of the tests is needed by the command."""
    pip_install(fresh, "--require-hashes", "--requirement", ROOT / "requirements-runtime.lock")
    pip_install(fresh, "--no-index", "--no-deps", wheel)
    check_runs(fresh)


def test_both_locks_pin_the_same_files_and_name_no_address():
    locks = [(ROOT / name).read_text(encoding="utf-8") for name in ("requirements.lock", "requirements-runtime.lock")]
    # What a tool of the tests asks of a package beside, an extra, stands in one lock alone; the version and its files are the same.
    pins = [re.sub(r"\[.*\]==", "==", lock) for lock in locks]
    whole, runtime = ({line.strip().removesuffix(" \\") for line in lock.splitlines() if "#" not in line} for lock in pins)
    assert runtime - whole == set()
    assert [line for lock in locks for line in lock.splitlines() if line.startswith("-") or "://" in line] == []
