"""Fixtures for pytest, as a plugin.

In the conftest.py at the top of your tests:

    pytest_plugins = ["meshfleet.testing.fixtures"]

`meshfleet_fleet` is the fleet of the stack file that `--meshfleet-stack` or the option `meshfleet_stack` of pytest's
configuration names: brought up once, destroyed at the end. With `--meshfleet-running` it is one that is up already.
Source: https://docs.pytest.org/en/stable/how-to/writing_plugins.html
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final

import pytest

from meshfleet.testing.artifacts import artifacts
from meshfleet.testing.fleet import FleetUnderTest, bring_up
from meshfleet.testing.sandbox import Sandbox, new_sandbox, running_project
from meshfleet.testing.stack_files import StackPath

STACK: Final = "meshfleet_stack"
_OPTION: Final = "--meshfleet-stack"
_RUNNING: Final = "--meshfleet-running"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which stack file, and whether its fleet is up already."""
    text = "the stack file of the fixture meshfleet_fleet: Pulumi.<stack>.yaml"
    parser.addini(STACK, f"{text}, relative to the configuration file of pytest", default="")
    group = parser.getgroup("meshfleet")
    group.addoption(_OPTION, metavar="FILE", help=text)
    group.addoption(
        _RUNNING,
        action="store_true",
        help="use the fleet of that stack file as it runs: nothing is brought up or destroyed",
    )


@pytest.fixture(scope="session")
def meshfleet_stack(pytestconfig: pytest.Config) -> Path:
    """The stack file of `meshfleet_fleet`; override it to choose another one."""
    given = pytestconfig.getoption(_OPTION)
    if given:
        return Path(given).resolve()
    named = pytestconfig.getini(STACK)
    if not named:
        raise pytest.UsageError(f"no stack file: pass {_OPTION} FILE, or set {STACK} in the configuration of pytest")
    return Path(pytestconfig.rootpath, named).resolve()


@pytest.fixture(scope="session")
def meshfleet_fleet(meshfleet_stack: Path, pytestconfig: pytest.Config) -> Iterator[FleetUnderTest]:
    """The fleet of the stack file, which all tests of the session share."""
    path = StackPath.of(meshfleet_stack)
    if path is None:
        raise pytest.UsageError(f"{meshfleet_stack}: no such stack file; it must be a file Pulumi.<stack>.yaml")
    if pytestconfig.getoption(_RUNNING):
        with running_project(path.project) as sandbox:
            yield FleetUnderTest(sandbox, path.stack)
        return
    with new_sandbox(path.project) as sandbox, bring_up(sandbox, path.stack) as fleet:
        yield fleet


@pytest.fixture
def meshfleet_sandbox() -> Iterator[Sandbox]:
    """An empty sandbox of one test; `bring_up(sandbox, stack)` brings up a stack file written into its project."""
    with new_sandbox() as sandbox:
        yield sandbox


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Collect the fleets of a test that failed while they are there, and name the folder in its report."""
    report = yield
    if report.failed:
        artifacts.keep(*artifacts.running)
        report.sections += [("fleet", line) for line in artifacts.unreported]
        artifacts.unreported.clear()
    return report
