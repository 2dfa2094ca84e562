"""What an auditor brings along, and what an audit found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from ledger.errors import LedgerError
from ledger.mark import Mark
from ledger.replay import broken
from ledger.sampling import Sample
from ledger.trust import Trust
from schemas.finding import Finding


@dataclass(frozen=True, slots=True)
class Held:
    """What an auditor brings along: the mark beside the log's key, a pinned trust file, checkpoints that others hold.

    `mark_problem` says why the mark that is there cannot be read. `sample` is how many events to draw for comparison with papers, with a
    seed of the auditor's own.
    """

    mark: Mark | None = None
    mark_place: str = ""
    mark_problem: str = ""
    trust: Trust | None = None
    checkpoints: Sequence[tuple[str, bytes]] = ()
    sample: int = 0
    seed: str = ""


@dataclass(slots=True)
class Audit:
    """What an audit found, in a store or an export. `witnessed` says in words who cosigned the newest checkpoint that counts."""

    place: str = "store"
    size: int = 0
    root: str = ""
    ledger: str = ""
    origin: str = ""
    time: int | None = None
    findings: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    fresh: bool = False
    witnessed: str = ""
    sample: Sample | None = None

    @property
    def holds(self) -> bool:
        """Whether nothing is broken."""
        return not any(finding.severity == "broken" for finding in self.findings)

    @property
    def rolled_back(self) -> bool:
        """Whether more was signed for than is there."""
        return any(finding.code == "rollback" and finding.index is not None for finding in self.findings)

    @property
    def first_bad(self) -> int | None:
        """Return the lowest index at which something is broken."""
        return min((f.index for f in self.findings if f.severity == "broken" and f.index is not None), default=None)


@contextmanager
def part(report: Audit, what: str) -> Iterator[None]:
    """Turn whatever goes wrong in a part of the audit into a finding, so that the other parts are still done."""
    try:
        yield
    except LedgerError as refusal:
        report.findings.append(broken("store-damaged", None, f"{what} cannot be read: {refusal}", refusal=refusal.code))
    except Exception as fault:  # noqa: BLE001 - damage has many faces, and an auditor never ends in a traceback
        report.findings.append(broken("store-damaged", None, f"{what} cannot be checked: {fault!r}", fault=type(fault).__name__))
