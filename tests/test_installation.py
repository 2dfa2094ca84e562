"""The four packages must lie in one folder; an intruder is named."""

import sys
import types
from pathlib import Path

import pytest

from ledger.errors import InstallationError
from ledger.installation import HINT, PACKAGES, check_folders, check_installation, filesystem_of, find_package, known_bug, strangers

HOME = Path("/opt/plumbline")


def test_this_installation_is_whole():
    check_installation()


def test_packages_in_one_folder_are_accepted():
    check_folders({name: HOME / name for name in PACKAGES}, home=HOME)


def test_a_package_from_another_folder_is_named_as_the_intruder():
    places = {name: HOME / name for name in PACKAGES} | {"schemas": Path("/usr/lib/python3/schemas")}
    with pytest.raises(InstallationError) as caught:
        check_folders(places, home=HOME)
    assert str(caught.value) == (
        "package schemas comes from /usr/lib/python3/schemas, not from /opt/plumbline, where ledger lies: "
        "something else is installed under its name"
    )
    assert caught.value.hint == HINT
    assert caught.value.exit_code == 3


def test_a_missing_package_is_named():
    with pytest.raises(InstallationError) as caught:
        check_folders({"ledger": HOME / "ledger", "reports": None}, home=HOME)
    assert str(caught.value) == "package reports is missing: it should lie in /opt/plumbline"


def test_a_package_reached_through_a_link_is_no_intruder(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    check_folders({"ledger": tmp_path / "link" / "ledger"}, home=tmp_path / "real")


def test_a_stranger_earlier_on_the_path_is_found(tmp_path, monkeypatch):
    intruder = tmp_path / "schemas"
    intruder.mkdir()
    (intruder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "schemas", raising=False)
    assert find_package("schemas") == intruder
    with pytest.raises(InstallationError, match="package schemas comes from"):
        check_installation()


def test_a_plain_module_is_found_by_its_file(tmp_path, monkeypatch):
    (tmp_path / "plumbline_plain.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert find_package("plumbline_plain") == tmp_path / "plumbline_plain.py"


def test_a_package_that_python_does_not_know_is_missing():
    assert find_package("plumbline_nowhere") is None


def test_a_module_without_a_place_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "plumbline_made_up", types.ModuleType("plumbline_made_up"))
    assert find_package("plumbline_made_up") is None


@pytest.mark.parametrize(
    ("software", "version", "fixed"),
    [
        ("SQLite", "3.34.1", None),
        ("SQLite", "3.35.0", (3, 37, 2)),
        ("SQLite", "3.37.1", (3, 37, 2)),
        ("SQLite", "3.37.2", None),
        ("SQLite", "3.40.1", None),
        ("PostgreSQL", "13.7", None),
        ("PostgreSQL", "14.0", (14, 4)),
        ("PostgreSQL", "14.3 (Debian 14.3-1.pgdg110+1)", (14, 4)),
        ("PostgreSQL", "14.4", None),
        ("PostgreSQL", "18beta1", None),
        ("PostgreSQL", "unknown", None),
    ],
)
def test_a_version_with_a_bug_that_damages_what_is_stored_is_known(software, version, fixed):
    bug = known_bug(software, version)
    assert (bug.fixed if bug else None) == fixed


def test_other_distributions_under_our_packages_names_are_found():
    assert strangers() == []
    assert strangers({"ledger": ["plumbline-ledger"], "schemas": ["schemas-for-all", "plumbline-ledger"], "other": ["other"]}) == [
        "schemas-for-all"
    ]


def test_the_filesystem_of_a_path_is_that_of_the_innermost_mount_and_there_of_the_newest(tmp_path):
    place = tmp_path / "a b" / "ledger.db"
    place.parent.mkdir()
    inner = str(tmp_path / "a b").replace(" ", "\\040")
    table = f"/dev/sda1 / ext4 rw 0 0\nhost:/data {inner} nfs4 rw 0 0\nnothing\n"
    assert filesystem_of(place, table) == "nfs4"
    assert filesystem_of(tmp_path / "elsewhere.db", table) == "ext4"
    assert filesystem_of(place, table + f"tmpfs {inner} tmpfs rw 0 0\n") == "tmpfs"
    assert filesystem_of(place, "") is None
