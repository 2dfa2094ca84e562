"""How one constituent of a transform closes: residual = in − out − declared losses, which is never zero.

| residual                  | what happens                                                                                     |
|---------------------------|--------------------------------------------------------------------------------------------------|
| 0 … k·u                   | unaccounted loss, in proportion                                                                  |
| above k·u                 | the same in the books, and a finding; for claims the excess is lost from recycled classes first   |
| any, an assay omits it    | loss of the kind `not_assayed`, in proportion                                                    |
| −k·u … 0                  | what came in is shared over all that came out; the excess of each is unknown                      |
| below −k·u                | refused: a step cannot make metal                                                                |
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ledger.errors import BalanceError, LossError, grams
from ledger.matter import uncertainty
from ledger.matter.batch import Content
from ledger.matter.booking import ADJUSTED, LOST, Page, Residual
from ledger.matter.provenance import GAIN, UNKNOWN, Source, Stock, mixed
from ledger.matter.uncertainty import Components
from schemas.party import Site

_RECYCLED = frozenset({"end_of_life", "distribution_return", "pre_consumer_external", "pre_consumer_internal"})


@dataclass(frozen=True, slots=True)
class Claimant:
    """Something that takes a share of the mixture: an output, or a declared loss of some kind. `mass` in mg."""

    mass: int
    u: Components
    kind: str = ""


def close_constituent(
    page: Page,
    site: Site,
    constituent: str,
    *,
    mixture: Content,
    outputs: list[Claimant | None],
    losses: list[Claimant],
    balance: int | None,
    omitted: bool,
) -> list[Content | None]:
    """Share a mixture over outputs and losses, post what is lost or gained, and return each output's content.

    Args:
        page: The page that the transform is worked out on.
        site: Where it happens.
        constituent: Which constituent.
        mixture: What came in, as made, with the step's place.
        outputs: One per output; None where the output does not claim the constituent by a figure of its own.
        losses: Declared losses.
        balance: The output that takes what the others leave.
        omitted: Some output's assay does not name the constituent.

    Raises:
        LossError: More is declared lost than came in.
        BalanceError: More came out than went in, beyond the bound.
    """
    into = mixture.mass
    lost = sum(claimant.mass for claimant in losses)
    out = sum(claimant.mass for claimant in outputs if claimant)
    figures = [claimant.u for claimant in (*outputs, *losses) if claimant]
    allowed = uncertainty.bound(page.policy, mixture.components, *figures)
    if lost - into > uncertainty.bound(page.policy, mixture.components):  # what was declared cannot excuse itself
        raise LossError(constituent, into=into, lost=lost)
    residual = into - out - lost
    if residual < -allowed:
        raise BalanceError(constituent, into=into, out=out + lost, bound=allowed)
    claimants = list(outputs)
    if balance is not None:
        claimants[balance] = Claimant(max(0, residual), uncertainty.summed([mixture.components, *figures]))
        residual = min(0, residual)
    unknown = max(0, -residual)
    if into or out or lost:
        page.residuals.append(Residual(constituent, into, out, lost, residual, allowed, unknown))
    for loss in losses:
        page.post(site.id, LOST, constituent, loss.mass, kind=f"declared {loss.kind}")
    if residual < 0:
        page.post(site.id, ADJUSTED, constituent, unknown, kind="gain")
        return _gained(page, mixture, claimants, losses)
    page.post(site.id, LOST, constituent, residual, kind="not_assayed" if omitted else "unaccounted")
    if omitted and residual:
        page.note("not-assayed", f"{constituent}: {grams(residual)} went into outputs whose assay does not name it")
    if not omitted and residual > allowed:
        page.note("loss-beyond-bound", f"{constituent}: {grams(residual)} unaccounted for, the bound is {grams(allowed)}")
        mixture = _cautious(mixture, residual - allowed)
    return _taken(page, mixture, claimants)


def _taken(page: Page, mixture: Content, claimants: list[Claimant | None]) -> list[Content | None]:
    """Give each claimant its mass of the mixture, measured anew where it was measured."""
    contents: list[Content | None] = []
    for number, claimant in enumerate(claimants):
        if claimant is None:
            contents.append(None)
            continue
        part, mixture = mixture.take(claimant.mass)
        contents.append(_measured(page, part, claimant, number))
    return contents


def _measured(page: Page, part: Content, claimant: Claimant, number: int) -> Content:
    u = uncertainty.gathered(claimant.u or part.u, where=f"{page.position}:{number}")
    return replace(part, u=u, u_base=claimant.mass)


def _gained(page: Page, mixture: Content, claimants: list[Claimant | None], losses: list[Claimant]) -> list[Content | None]:
    """Share what came in over outputs and losses by contained mass; the excess of each output is unknown."""
    into = mixture.mass
    claimed = sum(claimant.mass for claimant in (*claimants, *losses) if claimant)
    contents: list[Content | None] = []
    cumulative = 0
    for number, claimant in enumerate(claimants):
        if claimant is None:
            contents.append(None)
            continue
        before, cumulative = cumulative, cumulative + claimant.mass
        share = into * cumulative // claimed - into * before // claimed
        part, mixture = mixture.take(share)
        gain = {GAIN: claimant.mass - share}
        booked = Stock.of(mixed(part.booked.left, gain))
        cautious = None if part.cautious is None else Stock.of(mixed(part.cautious.left, gain))
        contents.append(_measured(page, replace(part, booked=booked, cautious=cautious), claimant, number))
    return contents


def _worth(source: Source) -> tuple[int, int]:
    """Return how much a claim would like to keep a source: recycled classes first, then by the places that are known."""
    known = sum(UNKNOWN not in countries for _, countries in source.places)
    return (source.feedstock in _RECYCLED, known)


def _cautious(mixture: Content, excess: int) -> Content:
    """Return a mixture whose claims have lost the excess from what claims like best.

    So receipts of metal that never was cannot raise a share: what they brought is missing at the furnace, and is taken from them.
    """
    left = dict(mixture.claimable.left)
    for source in sorted(left, key=lambda source: (*(-worth for worth in _worth(source)), source)):
        take = min(left[source], excess)
        left[source] -= take
        excess -= take
    return replace(mixture, cautious=Stock.of(left))
