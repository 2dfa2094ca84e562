"""A function run in a forked process under strace, from its first step on: what it asks of the system, and faults put among that.

The process is warm, so that a trace has what the function does and no imports; it waits until strace says that it is attached.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from client import Say
from kills import FORK, hear_out

_CALL = re.compile(r"\A\d+ +(\w+)\((.*)\Z", re.DOTALL)


@dataclass(frozen=True)
class Call:
    """A system call as strace writes it: its name, and its arguments and result."""

    name: str
    rest: str


def traced(function: Callable[[Say], None], options: Sequence[str], trace: Path, *, hear: Say) -> list[Call]:
    """Run a function that says things, and return its system calls.

    Raises:
        RuntimeError: strace cannot be attached.
    """
    waiting, go = FORK.Pipe(duplex=False)
    heard, said = FORK.Pipe(duplex=False)
    child = FORK.Process(target=_wait_and_do, args=(waiting, said, function), daemon=True)
    child.start()
    said.close()
    command = ["strace", "-f", "-o", str(trace), *options, "-p", str(child.pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        first = strace.stderr.readline()
        if "attached" not in first:
            child.kill()
            raise RuntimeError(f"strace cannot be used: {first}")
        go.send(None)
        hear_out(heard, hear)
        child.join()
        strace.stderr.read()
    found = (_CALL.match(line) for line in trace.read_text(errors="replace").splitlines())
    return [Call(match[1], match[2]) for match in found if match]


def _wait_and_do(waiting: Connection, said: Connection, function: Callable[[Say], None]) -> None:
    waiting.recv()
    function(said.send)


def killed(trace: Path) -> bool:
    """Say whether the traced process was killed."""
    return "+++ killed by SIGKILL" in trace.read_text(errors="replace")[-200:]
