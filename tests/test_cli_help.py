"""Every command answers --help, quickly; schema and completion print what other programs read."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from cli.main import COMMANDS
from terminal import command

KEY_COMMANDS = ("new", "show", "check", "enrol", "retire", "revoke")
NESTED = [f"key {name}" for name in KEY_COMMANDS] + [f"outbox {name}" for name in ("send", "drop", "resign")]
BOUND = 0.3
"""Seconds; the aim is half of it, the rest is for a busy machine."""


@pytest.mark.parametrize("words", [*COMMANDS, *NESTED])
def test_a_command_answers_help(words):
    said = command(*words.split(), "--help")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"Usage: plumbline {words} ")
    assert said.out.count("\n") > 5


def test_the_help_names_every_command_and_the_exit_codes():
    said = command("--help")
    assert said.code == 0
    for name in COMMANDS:
        assert f"\n  {name} " in said.out
    assert "Exit codes: 0 holds or done, 1 does not hold or not allowed" in " ".join(said.out.split())


def test_the_version_is_printed():
    said = command("--version")
    assert (said.code, said.out.split(",")[0]) == (0, "plumbline")


def test_the_help_is_there_before_anybody_waits():
    program = [sys.executable, "-c", "from cli.main import main; main(['--help'])"]
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run(program, check=True, capture_output=True)
        seconds.append(time.perf_counter() - began)
    assert min(seconds) < BOUND


def test_the_help_loads_nothing_heavy():
    program = "import sys; from cli.main import run; run(['--help']); print(sorted(sys.modules), file=sys.stderr)"
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, encoding="utf-8")
    for name in ("sqlalchemy", "pydantic", "reportlab", "cryptography", "nacl", "pikepdf", "rich"):
        assert f"'{name}'" not in said.stderr


def test_the_schema_of_events_is_printed():
    said = command("schema")
    assert said.code == 0
    found = json.loads(said.out)
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert {"Receive", "Transform", "Ship"} <= set(found["$defs"])
    assert command("schema", "--json").out == said.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_a_shell(shell):
    said = command("completion", shell)
    assert said.code == 0
    assert "_PLUMBLINE_COMPLETE" in said.out


def test_a_shell_that_is_not_known_is_refused():
    said = command("completion", "cmd")
    assert (said.code, said.out) == (2, "")


def test_an_unexpected_fault_is_told_without_a_traceback(monkeypatch):
    def broken() -> None:
        raise RuntimeError("a bolt is loose")

    monkeypatch.setattr("cli.main.check_installation", broken)
    said = command("rules")
    assert (said.code, said.out) == (3, "")
    assert said.err == (
        "error: this program has a fault: RuntimeError: a bolt is loose\n"
        "hint: please report it; PLUMBLINE_DEBUG=1 shows where it happened\n"
    )
    with pytest.raises(RuntimeError, match="a bolt is loose"):
        command("rules", PLUMBLINE_DEBUG="1")


def test_an_interruption_is_told(monkeypatch):
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cli.main.check_installation", interrupted)
    said = command("rules")
    assert (said.code, said.err) == (2, "interrupted\n")
