"""Whether two verifiers, one of them written from SPEC.md alone, ever disagree: on damaged evidence, certificates and random ledgers."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory

from declaring import verdicts_on_ledger
from figure import Figure
from second import FILES, HOLDING, bent, credential_of, differ

PER_LEDGER = 200
"""One random ledger, with what its books refused, for so many damaged files: it takes as long."""


def measure(amount: int, seed: int, folder: Path) -> Figure:
    """Compare both verifiers' verdicts on so many inputs."""
    dice = random.Random(seed)
    wrong: list[str] = []
    ledgers = inputs = holding = 0
    while inputs < amount:
        if inputs >= ledgers * PER_LEDGER:
            with TemporaryDirectory(dir=folder) as place:
                verdicts = verdicts_on_ledger(seed + ledgers, Path(place))
            wrong += [f"ledger {seed + ledgers}: {pair}" for pair in verdicts if (pair[0] == "holds") != (pair[1] == "holds")]
            holding += sum(pair == ("holds", "holds") for pair in verdicts)
            inputs, ledgers = inputs + len(verdicts), ledgers + 1
            continue
        name = dice.choice(HOLDING)
        data, certificate = FILES[name], credential_of(name)
        if dice.random() < 0.25:
            certificate = bent(certificate, dice)
        else:
            data = bent(data, dice)
        found = differ(data, FILES["trust"], certificate)
        wrong += [] if found is None else [f"input {inputs}, {name}: {found}"]
        inputs += 1
    return Figure(inputs, "inputs", len(wrong), {"random ledgers among them": ledgers, "where both say HOLDS": holding}, tuple(wrong[:10]))
