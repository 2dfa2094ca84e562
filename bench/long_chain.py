"""A certificate with many ancestors: its evidence written and verified, in seconds and megabytes for each thousand.

    PYTHONPATH=tests/support python bench/long_chain.py 1000 10000

A batch is merged on and on, 200 times in a record, and the last of the chain is certified. Printed at the end is how much longer one
ancestor takes in the longest chain than in the shortest; 1 is what it should be. Every chain is verified in a process of its own, so that
its memory is its own.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from evidenced import Evidenced
from issued import lot, step
from ledger.evidence.format import format_evidence, lines_of, read_evidence
from ledger.evidence.verification import verify_evidence
from ledger.evidence.writing import evidence_of_claim
from ledger.store.store import Store
from ledger.tlog import canonical
from ledger.trust import read_trust

IN_A_RECORD = 200


class Chain(Evidenced):
    """The books of a chain; after its records nothing is verified again, which would take longer each time."""

    def check(self) -> None:
        """Leave it to the verification that is timed."""

    def grow(self, count: int) -> str:
        """Merge a batch into the next, so many times, and return the last one."""
        name = "keystone:BL"
        for start in range(0, count, IN_A_RECORD):
            steps = []
            for number in range(start, min(start + IN_A_RECORD, count)):
                after = f"keystone:C{number}"
                steps.append(step("merge", "keystone:works", [name], lot(after, "soft_lead", "1500")))
                name = after
            self.log("keystone/1", *steps)
        return name


def write(count: int, folder: Path) -> float:
    """Make a chain, write its certificate and evidence, and return the seconds that the evidence took."""
    works = Chain()
    _, document = works.certify(works.grow(count))
    works.put(folder / "ledger")
    (folder / "credential").write_bytes(canonical.encode(document))
    begun = time.perf_counter()
    with Store(works.house.path).reading() as view, (folder / "evidence").open("wb") as file:
        evidence = evidence_of_claim(view, document["credentialSubject"]["number"], basis=document["basis"]["size"])
        for piece in format_evidence(evidence):
            file.write(piece)
    return time.perf_counter() - begun


def verify(folder: Path) -> None:
    """Verify what was written, and print the seconds and the peak of memory in megabytes."""
    data, credential = (folder / "evidence").read_bytes(), (folder / "credential").read_bytes()
    trust = read_trust((folder / "ledger" / "keys" / "trust").read_bytes(), file="trust")
    begun = time.perf_counter()
    found = verify_evidence(read_evidence(lines_of(data)), credential=credential, trust=trust)
    if not found.holds:
        raise SystemExit(found.line)
    print(time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main(sizes: list[int]) -> None:
    """Measure chains of these lengths."""
    costs = []
    print(f"{'ancestors':>10} {'written':>9} {'verified':>9} {'memory':>9} {'file':>9}")
    for count in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            wrote = write(count, folder)
            again = [sys.executable, __file__, "verify", name]
            told = subprocess.run(again, check=True, capture_output=True, text=True)  # noqa: S603 - this very file
            took, memory = map(float, told.stdout.split())
            size = (folder / "evidence").stat().st_size / 1e6
            print(f"{count:>10,} {wrote:>7.2f} s {took:>7.2f} s {memory:>6.0f} MB {size:>6.1f} MB")
            costs.append((took / count, wrote / count))
    print(f"an ancestor in the longest chain takes {costs[-1][0] / costs[0][0]:.2f} times as long to verify as one in the shortest,")
    print(f"and {costs[-1][1] / costs[0][1]:.2f} times as long to write")


if __name__ == "__main__":
    if sys.argv[1:2] == ["verify"]:
        verify(Path(sys.argv[2]))
    else:
        main([int(word) for word in sys.argv[1:]] or [1000, 10_000])
