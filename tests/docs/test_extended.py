"""Extended tests come last, and are not begun once the time for them is over; what has begun is run to its end."""

from __future__ import annotations

import time

import pytest

pytest_plugins = ["pytester"]

pytestmark = pytest.mark.proof("the table of what is proved follows from the tests", step=0)

CONFTEST = """
from tests.conftest import pytest_addoption, pytest_collection_modifyitems, pytest_runtest_setup

def pytest_configure(config):
    for marker in ("extended", "sweep(what)", "proof(feature, step)"):
        config.addinivalue_line("markers", marker)
"""
LONG = """
import pytest

pytestmark = pytest.mark.extended

@pytest.fixture(scope="module")
def fleet():
    print("fleet brought up")

def test_first(fleet): pass
def test_second(fleet): pass
"""


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run has begun twenty minutes ago."""
    monkeypatch.setenv("MESHFLEET_TESTS_BEGUN", str(time.time() - 20 * 60))


@pytest.fixture
def run(pytester: pytest.Pytester, begun: None) -> pytest.Pytester:
    pytester.makeconftest(CONFTEST)
    # In the order of names it is the other way round.
    swept = "import pytest\n\n@pytest.mark.sweep('all')\ndef test_swept(): pass"
    pytester.makepyfile(test_long=LONG, test_many=swept, test_short="def test_quick(): pass")
    return pytester


def test_they_come_last_and_without_a_limit_all_of_them_are_run(run: pytest.Pytester) -> None:
    passed, skipped, failed = run.inline_run("-p", "no:cacheprovider").listoutcomes()
    assert [one.nodeid.rpartition("::")[2] for one in passed] == [
        "test_quick",
        "test_swept",
        "test_first",
        "test_second",
    ]
    assert (skipped, failed) == ([], [])


def test_those_that_would_begin_too_late_are_listed_and_set_up_nothing(run: pytest.Pytester) -> None:
    result = run.runpytest_inprocess("-p", "no:cacheprovider", "-rs", "-s", "--extended-minutes", "19")
    result.assert_outcomes(passed=1, skipped=3)
    result.stdout.fnmatch_lines(["*not begun within 19 minutes; run it with ./scripts/test test_long.py *"])
    result.stdout.no_fnmatch_line("*fleet brought up*")


def test_a_file_that_has_begun_is_run_to_its_end(run: pytest.Pytester) -> None:
    hours_pass = 'def test_first(fleet): os.environ["MESHFLEET_TESTS_BEGUN"] = "0"'
    run.makepyfile(test_long="import os\n" + LONG.replace("def test_first(fleet): pass", hours_pass))
    result = run.runpytest_inprocess("-p", "no:cacheprovider", "--extended-minutes", "21")
    result.assert_outcomes(passed=4)
