"""A witness over HTTP: `POST <prefix>/add-checkpoint` (c2sp.org/tlog-witness, "HTTP Interface"). The only door to Starlette and Uvicorn.

Both are an extra of the package. Everything that decides is in `ledger.witness.witness`; here are limits: of a request's size and time, of
connections, and no word about the inside in any answer.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable
from typing import Any, Final

from ledger.errors import FormatError, InstallationError, StoreError
from ledger.witness.witness import MAX_REQUEST_BYTES, Answer, Witness, answer

try:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import Response
    from starlette.routing import Route
except ImportError as error:  # pragma: no cover - the lock of the tests holds both; test_witness_endpoint plays their absence
    raise InstallationError(
        f"a witness over HTTP needs the package {error.name}, which is not installed",
        hint="pip install 'plumbline-ledger[witness]'; without it: plumbline witness cosign",
    ) from error

BODY_SECONDS: Final = 20
"""How long a client may take to send a request's body."""
MAX_CONNECTIONS: Final = 64
_KEEP_ALIVE_SECONDS: Final = 30
_SHUTDOWN_SECONDS: Final = 5
_PREFIX: Final = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")
_LISTEN: Final = re.compile(r"(?P<host>\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]+):(?P<port>[0-9]{1,5})")
_MAX_PORT: Final = 65_535

TOO_LARGE, TIMED_OUT, FAULT, BUSY = 413, 408, 500, 503


def application(witness: Witness, *, prefix: str = "") -> Starlette:
    """Return the ASGI application.

    Args:
        witness: Who decides.
        prefix: The path before /add-checkpoint, such as /lead; empty for none.

    Raises:
        FormatError: The prefix is no path.
    """
    if not _PREFIX.fullmatch(prefix):
        raise FormatError(f"the prefix {prefix!r} is no path: want / and a word, as often as needed, and no / at the end")

    async def add_checkpoint(request: Request) -> Response:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _body(request)
        except TimeoutError:
            return _response(Answer(TIMED_OUT, b"the request took too long\n"), close=True)
        except ClientDisconnect:
            return _response(Answer(TIMED_OUT, b""), close=True)
        if body is None:
            return _response(Answer(TOO_LARGE, b"a request has at most %d bytes\n" % MAX_REQUEST_BYTES), close=True)
        return _response(await run_in_threadpool(_decide, witness, body))

    return Starlette(routes=[Route(f"{prefix}/add-checkpoint", add_checkpoint, methods=["POST"])])


async def _body(request: Request) -> bytes | None:
    """Return a request's body, None when it is too large; no more than the limit is ever held."""
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > MAX_REQUEST_BYTES:
        return None
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_REQUEST_BYTES:
            return None
    return bytes(body)


def _decide(witness: Witness, body: bytes) -> Answer:
    """Answer, whatever happens; what happened inside is nobody's business outside."""
    try:
        return answer(witness, body)
    except StoreError:
        return Answer(BUSY, b"the witness cannot keep its state now\n")
    except Exception:  # noqa: BLE001 - no traceback, and no half answer, goes out
        return Answer(FAULT, b"this witness has a fault\n")


def _response(given: Answer, *, close: bool = False) -> Response:
    headers = {"content-type": given.content_type, "cache-control": "no-store"}
    return Response(given.body, given.status, headers | ({"connection": "close"} if close else {}))


def parse_listen(text: str) -> tuple[str, int]:
    """Read HOST:PORT; port 0 is any free one.

    Raises:
        FormatError: It is none.
    """
    found = _LISTEN.fullmatch(text)
    if found is None or int(found["port"]) > _MAX_PORT:
        raise FormatError(f"{text!r} is no address to listen on: want HOST:PORT, such as 127.0.0.1:8080")
    return found["host"].strip("[]"), int(found["port"])


def serve(witness: Witness, *, listen: str, prefix: str = "", ready: Callable[[str], None]) -> None:
    """Answer requests until the process is told to stop.

    Args:
        witness: Who decides.
        listen: HOST:PORT. Put a web server with TLS before it where it is not for this machine alone.
        prefix: The path before /add-checkpoint.
        ready: Told the URL of the prefix once connections are taken.

    Raises:
        FormatError: The address or the prefix is none.
        StoreError: The address cannot be listened on.
    """
    app = application(witness, prefix=prefix)
    host, port = parse_listen(listen)
    with listener(host, port) as taken:
        shown_host = f"[{host}]" if ":" in host else host
        ready(f"http://{shown_host}:{taken.getsockname()[1]}{prefix}")
        server(app).run(sockets=[taken])


def listener(host: str, port: int) -> socket.socket:
    """Return a socket that takes connections.

    Raises:
        StoreError: The address cannot be listened on.
    """
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise StoreError(f"cannot listen on {host} port {port}: {error.strerror or error}") from error


def server(app: Any) -> uvicorn.Server:  # noqa: ANN401 - an ASGI application
    """Return a server of an application, with the limits said above."""
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    return uvicorn.Server(config)
