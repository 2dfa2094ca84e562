"""Settings of the whole test run; fixtures live in tests/support or beside their tests."""

import os
import sys
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings

if TYPE_CHECKING:
    from server import Server

# The same examples on every machine: a red run can be repeated, and a green one means the same everywhere. The clock is no judge of a
# test on a busy machine. `PLUMBLINE_HYPOTHESIS=wide` (or `widest`) searches afresh, and longer.
settings.register_profile(
    "steady", derandomize=True, database=None, deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("wide", settings.get_profile("steady"), derandomize=False, max_examples=1000, print_blob=True)
settings.register_profile("widest", settings.get_profile("wide"), max_examples=10_000)
# A mutant is killed by the first example that fails: `first` looks for no smaller one (`make mutants`).
settings.register_profile("first", settings.get_profile("steady"), phases=(Phase.explicit, Phase.generate))
settings.load_profile(os.environ.get("PLUMBLINE_HYPOTHESIS", "steady"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Do not watch slow tests for coverage: that triples their time, and what they reach quick ones reach too."""
    watching = sys.gettrace()
    if item.get_closest_marker("slow"):
        sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(watching)


@pytest.fixture(scope="session")
def server() -> Iterator["Server"]:
    """Return the tests' own PostgreSQL server, one for each process that runs tests."""
    from server import Server

    started = Server().start()
    yield started
    started.stop()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def each_store(request: pytest.FixtureRequest) -> Iterator[str]:
    """Keep every `House` in a file, then once more on the server."""
    from house import House

    House.server = request.getfixturevalue("server") if request.param == "postgresql" else None
    yield request.param
    House.server = None


NO_SKIPS = os.environ.get("PLUMBLINE_NO_SKIPS") == "1"


def refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Where everything that a test could miss is there, a skipped test is a failed one; an expected failure is no skip."""
    if NO_SKIPS and report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} was skipped, and PLUMBLINE_NO_SKIPS=1 allows none: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Look at each test's report."""
    report = yield
    refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Look at each module's report: a whole module can skip itself."""
    report = yield
    refuse_skip(report)
    return report
