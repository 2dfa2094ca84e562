"""Rules: the list, one of them in full, and checking a file of one's own."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import hint, print_json, say, table
from cli.session import json_option, read_input
from ledger.errors import FormatError

if TYPE_CHECKING:
    from ledger.rules.book import Book, Entry
    from schemas.rule import Rule

VARIABLE = "PLUMBLINE_RULES"
rule_pack_option = click.option(
    "--rule-pack",
    "packs",
    multiple=True,
    metavar="DIR",
    help=f"A folder of rule files of your own. Also {VARIABLE}, several with {os.pathsep}",
)


def book_with(packs: Iterable[str]) -> Book:
    """Return the program's rules with those of some folders; without one named, of those that PLUMBLINE_RULES names.

    Raises:
        FormatError: A folder cannot be read, or a file in it is no rule.
        DuplicateError: Two rules have one id.
    """
    from ledger.rules.book import own  # noqa: PLC0415 - loaded when needed

    book = own()
    for name in tuple(packs) or tuple(part for part in os.environ.get(VARIABLE, "").split(os.pathsep) if part):
        try:
            files = sorted(path for path in Path(name).iterdir() if path.suffix == ".json")
        except OSError as error:
            raise FormatError(f"cannot be read as a folder of rules: {error.strerror}", file=name) from error
        book = book.with_pack({path.name: read_input(str(path)) for path in files})
    return book


@click.group(invoke_without_command=True)
@rule_pack_option
@json_option
@click.pass_context
def rules(ctx: click.Context, packs: tuple[str, ...]) -> None:
    """List the rules that certificates are judged by; show one, or check a file of your own.

    They are statements of real programs as data, with citation and dates; not legal advice. A folder of files of the same form adds rules
    of your own, such as a customer's specification: --rule-pack DIR.
    """
    ctx.obj["packs"] = packs
    if ctx.invoked_subcommand is not None:
        return
    found = book_with(packs).all()
    if ctx.obj["json"]:
        print_json({"rules": [_data(entry) for entry in found]})
        return
    rows = [[one.rule.id, one.rule.version, one.rule.status, one.rule.measure, one.rule.citation, one.rule.confidence] for one in found]
    table(["rule", "version", "status", "measure", "citation", "confidence"], rows)


def _data(entry: Entry) -> dict[str, Any]:
    return {**entry.rule.model_dump(mode="json", by_alias=True), "sha256": entry.sha256}


@rules.command()
@click.argument("rule_id", metavar="ID")
@json_option
@click.pass_context
def show(ctx: click.Context, rule_id: str) -> None:
    """Show a rule: what it measures and asks, when it is in force, and how sure its text is."""
    entry = book_with(ctx.obj["packs"]).load(rule_id)
    if ctx.obj.get("json"):
        print_json(_data(entry))
        return
    rule = entry.rule
    say(f"{rule.id} v{rule.version}  {rule.title}", style="bold")
    for name, text in _facts(rule):
        say(f"  {name:13} {text}")
    say(f"  {'sha256':13} {entry.sha256}")


def _facts(rule: Rule) -> list[tuple[str, str]]:
    """Return what a rule says, as labels and sentences."""
    force = f"{rule.status.replace('_', ' ')}, {_days(rule.effective_from, rule.effective_to)}"
    rows = [
        ("citation", rule.citation),
        ("in force", force + (f"; waits for {rule.awaits}" if rule.awaits else "")),
        *(("suspended", _days(one.from_, one.to)) for one in rule.suspended),
        ("certificate", rule.kind),
        ("scope", rule.scope),
        ("about", _about(rule)),
        ("measure", rule.measure),
        *_asked(rule),
        *_places(rule),
        *(("condition", _condition(rule, one.model_dump(exclude_none=True))) for one in rule.conditions),
        *(("question", f"{question}, which a named person answers") for question in _questions(rule)),
        *(("missing", f"{one}, for which no record has a field") for one in rule.missing),
        ("confidence", {"H": "high", "M": "medium", "L": "low: not checked against the source text"}[rule.confidence]),
        ("notes", rule.notes),
    ]
    return [(name, text) for name, text in rows if text]


def _days(first: str | None, last: str | None) -> str:
    """Say from when to when; an open beginning or end is left out."""
    words = [f"from {first}" if first else "", f"to {last}" if last else "on" if first else ""]
    return " ".join(word for word in words if word) or "no days known"


def _about(rule: Rule) -> str:
    what = "any constituent" if "ALL" in rule.elements else ", ".join(rule.elements)
    products = f" of {', '.join(rule.products)}" if rule.products else ""
    return what + products + (f", category {', '.join(rule.categories)}" if rule.categories else "")


def _asked(rule: Rule) -> list[tuple[str, str]]:
    steps = rule.threshold if isinstance(rule.threshold, list) else []
    rows = [("asks", f"{rule.operator} {one.percent} %, {_days(one.from_, one.to)}") for one in steps]
    if not steps and not rule.methods:
        rows = [("asks", f"{rule.operator} {rule.threshold} %" if isinstance(rule.threshold, str) else rule.operator)]
    if rule.components:
        rows.append(
            ("components", "counted by " + (f"screening for {rule.components.entity}" if rule.components.entity else "where they are made"))
        )
    rows += [("method", f"{one.whole} less {one.less}, {rule.operator} {one.percent} % of it") for one in rule.methods]
    rows += [("limit", f"{one.fact}{f' per {one.per}' if one.per else ''} at least {one.least}") for one in rule.limits]
    return rows + ([("fields", ", ".join(rule.fields))] if rule.fields else [])


def _places(rule: Rule) -> list[tuple[str, str]]:
    if not (rule.countries or rule.excluded):
        return []
    return [("countries", f"none of {', '.join(rule.excluded)}" if rule.excluded else ", ".join(rule.countries))]


def _condition(rule: Rule, asked: dict[str, Any]) -> str:
    if "place" in asked:
        return f"{asked['place']} is {'none of the excluded' if rule.excluded else 'one of the countries'}"
    return (
        f"{asked['screened']} for {asked['entity']} without a hit" if "screened" in asked else f"{asked['question']} is answered with yes"
    )


def _questions(rule: Rule) -> list[str]:
    asked = [rule.question, *(term.question for term in rule.numerator), *(one.question for one in rule.conditions)]
    return list(dict.fromkeys(question for question in asked if question))


@rules.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@json_option
@click.pass_context
def check(ctx: click.Context, files: tuple[str, ...]) -> None:
    """Check rule files of your own, and print the hash that certificates will quote."""
    from ledger.rules.book import own, read_rule  # noqa: PLC0415 - loaded when needed

    found = {name: read_rule(read_input(name), file=Path(name).name) for name in files}
    own().with_pack({Path(name).name: entry.canonical for name, entry in found.items()})
    if ctx.obj.get("json"):
        print_json({"rules": [{"file": name, **_data(entry)} for name, entry in found.items()]})
        return
    for name, entry in found.items():
        say(f"{name}: rule {entry.rule.id} v{entry.rule.version}, {entry.rule.title}", style="green")
        say(f"  sha256 {entry.sha256}")
    hint(f"judge by them: plumbline certify … --rule-pack {Path(files[0]).parent} --rule {next(iter(found.values())).rule.id}")
