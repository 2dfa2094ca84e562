"""Measure what holds under faults and attacks, and write it down: `make scorecard`.

    python tests/faults/scorecard.py                  the full form: writes bench/scorecard.json and the table in SECURITY.md
    python tests/faults/scorecard.py --sample         a few minutes of each, for continuous integration: writes nothing
    python tests/faults/scorecard.py --only NAME …    these alone; their rows are put into the file beside the others
    python tests/faults/scorecard.py --table          write the table in SECURITY.md again from bench/scorecard.json

The exit code is 1 when a promise did not hold, whatever its amount. Nothing here is typed by hand.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

HOME = Path(__file__).parents[2]
sys.path[:0] = [str(HOME), *(str(HOME / "tests" / name) for name in ("support", "faults", "hostile"))]

from figure import Figure, Row  # noqa: E402 - found in the folders above
from measurements import MEASUREMENTS, Measurement  # noqa: E402 - as above

KEPT = HOME / "bench" / "scorecard.json"
SECURITY = HOME / "SECURITY.md"
BEGIN, END = "<!-- scorecard: written by `make scorecard` -->", "<!-- end of the scorecard -->"
SEED = 20_261_124


def run(measurement: Measurement, amount: int, seed: int) -> Row:
    """Measure one, in a folder of its own that is gone afterwards."""
    module, _, name = measurement.function.partition(":")
    folder = Path(tempfile.mkdtemp(prefix=f"plumbline-{measurement.name}-"))
    started = time.monotonic()
    try:
        figure = getattr(importlib.import_module(module), name)(amount, seed, folder)
    except Exception as error:  # noqa: BLE001 - what cannot be measured is a figure too: a bad one
        figure = Figure(0, "attempts", 1, {}, (f"it could not be measured: {type(error).__name__}: {error}",))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    seconds = round(time.monotonic() - started, 1)
    return Row(measurement.name, measurement.promise, measurement.at_least, measurement.allowed, seed, seconds, figure)


def run_all(chosen: Sequence[Measurement], *, sample: bool, seed: int) -> list[Row]:
    """Measure two at a time, each in a process of its own, and say each result as it comes."""
    rows: dict[str, Row] = {}
    with ProcessPoolExecutor(max_workers=2, max_tasks_per_child=1) as pool:
        waiting = [pool.submit(run, one, one.sample if sample else one.full, seed) for one in chosen]
        for done in as_completed(waiting):
            row = done.result()
            rows[row.name] = row
            print(line(row), flush=True)
    return [rows[one.name] for one in chosen]


def line(row: Row) -> str:
    """Return a row for a terminal."""
    verdict = "holds" if row.holds else "BROKEN"
    also = "; ".join(f"{name} {value}" for name, value in row.figure.also.items())
    first = "".join(f"\n    {wrong}" for wrong in row.figure.first_wrong)
    return f"{verdict:6}  {row.promise}: {row.figure.wrong:,} of {row.figure.tried:,} {row.figure.unit}  ({row.seconds} s; {also}){first}"


def machine() -> dict[str, str]:
    """Return where the figures come from."""
    return {
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }


def kept() -> dict[str, Any]:
    """Return what was measured last."""
    return json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {"rows": {}}


def keep(rows: Iterable[Row]) -> None:
    """Put rows into the file, beside those of other measurements that are there."""
    measured = kept()["rows"] | {row.name: {"measured": time.strftime("%Y-%m-%d"), **row.to_json()} for row in rows}
    ordered = {one.name: measured[one.name] for one in MEASUREMENTS if one.name in measured}
    KEPT.write_text(json.dumps({"machine": machine(), "rows": ordered}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def table(kept_rows: dict[str, Any]) -> str:
    """Return the table of what was measured: also the figures that fall short."""
    lines = ["| promise | went wrong | of | goal | | besides |", "|---|--:|--:|---|---|---|"]
    for raw in kept_rows["rows"].values():
        row = Row.from_json({name: value for name, value in raw.items() if name != "measured"})
        goal = f"{'0' if not row.allowed else f'at most {float(row.allowed * 100):g} %'} of ≥ {row.at_least:,}"
        also = "; ".join(f"{name}: {f'{value:,}' if isinstance(value, int) else value}" for name, value in row.figure.also.items())
        met = "met" if row.met else "**not met**"
        lines.append(f"| {row.promise} | {row.figure.wrong:,} | {row.figure.tried:,} {row.figure.unit} | {goal} | {met} | {also} |")
    where, days = kept_rows["machine"], sorted({raw["measured"] for raw in kept_rows["rows"].values()})
    minutes = sum(raw["seconds"] for raw in kept_rows["rows"].values()) / 60
    place = f"{where['cores']} cores, {where['system']}, Python {where['python']}, SQLite {where['sqlite']}"
    measured = f"Measured {' to '.join({days[0]: None, days[-1]: None})} on {place}; {minutes:.0f} minutes of measuring, two at a time."
    lines += ["", f"{measured} `bench/scorecard.json` has each figure with its seed."]
    return "\n".join(lines)


def write_table() -> None:
    """Put the table into SECURITY.md, between its marks."""
    text = SECURITY.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    SECURITY.write_text(f"{before}{BEGIN}\n{table(kept())}\n{END}{after}", encoding="utf-8")


def main() -> int:
    """Measure what the command asks for."""
    asked = argparse.ArgumentParser(description="Measure what holds under faults and attacks.")
    asked.add_argument("--sample", action="store_true", help="a few minutes; writes nothing")
    asked.add_argument("--only", nargs="+", metavar="NAME", choices=[one.name for one in MEASUREMENTS], help="these measurements alone")
    asked.add_argument("--seed", type=int, default=SEED)
    asked.add_argument("--table", action="store_true", help="only write the table again")
    given = asked.parse_args()
    if given.table:
        write_table()
        return 0
    chosen = [one for one in MEASUREMENTS if given.only is None or one.name in given.only]
    rows = run_all(chosen, sample=given.sample, seed=given.seed)
    if not given.sample:
        keep(rows)
        write_table()
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
