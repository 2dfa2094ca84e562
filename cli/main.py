"""The command line: one table of commands, loaded when they are asked for, and one place where a refusal becomes an exit code.

| exit code | meaning                                    |
|-----------|--------------------------------------------|
| 0         | it holds, it is done                       |
| 1         | it does not hold, or is not allowed        |
| 2         | usage, or input that cannot be read        |
| 3         | the store, a key file or the installation  |
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from ledger.errors import LedgerError
from ledger.installation import check_installation

COMMANDS: dict[str, tuple[str, str, str]] = {
    "demo": ("demo", "Start here", "Play a whole quarter of five companies and leave every file to look at."),
    "init": ("ledger", "Start here", "Make a new ledger with its log key and registrar key."),
    "key": ("key", "Start here", "Make, show and check keys; enrol, retire and revoke them."),
    "admit": ("enter", "Start here", "Admit a party with its first key (the registrar's work)."),
    "site": ("enter", "Start here", "Register a plant or yard of your party."),
    "trust": ("ledger", "Start here", "Write the trust file that verifiers pin."),
    "log": ("record", "Record what happens", "Sign and append events from a file, one JSON object per line."),
    "receive": ("enter", "Record what happens", "Receive a batch at the gate."),
    "transform": ("enter", "Record what happens", "Break, smelt, refine, alloy, cast, split, merge: inputs into outputs."),
    "ship": ("enter", "Record what happens", "Ship a whole batch to a site, or outside."),
    "accept": ("enter", "Record what happens", "Accept what was shipped to you."),
    "assay": ("enter", "Record what happens", "Enter a laboratory result that came later."),
    "adjust": ("enter", "Record what happens", "Enter what a stock-take found more or less."),
    "dispose": ("enter", "Record what happens", "Let material leave as waste."),
    "correct": ("amendments", "Record what happens", "Correct an event; everything that follows is derived again."),
    "void": ("amendments", "Record what happens", "Take back an event whose outputs were not used."),
    "sign": ("record", "Work without a connection", "Sign events now and submit them later."),
    "submit": ("record", "Work without a connection", "Submit signed records."),
    "outbox": ("record", "Work without a connection", "Look after signed records that wait for their receipt."),
    "show": ("look", "Look", "Show a batch: where it is, what it contains, where that came from."),
    "batches": ("look", "Look", "List batches."),
    "parties": ("look", "Look", "List parties and their keys."),
    "sites": ("look", "Look", "List sites."),
    "trace": ("look", "Look", "Trace a batch back to its trucks or forward to its products."),
    "balance": ("look", "Look", "Balance the books, of the ledger or of a site."),
    "recovered": ("recovered", "Look", "Tell a supplier what became of what it delivered."),
    "certify": ("certify", "Certify and verify", "Issue a certificate as a PDF with its signed data inside."),
    "certificates": ("certify", "Certify and verify", "List certificates and what became of them."),
    "certificate": ("certify", "Certify and verify", "Write a certificate again: its PDF, JSON, vc+jwt, or what UNTP reads."),
    "withdraw": ("certify", "Certify and verify", "Take a certificate back."),
    "rules": ("rules", "Certify and verify", "List the rules that certificates are judged by; show one, check your own."),
    "verify": ("verify", "Certify and verify", "Verify a certificate, record, receipt or checkpoint."),
    "prove": ("prove", "Certify and verify", "Write a proof for outsiders: of a record, a certificate, or all records of a key."),
    "audit": ("audit", "Certify and verify", "Verify the whole ledger, or its export, again from its stored bytes."),
    "attest": ("attest", "Certify and verify", "Audit as the ledger's auditor and sign a statement of it."),
    "compare": ("compare", "Certify and verify", "Compare two checkpoints, exports or ledgers: the same, behind, or a fork."),
    "disclose": ("private", "Private fields", "Hand out what opens sealed fields of a record."),
    "erase": ("private", "Private fields", "Erase what opens sealed fields; every check still holds."),
    "checkpoint": ("ledger", "Look after a ledger", "Print the newest checkpoint; sign for records that are not signed for."),
    "export": ("export", "Look after a ledger", "Write the log as plain files that any web server can hand out."),
    "witness": ("witness", "Look after a ledger", "Witness other people's logs: cosign what is consistent with what was seen."),
    "restore": ("restore", "Look after a ledger", "Enter again what an older copy, put back, has lost."),
    "rebuild": ("ledger", "Look after a ledger", "Derive the tables again from the records."),
    "role": ("ledger", "Look after a ledger", "Print what makes a database role that adds records and changes none."),
    "doctor": ("doctor", "Look after a ledger", "Check the installation, the store's settings and the key files."),
    "schema": ("ledger", "Look after a ledger", "Print the JSON Schema of events."),
    "completion": ("ledger", "Look after a ledger", "Print the completion script for your shell."),
}
"""Command → (module, section of the help, one line). Modules are loaded when their command runs, so that `--help` is quick."""


class Commands(click.Group):
    """A group whose commands are loaded on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the commands in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Load a command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the commands by section, without loading any."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, (_, section, line) in COMMANDS.items():
            sections.setdefault(section, []).append((name, line))
        for section, rows in sections.items():
            with formatter.section(section):
                formatter.write_dl(rows)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="A ledger proves statements, not metal. Exit codes: 0 holds or done, 1 does not hold or not allowed, 2 usage or unreadable "
    "input, 3 store, key or installation.",
)
@click.option("-L", "--ledger", envvar="PLUMBLINE_LEDGER", help="The ledger, where every command looks for it. Also PLUMBLINE_LEDGER.")
@click.option("-k", "--key", envvar="PLUMBLINE_KEY", help="The key file that signs. Also PLUMBLINE_KEY.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.version_option(package_name="plumbline-ledger", prog_name="plumbline")
@click.pass_context
def plumbline(ctx: click.Context, ledger: str | None, key: str | None, *, as_json: bool) -> None:
    """Plumbline: a traceability ledger for battery metals.

    Companies log what they receive, make and ship; the ledger conserves contained lead and antimony to the milligram, and certificates of
    recycled content and origin can be recomputed by anybody.

    New here? Run: plumbline demo
    """
    ctx.obj = {"ledger": ledger, "key": key, "json": as_json}


def main(args: Sequence[str] | None = None) -> None:
    """Run a command and exit with its code."""
    arguments = list(sys.argv[1:] if args is None else args)
    sys.exit(run(arguments))


def run(arguments: list[str]) -> int:
    """Run a command and return its exit code; no traceback ever reaches a person."""
    as_json = "--json" in arguments
    try:
        check_installation()
        result = plumbline.main(arguments, prog_name="plumbline", standalone_mode=False)
        sys.stdout.flush()
    except LedgerError as refusal:
        return _refused(refusal, as_json=as_json)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        return _misused(error, as_json=as_json)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has gone; say nothing more
        return 0
    except Exception as error:
        if os.environ.get("PLUMBLINE_DEBUG"):
            raise
        return _faulty(error, as_json=as_json)
    return result if isinstance(result, int) else 0


def _refused(refusal: LedgerError, *, as_json: bool) -> int:
    from cli.output import report_error  # noqa: PLC0415 - loaded when needed

    place: dict[str, Any] = getattr(refusal, "place", {})
    said = bool(place) and str(refusal).startswith(f"{place['file']}, line {place['line']}")
    report_error(
        code=refusal.code,
        message=str(refusal),
        file=place.get("file", getattr(refusal, "file", None)),
        line=place.get("line", getattr(refusal, "line", None)),
        field=getattr(refusal, "field", None),
        hint=refusal.hint,
        as_json=as_json,
        prefix=bool(place) and not said,
    )
    return refusal.exit_code


def _misused(error: click.ClickException, *, as_json: bool) -> int:
    from cli.output import report_error  # noqa: PLC0415 - loaded when needed

    if isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ())):
        click.echo(error.format_message(), err=True)  # a command without arguments: its help, which is no refusal
        return 2
    context = getattr(error, "ctx", None)
    hint = f"{context.command_path} --help" if context is not None else "plumbline --help"
    report_error(code="usage", message=error.format_message(), hint=hint, as_json=as_json)
    return 2


def _faulty(error: Exception, *, as_json: bool) -> int:
    from cli.output import report_error  # noqa: PLC0415 - loaded when needed

    report_error(
        code="fault",
        message=f"this program has a fault: {type(error).__name__}: {error}",
        hint="please report it; PLUMBLINE_DEBUG=1 shows where it happened",
        as_json=as_json,
    )
    return 3
