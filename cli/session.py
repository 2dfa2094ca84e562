"""What a command works with: the ledger it names, the key it signs with, pass phrases, and the clock."""

from __future__ import annotations

import functools
import os
import secrets
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ledger.errors import FormatError, KeyFileError, StoreError
from ledger.store.place import Place, place_of

if TYPE_CHECKING:
    from ledger.desk import Desk
    from ledger.keys import Signer
    from ledger.log import Log
    from ledger.store.store import Store
    from ledger.trust import Trust

_Command = TypeVar("_Command", bound=Callable[..., Any])


def now_text() -> str:
    """Return the time of signing, RFC 3339 in UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def now_seconds() -> int:
    """Return the log's time in POSIX seconds."""
    return int(time.time())


def _kept(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def keep(ctx: click.Context, _: click.Parameter, value: Any) -> None:  # noqa: ANN401 - click's value
        if value:
            ctx.ensure_object(dict)[name] = value

    return keep


def ledger_option(command: _Command) -> _Command:
    """Give a command -L/--ledger."""
    text = "The ledger: a SQLite file, or postgresql+psycopg://USER@HOST/DATABASE. Also PLUMBLINE_LEDGER."
    return click.option("-L", "--ledger", metavar="PLACE", expose_value=False, callback=_kept("ledger"), help=text)(command)


def json_option(command: _Command) -> _Command:
    """Give a command --json."""
    return click.option("--json", "as_json", is_flag=True, expose_value=False, callback=_kept("json"), help="Print JSON.")(command)


def key_options(command: _Command) -> _Command:
    """Give a command what signing needs: -k/--key, --log-key, --passphrase-fd and --dry-run."""
    options = (
        click.option(
            "-k", "--key", metavar="FILE", expose_value=False, callback=_kept("key"), help="The key file that signs. Also PLUMBLINE_KEY."
        ),
        click.option(
            "--log-key",
            metavar="FILE",
            envvar="PLUMBLINE_LOG_KEY",
            expose_value=False,
            callback=_kept("log_key"),
            help="The log's key file, where it is not where init put it. Also PLUMBLINE_LOG_KEY.",
        ),
        click.option(
            "--passphrase-fd",
            type=int,
            metavar="N",
            expose_value=False,
            callback=_kept("passphrase_fd"),
            help="Read the pass phrase from this file descriptor. Also PLUMBLINE_PASSPHRASE_FILE.",
        ),
        click.option("--dry-run", is_flag=True, expose_value=False, callback=_kept("dry_run"), help="Check everything, write nothing."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def reading(command: _Command) -> Any:  # noqa: ANN401 - a click decorator's product
    """Make a command that reads a ledger: it gets a Session."""
    return ledger_option(json_option(click.pass_context(_with_session(command))))


def writing(command: _Command) -> Any:  # noqa: ANN401 - a click decorator's product
    """Make a command that signs and writes: it gets a Session."""
    return ledger_option(key_options(json_option(click.pass_context(_with_session(command)))))


def _with_session(command: _Command) -> Callable[..., Any]:
    @functools.wraps(command)
    def called(ctx: click.Context, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - passed through
        return command(Session(ctx.obj), *args, **options)

    return called


class Session:
    """One command's surroundings. Files are opened when they are asked for."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        options.setdefault("log_key", os.environ.get("PLUMBLINE_LOG_KEY"))
        self.as_json: bool = bool(options.get("json"))
        self.dry_run: bool = bool(options.get("dry_run"))
        self._passphrase: bytes | None = None

    @property
    def has_ledger(self) -> bool:
        """Whether a ledger was named."""
        return bool(self.options.get("ledger"))

    @property
    def place(self) -> str:
        """Return the ledger as it was named: a path, a server's address, or for what only reads an export's folder or web address.

        A server's address may hold a password: what is printed is `ledger`.

        Raises:
            click.UsageError: None was named.
        """
        named = self.options.get("ledger")
        if not named:
            raise click.UsageError("which ledger? give -L PATH or set PLUMBLINE_LEDGER")
        return str(named)

    @property
    def ledger(self) -> Place:
        """Return where the ledger is.

        Raises:
            click.UsageError: None was named.
            FormatError: It is no such place.
        """
        return place_of(self.place)

    def store(self) -> Store:
        """Open the ledger's store."""
        from ledger.store.store import Store  # noqa: PLC0415 - loaded when needed

        return Store.open(self.ledger)

    def remembered(self, store: Store, name: str) -> Path:
        """Return a path that init wrote down; a relative one is beside the ledger's file. A ledger on a server has whole paths alone."""
        with store.reading() as view:
            found = store.remembered(view, name)
        if found is None:
            raise StoreError(f"{self.ledger} does not remember where its {name.replace('_', ' ')} is", hint="give it with --log-key FILE")
        return self.ledger.parent / found if isinstance(self.ledger, Path) else Path(found)

    def log(self, store: Store) -> Log:
        """Open the log with its key and mark."""
        from ledger.log import Log  # noqa: PLC0415 - loaded when needed

        named = self.options.get("log_key")
        key_file = Path(named) if named else self.remembered(store, "log_key")
        return Log(store, self.signer(key_file), key_file.parent / "mark", now_seconds)

    def key_file(self) -> Path:
        """Return the key file that signs.

        Raises:
            click.UsageError: None was named.
        """
        named = self.options.get("key")
        if not named:
            raise click.UsageError("which key signs? give -k FILE or set PLUMBLINE_KEY")
        return Path(str(named).removeprefix("file:"))

    def desk(self, *, key_file: Path | None = None) -> Desk:
        """Return the desk of the key that signs."""
        from ledger.desk import Desk  # noqa: PLC0415 - loaded when needed
        from ledger.outbox import Outbox  # noqa: PLC0415 - loaded when needed
        from ledger.store.database import BUSY_SECONDS  # noqa: PLC0415 - loaded when needed

        file = key_file or self.key_file()
        return Desk(self.signer(file), Outbox(file, wait_seconds=BUSY_SECONDS), now_text, secrets.token_bytes)

    def signer(self, file: Path) -> Signer:
        """Read a key file."""
        from ledger.keys import read_key_file  # noqa: PLC0415 - loaded when needed

        return read_key_file(file, lambda: self.passphrase(f"pass phrase of {file}: "))

    def passphrase(self, prompt: str, *, confirm: bool = False) -> bytes | None:
        """Return a pass phrase from a file descriptor, a file or a prompt; None where there is nobody to ask.

        Raises:
            KeyFileError: The file cannot be read.
        """
        if self._passphrase is not None:
            return self._passphrase
        if self.options.get("passphrase_fd") is not None:
            with os.fdopen(int(self.options["passphrase_fd"]), "rb") as source:
                self._passphrase = source.readline().rstrip(b"\r\n")
            return self._passphrase
        named = os.environ.get("PLUMBLINE_PASSPHRASE_FILE")
        if named:
            try:
                return Path(named).read_bytes().split(b"\n", 1)[0].rstrip(b"\r")
            except OSError as error:
                raise KeyFileError(f"the pass phrase file {named} cannot be read: {error.strerror}") from error
        if not sys.stdin.isatty():
            return None
        text: str = click.prompt(prompt.removesuffix(": "), hide_input=True, confirmation_prompt=confirm, err=True)
        return text.encode()

    def trust(self, file: str | None, *, store: Store | None = None, allow_weak_policy: bool = False) -> tuple[Trust, str] | None:
        """Return the trust file that pins: the one named, else the one that the ledger remembers."""
        from ledger.trust import read_trust  # noqa: PLC0415 - loaded when needed

        if file is not None:
            path = Path(file)
        elif store is not None:
            try:
                path = self.remembered(store, "trust")
            except StoreError:
                return None
            if not path.exists():
                return None
        else:
            return None
        return read_trust(read_input(str(path)), file=str(path), allow_weak_policy=allow_weak_policy), str(path)


def read_input(name: str, *, limit: int = 64 << 20) -> bytes:
    """Return the bytes of an input file, or of standard input for "-".

    Raises:
        FormatError: It cannot be read or is larger than the limit.
    """
    try:
        data = sys.stdin.buffer.read(limit + 1) if name == "-" else _read(Path(name), limit)
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror}", file=name) from error
    if len(data) > limit:
        raise FormatError(f"is larger than {limit} bytes", file=name)
    return data


def _read(path: Path, limit: int) -> bytes:
    with path.open("rb") as source:
        return source.read(limit + 1)


def needs_passphrase(file: Path) -> bool:
    """Say whether a key file is locked."""
    from ledger.keys import is_encrypted  # noqa: PLC0415 - loaded when needed

    return is_encrypted(file)
