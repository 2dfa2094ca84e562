"""Search for bytes that make a parser or verifier fault, guided by which of its lines they reach: run by hand, for atheris is not locked.

    pip install atheris                                     wheels for Linux and macOS alone, Python 3.11 and newer
    python tests/faults/guided.py                           names the targets
    python tests/faults/guided.py TARGET [SECONDS] [DIR]    begins with the target's valid files; keeps what reaches further in DIR

It ends with exit code 1 at the first input that is no refusal, or that is accepted and means something else, and writes that input to
crash-… in the present folder. Such an input becomes a file of tests/hostile.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

HOME = Path(__file__).parents[2]
sys.path[:0] = [str(HOME), *(str(HOME / "tests" / name) for name in ("support", "faults", "hostile"))]

try:
    import atheris  # type: ignore[import-not-found, import-untyped, unused-ignore]
except ImportError:
    sys.exit(
        "atheris is not installed: pip install atheris (Linux or macOS). The fuzzing that needs nothing else is tests/faults/fuzzed.py"
    )

with atheris.instrument_imports(include=["ledger", "schemas", "cli", "reports"]):
    from fuzz_targets import Target, fault, targets


def guided(target: Target, seconds: int, corpus: Path) -> None:
    """Search for so many seconds."""
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)

    def one(data: bytes) -> None:
        wrong = fault(target, data)
        if wrong is not None:
            raise AssertionError(wrong)

    longest = 4 * max(map(len, target.seeds))
    atheris.Setup(
        [sys.argv[0], str(corpus), f"-max_total_time={seconds}", f"-max_len={longest}", "-timeout=5", "-print_final_stats=1"], one
    )
    atheris.Fuzz()


def main() -> None:
    """Search one target."""
    with tempfile.TemporaryDirectory() as folder:
        known = {target.name: target for target in targets(Path(folder))}
        if len(sys.argv) < 2 or sys.argv[1] not in known:
            sys.exit("\n".join(known))
        seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 60
        guided(known[sys.argv[1]], seconds, Path(sys.argv[3]) if len(sys.argv) > 3 else Path(folder) / "corpus")


if __name__ == "__main__":
    main()
