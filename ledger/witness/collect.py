"""Collecting cosignatures: every witness of a policy is asked at once, and none can hold up or spoil what the others give.

A line is kept only when it verifies under the key that the policy names for the witness. What a witness says beside that is shown and
believed by nobody.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Final
from urllib.parse import SplitResult, urlsplit

from ledger.errors import FormatError, LedgerError, LimitError
from ledger.tlog.checkpoint import Verify, parse_checkpoint, parse_decimal, signatures_by, verify_cosignatures
from ledger.tlog.merkle import Hash
from ledger.tlog.note import Note, VerifierKey, parse_note, shown
from ledger.tlog.quorum import Witness
from ledger.witness.witness import CONFLICT, OK, SIZE_TYPE, Request

MAX_ANSWER_BYTES: Final = 1 << 16
_TRIES: Final = 3
"""The size that we think a witness has, the size that it says it has, and once more where somebody asked in between."""
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_MAX_SHOWN: Final = 160


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP response."""

    status: int
    content_type: str
    body: bytes


Post = Callable[[str, bytes, float], Reply]
"""Send a body to a URL within so many seconds, and return the response; raises OSError or HTTPException."""

Path = Callable[[int], Sequence[Hash]]
"""Return the consistency path from an older size of the log to the checkpoint that is to be cosigned."""


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A verified cosignature: the name in its line, its key ID in hex, its time in seconds since 1970, and the line."""

    name: str
    key_id: str
    time: int
    line: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of asking a witness: its name in the policy, whether it cosigned, and in words."""

    witness: str
    cosigned: bool
    said: str


@dataclass(slots=True)
class Collected:
    """What came of asking all, in the order of the policy, and the cosignatures to keep."""

    outcomes: list[Outcome] = field(default_factory=list)
    cosignatures: list[Cosignature] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked of every witness: the checkpoint's note, paths to it, the sizes witnesses are thought to have, and with what means."""

    note: bytes
    path: Path
    verify: Verify
    post: Post
    timeout: float
    """Seconds for each witness, all its tries together."""
    clock: Callable[[], float] = field(default=monotonic)
    """Seconds that only go forward."""
    known: Callable[[Witness], int] = field(default=lambda _: 0)
    """The size that a witness is thought to have cosigned last."""


def collect(witnesses: Sequence[Witness], asking: Asking) -> Collected:
    """Ask witnesses for cosignatures.

    A witness without a URL is not asked; those with one URL, the keys of one witness, are asked together. Each URL has a thread of its own,
    which is left behind when it does not come back in time.
    """
    places: dict[str, list[Witness]] = {}
    for one in witnesses:
        if one.url:
            places.setdefault(one.url.rstrip("/"), []).append(one)
    answers: dict[str, Collected] = {}

    def run(place: str) -> None:
        answers[place] = ask(place, places[place], asking)

    threads = {place: threading.Thread(target=run, args=(place,), daemon=True) for place in places}
    end = asking.clock() + asking.timeout
    for thread in threads.values():
        thread.start()
    for thread in threads.values():
        thread.join(max(0.0, end - asking.clock()))
    answered = dict(answers)  # what comes later comes too late
    outcomes = {outcome.witness: outcome for one in answered.values() for outcome in one.outcomes}
    collected = Collected(cosignatures=[found for place in places if place in answered for found in answered[place].cosignatures])
    for one in witnesses:
        late = f"no answer within {asking.timeout:g} s" if one.url else "not asked: it has no URL"
        collected.outcomes.append(outcomes.get(one.name) or Outcome(one.name, cosigned=False, said=late))
    return collected


def ask(place: str, witnesses: Sequence[Witness], asking: Asking) -> Collected:
    """Ask a witness at a URL, from the size that it has; whatever it does is an outcome, never an exception."""
    try:
        size, body = _ask(place, witnesses, asking)
    except LedgerError as refusal:
        said = str(refusal)
    except (OSError, http.client.HTTPException, ValueError) as error:
        said = f"no answer: {getattr(error, 'strerror', None) or str(error) or type(error).__name__}"
    else:
        collected = Collected()
        for one in witnesses:
            _take(one, body, size, asking, collected)
        return collected
    return Collected([Outcome(one.name, cosigned=False, said=_clipped(said)) for one in witnesses])


def _take(witness: Witness, body: bytes, size: int, asking: Asking, collected: Collected) -> None:
    """Take from an answer what verifies as one witness's."""
    try:
        found = read_cosignatures(asking.note, body, keys=[witness.key], verify=asking.verify)
        said = f"cosigned size {size}" if found else f"answered without a cosignature by {witness.key.name}+{witness.key.key_id.hex()}"
    except LedgerError as refusal:
        found, said = [], f"not kept: {refusal}"
    collected.cosignatures += found
    collected.outcomes.append(Outcome(witness.name, cosigned=bool(found), said=_clipped(said)))


def _ask(place: str, witnesses: Sequence[Witness], asking: Asking) -> tuple[int, bytes]:
    """Return the size of the checkpoint and the lines that were answered."""
    url = f"{place}/add-checkpoint"
    check_url(url)
    size = parse_checkpoint(parse_note(asking.note).text).size
    old = min(size, *(asking.known(one) for one in witnesses))
    for _ in range(_TRIES):
        path = tuple(asking.path(old)) if 0 < old < size else ()
        reply = asking.post(url, Request(old, path, asking.note).to_bytes(), asking.timeout)
        if reply.status == OK:
            return size, reply.body
        if reply.status != CONFLICT or reply.content_type.partition(";")[0].strip() != SIZE_TYPE:
            raise FormatError(f"refused with status {reply.status}: {_words(reply.body)}")
        has = parse_decimal(reply.body.decode(errors="replace").removesuffix("\n"), what="the size that it says it has")
        if has > size:
            raise FormatError(f"has cosigned size {has} of this log, beyond our {size}: this log was rolled back, or shows two histories")
        if has == old == size:
            raise FormatError(f"has cosigned another root at size {size}: this log shows two histories")
        if has == old:
            raise FormatError(f"says twice that it has size {has}, and does not take it")
        old = has
    raise FormatError(f"changed its size {_TRIES} times while we asked")


def read_cosignatures(checkpoint: bytes, lines: bytes, *, keys: Sequence[VerifierKey], verify: Verify) -> list[Cosignature]:
    """Read a witness's answer and return its cosignatures by these keys; lines by others are passed over.

    Args:
        checkpoint: The note that was to be cosigned.
        lines: One or more signature lines.
        keys: Of the witnesses that may answer so.
        verify: Verifies one signature.

    Raises:
        FormatError: They are no signature lines.
        LimitError: There are too many.
        SignatureError: A line by one of the keys does not verify.
    """
    if len(lines) > MAX_ANSWER_BYTES:
        raise LimitError("the answer", got=len(lines), limit=MAX_ANSWER_BYTES, unit="bytes")
    text = parse_note(checkpoint).text
    try:
        note = parse_note(text + b"\n" + lines)
    except FormatError as refusal:
        raise FormatError(f"the answer holds no cosignature lines: {refusal.problem}") from refusal
    if note.text != text:
        raise FormatError("the answer holds more than cosignature lines")
    return [found for key in keys for found in _by(note, key, verify)]


def _by(note: Note, key: VerifierKey, verify: Verify) -> list[Cosignature]:
    times = verify_cosignatures(note, key=key, verify=verify)
    lines = signatures_by(note, key)
    return [Cosignature(key.name, key.key_id.hex(), time, one.line()) for one, time in zip(lines, times, strict=True)]


def check_url(url: str) -> SplitResult:
    """Refuse what is not https, or http to this machine itself.

    Raises:
        FormatError: As said.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise FormatError(f"{shown(url)} is no URL") from error
    if not host or parts.username or parts.query or parts.fragment or not (url.isascii() and url.isprintable() and " " not in url):
        raise FormatError(f"{shown(url)} is no URL of a witness: want https://HOST/PATH")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOOPBACK):
        raise FormatError(f"{shown(url)} is neither https nor http to this machine itself")
    return parts


def post(url: str, body: bytes, timeout: float) -> Reply:
    """Send a body over http or https. Redirects and proxies are not followed.

    Raises:
        FormatError: The URL is none of ours.
        LimitError: The answer is too large.
        OSError, http.client.HTTPException: There is no answer.
    """
    parts = check_url(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.request("POST", parts.path, body, {"Content-Type": "text/plain; charset=utf-8", "User-Agent": "plumbline"})
        response = connection.getresponse()
        data = response.read(MAX_ANSWER_BYTES + 1)
        if len(data) > MAX_ANSWER_BYTES:
            raise LimitError("the answer", got=len(data), limit=MAX_ANSWER_BYTES, unit="bytes")
        return Reply(response.status, response.headers.get("Content-Type", ""), data)
    finally:
        connection.close()


def _words(body: bytes) -> str:
    """Return what a witness says, as far as it can be shown on one line."""
    text = " ".join(body[: 4 * _MAX_SHOWN].decode(errors="replace").split())
    return "".join(character if character.isprintable() and character.isascii() else "?" for character in text) or "no reason given"


def _clipped(text: str) -> str:
    return text if len(text) <= 2 * _MAX_SHOWN else f"{text[: 2 * _MAX_SHOWN]}..."
