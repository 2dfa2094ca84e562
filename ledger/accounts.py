"""Balances read from a store: of the whole ledger, of a site, of a period."""

from __future__ import annotations

from ledger.errors import FormatError
from ledger.matter.balance import Balance
from ledger.store_view import StoreView
from schemas.identifier import moment


def balance_of(view: StoreView, *, site: str | None = None, start: str | None = None, end: str | None = None) -> dict[str, Balance]:
    """Return the balance of each constituent.

    A period goes by the time that events state: what was posted before it is the opening, and what is held is computed to its end. Over a
    site, what came from and went to other sites is told apart; over the whole ledger it cancels out.

    Args:
        view: The ledger.
        site: Only this site.
        start: A date; postings before it are the opening.
        end: A date; postings after it are left out.

    Raises:
        FormatError: A date is none.
    """
    begin, stop = (_day(start, end="T00:00:00"), _day(end, end="T23:59:59.999999"))
    whole: dict[str, Balance] = {}
    for position, posting in view.postings(site):
        when = moment(view.time_of(position)).isoformat() if start or end else ""
        if stop and _later(when, stop):
            continue
        entry = whole.setdefault(posting.constituent, Balance())
        if begin and _later(begin, when):
            entry.opening += entry.signed(posting, sited=site is not None)
        else:
            entry.post(posting)
    for constituent, mass in ({} if stop else view.held(site)).items():
        whole.setdefault(constituent, Balance()).held = mass
    for entry in whole.values():
        if stop:
            entry.held = entry.closing(sited=site is not None)
        if site is None:
            entry.moved_in = entry.moved_out = 0
    return dict(sorted(whole.items()))


def _day(text: str | None, *, end: str) -> str:
    if text is None:
        return ""
    try:
        return moment(f"{text}{end}+00:00").isoformat()
    except ValueError as error:
        raise FormatError(f"{text!r} is no date such as 2026-03-31") from error


def _later(one: str, other: str) -> bool:
    return moment(one) > moment(other)
