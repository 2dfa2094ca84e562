"""README's transcripts are executed: every command, in order, in a new folder; `…` stands for what differs from run to run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def transcripts() -> list[tuple[str, list[str]]]:
    """Return each command with the lines that it is said to print."""
    told: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL):
        for line in block.rstrip("\n").split("\n"):
            if line.startswith("$ "):
                told.append((line[2:], []))
            else:
                told[-1][1].append(line)
    return told


def fits(said: list[str], printed: list[str]) -> bool:
    """Tell whether lines are as said; `…` alone stands for any lines, within a line for any text."""
    pattern = "".join("(?:.*\n)*?" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + "\n" for line in said)
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in printed)) is not None


def test_every_transcript_in_the_readme_is_what_the_program_prints(tmp_path):
    told = transcripts()
    assert len(told) >= 10
    environment = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    for command, said in told:
        done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        errors = [line for line in done.stderr.rstrip("\n").split("\n") if line.startswith("error: ")]
        printed = [*errors, *done.stdout.rstrip("\n").split("\n")] if done.stdout else errors
        if done.returncode:
            printed.append(f"exit {done.returncode}")
        assert fits(said, printed), f"{command}\nsaid:\n{said}\nprinted:\n{printed}\n{done.stderr}"
