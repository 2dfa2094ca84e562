"""The chain-of-custody model of a batch, in the words of ISO 22095:2020.

The ledger follows atoms, so a certificate rests on one of three models, from the most to the least traceable:

| model               | when                                                                                                  |
|---------------------|-------------------------------------------------------------------------------------------------------|
| identity_preserved  | everything came in as one batch, of one characteristic, and nothing was mixed in                       |
| segregated          | several batches came in, all of one known characteristic, and so is all of what was made of them      |
| controlled_blending | anything else: metal of different characteristics was mixed, and the shares of each are known         |

The characteristic is what the certificate is about: the feedstock class for recycled content, all place facts for domestic origin. Every
batch that entered upstream is looked at and the product itself, so the weakest step of the chain decides. What is unknown is of no known
characteristic: a gain at one furnace, a stock-take that found more, or two receipts of unknown class make a blend. `mass_balance` and
`book_and_claim` follow accounts and not atoms; nothing here gives them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from ledger.matter.provenance import UNKNOWN, Source

CustodyModel = Literal["identity_preserved", "segregated", "controlled_blending"]


def custody_model(kind: str, entries: Sequence[Collection[Source]], product: Collection[Source]) -> CustodyModel:
    """Return the model of a chain.

    Args:
        kind: What is certified, recycled-content or domestic-origin.
        entries: The sources of each batch that entered upstream, as it entered; steps add places later.
        product: The sources of what is certified.
    """
    came = {_characteristic(kind, source) for entry in entries for source in entry}
    went = {_characteristic(kind, source) for source in product}
    if len(came) != 1 or len(went) != 1:
        return "controlled_blending"
    if len(entries) == 1:
        return "identity_preserved"
    return "segregated" if _known(kind, {source for entry in (*entries, product) for source in entry}) else "controlled_blending"


def _characteristic(kind: str, source: Source) -> object:
    return source.places if kind == "domestic-origin" else source.feedstock


def _known(kind: str, sources: Collection[Source]) -> bool:
    """Say whether nothing of the characteristic is unknown; without any place nothing is known of an origin."""
    if kind == "domestic-origin":
        return all(source.places and all(UNKNOWN not in countries for _, countries in source.places) for source in sources)
    return all(source.feedstock != UNKNOWN for source in sources)
