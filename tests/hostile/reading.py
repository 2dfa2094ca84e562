"""Hostile files read by the program itself, in this process: what it said, what it cost, and what may not happen whatever the file."""

from __future__ import annotations

import json
import re
import resource
import tempfile
import time
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ground import Ground
from pack import Hostile, every
from terminal import Said, command

VERDICTS = Path(__file__).with_name("verdicts.json")
SECONDS, MEGABYTES = 5, 200
EXITS = range(4)
_FAULTS = ("this program has a fault", "Traceback (most recent call last)")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_CHANGING = re.compile(r"[0-9a-f]{16,64}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z(?= )")
"""Ids of records that were signed now: not the same on every run."""
_WITHOUT_JSON = frozenset({"witness"})

Verdict = tuple[int, str]
"""An exit code, and the last line of what holds or does not, or the refusal."""


@dataclass(frozen=True)
class Reading:
    """How a file was read: the verdict, and whatever went wrong, in words."""

    verdict: Verdict
    wrong: tuple[str, ...]
    seconds: float
    megabytes: int


def read(hostile: Hostile, ground: Ground) -> Reading:
    """Let the program read a file, for people and, where it can, for programs."""
    place = hostile.put(ground.hostile)
    arguments = hostile.arguments(place, ground)
    forget_peak()
    before, started = peak_megabytes(), time.monotonic()
    said, broke = _said(arguments)
    seconds, megabytes = time.monotonic() - started, peak_megabytes() - before
    wrong = [*broke, *_unwanted(said)]
    if seconds > SECONDS:
        wrong.append(f"took {seconds:.1f} s")
    if megabytes > MEGABYTES:
        wrong.append(f"took {megabytes} MB")
    ground.clear(made=hostile.writes)
    if arguments[0] not in _WITHOUT_JSON:
        hostile.put(ground.hostile)
        wrong += _as_json([*arguments, "--json"], said)
        ground.clear(made=hostile.writes)
    return Reading((said.code, _line(said, ground)), tuple(wrong), seconds, megabytes)


def _said(arguments: list[str]) -> tuple[Said, list[str]]:
    try:
        return command(*arguments), []
    except BaseException as error:  # noqa: BLE001 - whatever escapes would have been a traceback
        return Said(-1, "", ""), [f"a traceback: {type(error).__name__}: {error}"]


def _unwanted(said: Said) -> Iterator[str]:
    """Yield what no output may hold."""
    for text in (said.out, said.err):
        yield from (f"a fault: {text.strip()[:200]}" for fault in _FAULTS if fault in text)
        raw = sorted({f"U+{ord(one):04X}" for one in text if one != "\n" and unicodedata.category(one) in _UNSEEN})
        if raw:
            yield f"raw characters: {' '.join(raw)}"
    if said.code not in EXITS:
        yield f"exit {said.code}"


def _as_json(arguments: list[str], plain: Said) -> Iterator[str]:
    """Ask once more, as a program would: the same verdict, and JSON that can be read."""
    said, broke = _said(arguments)
    yield from (f"--json: {one}" for one in [*broke, *_unwanted(said)])
    if said.code != plain.code:
        yield f"--json: exit {said.code}, without it {plain.code}"
    try:
        json.loads(said.out)
    except ValueError as error:
        yield f"--json: not JSON: {error}"


def _line(said: Said, ground: Ground) -> str:
    """Return the line that says it, with no place and no name that changes from run to run."""
    refusals = [line for line in said.err.split("\n") if line.startswith("error: ")]
    lines = refusals or [line for line in said.out.split("\n") if line.strip()] or [line for line in said.err.split("\n") if line.strip()]
    broken = [line.strip() for line in said.out.split("\n") if line.startswith("  BROKEN ")]
    line = " / ".join([*broken, *lines[-1:]])
    line = line.replace(str(ground.hostile) + "/", "").replace(str(ground.folder) + "/", "")
    return _CHANGING.sub("…", line) if said.code == 0 else line


def forget_peak() -> None:
    """Let the peak of this process's memory begin anew, where the system can."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:  # pragma: no cover - elsewhere than on Linux the peak of all files so far is compared
        return


def peak_megabytes() -> int:
    """Return the peak of this process's memory since it was forgotten."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:  # pragma: no cover - as above
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    return int(status.partition("VmHWM:")[2].split()[0]) >> 10


def verdicts() -> dict[str, Verdict]:
    """Return the verdicts that are checked in."""
    kept: dict[str, list[int | str]] = json.loads(VERDICTS.read_text(encoding="utf-8"))
    return {name: (int(code), str(line)) for name, (code, line) in kept.items()}


def write_verdicts(files: Iterable[Hostile] | None = None) -> None:
    """Write the verdicts anew, and print what went wrong."""
    found: dict[str, Verdict] = {}
    with tempfile.TemporaryDirectory() as folder:
        ground = Ground(Path(folder))
        for hostile in files or every():
            reading = read(hostile, ground)
            assert hostile.name not in found, hostile.name
            found[hostile.name] = reading.verdict
            for wrong in reading.wrong:
                print(f"{hostile.name}: {wrong}", flush=True)
    rows = (f"{json.dumps(name, ensure_ascii=False)}: {json.dumps(verdict, ensure_ascii=False)}" for name, verdict in found.items())
    VERDICTS.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")
