"""The picture of the house stays true: who may import whom, one door for each outside package, sizes, and names.

cli ──► reports ──► ledger ──► schemas ──► pydantic, stdlib
 └───────────────────►┘
"""

import ast
import re
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = {
    "schemas": {"schemas"},
    "ledger": {"schemas", "ledger"},
    "reports": {"schemas", "ledger", "reports"},
    "cli": {"schemas", "ledger", "reports", "cli"},
}
STORE_DOOR = {"ledger/store/*"}
DOORS = {
    "pydantic": {"schemas/*", "ledger/*"},
    "sqlalchemy": STORE_DOOR,
    "psycopg": {"ledger/store/postgresql.py"},
    "cryptography": {"ledger/keys.py"},
    "nacl": {"ledger/keys.py"},
    "bcrypt": {"ledger/keys.py"},
    "reportlab": {"reports/sheet/*"},
    "pikepdf": {"reports/attachment.py"},
    "pyhanko": {"reports/seal.py"},
    "pyhanko_certvalidator": {"reports/seal.py"},
    "asn1crypto": {"reports/seal.py"},
    "starlette": {"ledger/witness/endpoint.py"},
    "uvicorn": {"ledger/witness/endpoint.py"},
    "click": {"cli/*"},
    "rich": {"cli/*"},
}
CLOSED_TO_REPORTS = re.compile(r"ledger\.(store|log|outbox)(\.|$)")
PURE = {"schemas/*", "ledger/tlog/*", "ledger/matter/*", "ledger/state*.py"}
OUTSIDE_WORLD = {"io", "os", "pathlib", "random", "secrets", "shutil", "socket", "sqlite3", "subprocess", "tempfile", "time"}
CLOCKS_AND_FILES = re.compile(r"open|.*\.(now|utcnow|today)")
CODE_FOLDERS = {*ROOMS, "tests", "bench"}
KEEP_OUT = {
    "blockchain",
    "immutable",
    "trustless",
    "smart",
    "engine",
    "manager",
    "service",
    "handler",
    "util",
    "utils",
    "helper",
    "helpers",
}
# The order of the durable writes is the design, so the function that makes them may be long.
LONG_FUNCTIONS = {"ledger/log.py:append"}
FUNCTION_LINES, MODULE_LINES = 60, 400


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the four packages, by its path from the root."""
    paths = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def imports(tree: ast.Module) -> Iterator[str]:
    """Dotted names that a module imports, those within functions too; `from a import b` counts as a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{name.name}" for name in node.names)


def package_of(name: str) -> str:
    return name.partition(".")[0]


def within(path: str, patterns: set[str]) -> bool:
    return any(fnmatch(path, pattern) for pattern in patterns)


def allowed(path: str, name: str) -> bool:
    room, package = path.partition("/")[0], package_of(name)
    if room == "reports" and CLOSED_TO_REPORTS.match(name):
        return False
    return package in sys.stdlib_module_names or package in ROOMS[room] or within(path, DOORS.get(package, set()))


def defined_names(tree: ast.Module) -> Iterator[str]:
    """Names that a module gives: to classes, functions, arguments, variables, attributes and renamed imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.alias) and node.asname:
            yield node.asname


def words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    first = function.body[0]
    docstring = (first.end_lineno or 0) - first.lineno + 1 if ast.get_docstring(function, clean=False) is not None else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def test_modules_import_only_what_their_room_and_their_doors_allow():
    assert [f"{path} imports {name}" for path, tree in modules().items() for name in imports(tree) if not allowed(path, name)] == []


def test_pure_modules_reach_for_no_file_clock_or_random_number():
    pure = {path: tree for path, tree in modules().items() if within(path, PURE)}
    imported = [f"{path} imports {name}" for path, tree in pure.items() for name in imports(tree) if package_of(name) in OUTSIDE_WORLD]
    called = [
        f"{path}:{node.lineno} calls {ast.unparse(node.func)}"
        for path, tree in pure.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and CLOCKS_AND_FILES.fullmatch(ast.unparse(node.func))
    ]
    assert imported + called == []


def test_functions_and_modules_stay_within_their_length():
    functions = [
        f"{path}:{node.name} has {length(node)} lines"
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and length(node) > FUNCTION_LINES
        if f"{path}:{node.name}" not in LONG_FUNCTIONS
    ]
    counts = {path: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in modules()}
    assert functions + [f"{path} has {count} lines" for path, count in counts.items() if count > MODULE_LINES] == []


def test_names_are_the_fields_words():
    given = [(path, name) for path, tree in modules().items() for name in (*Path(path).with_suffix("").parts, *defined_names(tree))]
    assert [f"{path} names {name}" for path, name in given if words(name) & KEEP_OUT] == []


def test_no_other_folder_holds_python_code():
    with_code = {
        path.relative_to(ROOT).parts[0] for folder in ROOT.glob("[!.]*") for path in [folder, *folder.rglob("*.py")] if path.suffix == ".py"
    }
    assert with_code - CODE_FOLDERS - {"mutants"} == set()  # which `make mutants` works in, and git ignores


def test_tests_stay_flat_and_the_command_has_one_entrance():
    nested = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tests").rglob("*.py")
        if path.parent.name not in {"tests", "support", "faults", "hostile"}
    ]
    assert nested + [path for path in modules() if path.endswith("__main__.py")] == []
