"""All measurements of the scorecard, in the order of its table: what each promises, how much of it a sample and the full form try.

A measurement is a function `measure(amount, seed, folder)` in a module of this folder that returns a `Figure`; `folder` is empty and
its own. The same seed and amount make the same attempts.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Measurement:
    """Where a measurement is, and how much of it is asked for."""

    name: str
    promise: str
    function: str
    """module:function"""
    sample: int
    full: int
    at_least: int
    allowed: Fraction = Fraction(0)


MEASUREMENTS: tuple[Measurement, ...] = (
    Measurement(
        "kills_sqlite",
        "a client killed at any moment loses nothing acknowledged and books nothing twice (file)",
        "kills:kills_sqlite",
        sample=40,
        full=500,
        at_least=500,
    ),
    Measurement(
        "kills_postgresql",
        "a client or server killed at any moment loses nothing acknowledged and books nothing twice (PostgreSQL)",
        "kills:kills_postgresql",
        sample=20,
        full=520,
        at_least=500,
    ),
    Measurement(
        "races_sqlite",
        "of eight processes that race for one batch no more win than there is metal for (file)",
        "races:races_sqlite",
        sample=10,
        full=150,
        at_least=100,
    ),
    Measurement(
        "races_postgresql",
        "of eight processes that race for one batch no more win than there is metal for (PostgreSQL)",
        "races:races_postgresql",
        sample=10,
        full=150,
        at_least=100,
    ),
    Measurement(
        "syscalls",
        "a kill, EIO or ENOSPC in any system call of an append loses nothing acknowledged and books nothing twice",
        "syscalls:syscalls",
        sample=80,
        full=5000,
        at_least=400,
    ),
    Measurement(
        "double_faults",
        "a kill amid an append and a second fault in the recovery lose nothing acknowledged and book nothing twice",
        "syscalls:double_faults",
        sample=15,
        full=150,
        at_least=50,
    ),
    Measurement(
        "powerloss",
        "a power cut at any moment, with unsynced writes lost, reordered and torn, loses nothing acknowledged and books nothing twice",
        "powerloss:powerloss",
        sample=150,
        full=6000,
        at_least=5000,
    ),
    Measurement(
        "disk_full",
        "a disk without room keeps what was acknowledged, refuses cleanly, and goes on once there is room",
        "diskfull:disk_full",
        sample=12,
        full=200,
        at_least=200,
    ),
    Measurement(
        "clocks",
        "clocks set back, ahead or standing still: nothing is refused, the log's time never goes back, the audit flags what it should",
        "clocks:clocks",
        sample=120,
        full=1200,
        at_least=1000,
    ),
    Measurement(
        "writers_sqlite",
        "eight writers of two instances on one ledger: every append once, no fork (file)",
        "writers:writers_sqlite",
        sample=160,
        full=2000,
        at_least=2000,
    ),
    Measurement(
        "writers_postgresql",
        "eight writers of two instances on one ledger: every append once, no fork (PostgreSQL)",
        "writers:writers_postgresql",
        sample=80,
        full=2000,
        at_least=2000,
    ),
    Measurement(
        "flips_ledger",
        "a bit flipped anywhere in a ledger's file is said in words, or changes nothing",
        "flips:ledger",
        sample=3_000,
        full=196_608,
        at_least=196_608,
    ),
    Measurement(
        "flips_export",
        "a bit flipped in an export is said in words, or changes nothing",
        "flips:export",
        sample=800,
        full=20_000,
        at_least=20_000,
    ),
    Measurement(
        "flips_evidence",
        "a bit flipped in a certificate or its evidence is said in words, or changes nothing",
        "flips:evidence",
        sample=500,
        full=20_000,
        at_least=20_000,
    ),
    Measurement(
        "heldback",
        "whoever holds one checkpoint sees every older copy, frozen view and fork",
        "heldback:measure",
        sample=12,
        full=100,
        at_least=300,
    ),
    Measurement(
        "hostile",
        "a hostile file gets the verdict that a person wrote down for it: no false HOLDS, no fault, no raw escape",
        "hostile_pack:measure",
        sample=330,
        full=2_000,
        at_least=200,
    ),
    Measurement(
        "fuzz",
        "bent bytes are refused by whatever reads them: no fault, and nothing accepted that means something else",
        "fuzzed:measure",
        sample=20_000,
        full=1_000_000,
        at_least=1_000_000,
    ),
    Measurement(
        "disagreements",
        "two verifiers, one written from the specification alone, say the same",
        "disagreements:measure",
        sample=300,
        full=20_000,
        at_least=20_000,
    ),
    Measurement(
        name="simulator",
        promise="no act of a party, a thief or a clerk breaks the books: conservation, overdrafts, certificates, chains",
        function="simulated:measure",
        sample=6_000,
        full=1_000_000,
        at_least=1_000_000,
    ),
    Measurement(
        name="frauds",
        promise="a planted fraud that the ledger promises to stop is refused, or gains nothing",
        function="frauds:measure",
        sample=23,
        full=1_150,
        at_least=1_000,
    ),
    # `make mutants` measures, in some 40 minutes on two cores, and writes it down; this only reads it.
    Measurement(
        "mutants",
        "a small defect in the rules of metal, of the log's bytes or of the state makes a test fail",
        "mutants:mutants",
        sample=6_000,
        full=6_000,
        at_least=6_000,
        allowed=Fraction(5, 100),
    ),
)
