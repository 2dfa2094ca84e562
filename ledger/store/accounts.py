"""Balances read from a store: of the whole ledger, of a site, of a period."""

from __future__ import annotations

from collections.abc import Callable

from ledger.matter.balance import Balance
from ledger.store.view import StoreView
from schemas.event import Correct


def balance_of(view: StoreView, *, site: str | None = None, start: str | None = None, end: str | None = None) -> dict[str, Balance]:
    """Return the balance of each constituent.

    What is held comes from the batches and what moved it from the postings, so that `Balance.difference` is a check of one by the other.
    A period goes by the days that events state, in their own offset, as corrections left them: what was held before it is the opening,
    what was held at its end is `held`. Over a site, what came from and went to other sites is told apart; over the ledger it cancels out.

    Args:
        view: The ledger.
        site: Only this site.
        start: The first day, such as 2026-01-01.
        end: The last day.
    """
    whole: dict[str, Balance] = {}
    day = _days(view) if start or end else lambda _: ""
    first, last = start or "", end or "~"
    for position, posting in view.postings(site):
        if first <= day(position) <= last:
            whole.setdefault(posting.constituent, Balance()).post(posting)
    if start or end:
        _hold_by_day(view, whole, day, site=site, first=first, last=last)
    else:
        for constituent, mass in view.held(site).items():
            whole.setdefault(constituent, Balance()).held = mass
    if site is None:
        for entry in whole.values():
            entry.moved_in = entry.moved_out = 0
    return dict(sorted(whole.items()))


def _hold_by_day(view: StoreView, whole: dict[str, Balance], day: Callable[[int], str], *, site: str | None, first: str, last: str) -> None:
    """Fill in what was held before a period and at its end."""
    for position, where, change in view.held_changes():
        if site not in (None, where) or day(position) > last:
            continue
        for constituent, mass in change.items():
            entry = whole.setdefault(constituent, Balance())
            entry.held += mass
            if day(position) < first:
                entry.opening += mass


def _days(view: StoreView) -> Callable[[int], str]:
    """Return what gives the day of the event at a position, as the newest correction of it says."""
    known: dict[int, str] = {}
    newest = view.corrections()

    def day(position: int) -> str:
        if position not in known:
            correction = view.event(newest[position]) if position in newest else None
            time = correction.event.time if isinstance(correction, Correct) else view.time_of(position)
            known[position] = time[:10]
        return known[position]

    return day
