"""What every room's tests may use."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator

import hypothesis
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from meshfleet.dataplane.node.node_agent import missing_prerequisite
from meshfleet.toolchain import Toolchain, ensure
from meshfleet.toolchain.progress import progress_for
from meshfleet.toolchain.published.mirrors import OFF, VARIABLE
from tests.integration.clone import COLLECTION
from tests.no_tools import hide_tools, needs_tools
from tests.proof import EXTENDED_MARKERS, LADDER, MOCKS, is_extended, step_of

# How long an example takes says more about what else the machine does than about the program.
hypothesis.settings.register_profile(
    "suite", max_examples=50, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
# scripts/check has fewer examples than scripts/test, and the nightly run more.
hypothesis.settings.register_profile("quick", parent=hypothesis.settings.get_profile("suite"), max_examples=12)
hypothesis.settings.register_profile("nightly", parent=hypothesis.settings.get_profile("suite"), max_examples=400)
hypothesis.settings.load_profile("suite")

# Clusters of tests live for a minute, on machines with memory enough.
os.environ.setdefault("MESHFLEET_GOGC", COLLECTION["MESHFLEET_GOGC"])

# No test asks publishers for programs; those that have publishers of their own, on loopback, name them.
os.environ[VARIABLE] = OFF


@pytest.fixture(scope="session")
def toolchain() -> Toolchain:
    """The real tools: `bin` with every program, `charts` with Istio's; built first if they are not there."""
    return ensure(progress_for())


@pytest.fixture(autouse=True)
def _without_tools(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What scripts/check runs needs no tools, or is marked."""
    if step_of(request.node) > MOCKS or request.node.get_closest_marker("tools"):
        yield
        return
    # Not the one of the test: what that changes is undone before other fixtures of the test end.
    with pytest.MonkeyPatch.context() as patch:
        hide_tools(patch, tmp_path_factory.getbasetemp() / "no-tools")
        yield


# Fixtures that build tools, or have Go for it, where there are none.
_TOOLS = frozenset(("toolchain", "go_folder"))

# Tests of one file share clusters and fleets, and so do all of these folders.
_TOGETHER = (
    "tests/integration/dev/",
    "tests/integration/pages/",
    "tests/integration/rotation/",
    "tests/plugins/kubernetes/",
)
_BY_FILE = ("tests/integration/", "tests/plugins/", "tests/embedded/", "tests/docs/", "tests/scripts/")
# Tests of one shape of fleet share what is registered for it (tests/components/recorded_fleets.py).
_BY_SHAPE = (
    "tests/automation/reporting/test_changes_told.py",
    "tests/automation/test_blocked_clusters.py",
    "tests/components/",
)
# What takes longest begins first: two fleets with more tests than any other, then the other fleets.
_FIRST = (("tests/integration/dev/", "tests/integration/pages/"), ("tests/integration/",))
# When the run began, in seconds since the epoch; the processes of xdist have it from the one that starts them.
_BEGUN = "MESHFLEET_TESTS_BEGUN"


class FleetScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Hands tests to processes so that those of one fleet stay together and in their order.

    Its base is published without types.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        for folder in _TOGETHER:
            if path.startswith(folder):
                return folder
        if path.startswith(_BY_SHAPE) and nodeid.endswith("]"):
            return f"shape {nodeid.rpartition('[')[2]}"
        return path if path.startswith(_BY_FILE) else nodeid

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        """Keep nothing of what is complete: its base counts all that a process was ever given, with each test."""
        super().mark_test_complete(node, item_index, duration)
        given = self.assigned_work[node]
        scope = self._split_scope(self.registered_collections[node][item_index])
        if all(given[scope].values()):
            del given[scope]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FleetScheduling:
    """With `-n`; see https://pytest-xdist.readthedocs.io/en/stable/distribution.html."""
    return FleetScheduling(config, log)


def pytest_configure(config: pytest.Config) -> None:
    """The markers of tests that scripts/check leaves to scripts/test."""
    config.addinivalue_line(
        "markers", "sweep(what): tries a fault at every place there is, which takes long; not run by scripts/check"
    )
    config.addinivalue_line(
        "markers",
        "extended: fleets that take long; the last to run with sweeps, and not begun after --extended-minutes",
    )
    os.environ.setdefault(_BEGUN, str(time.time()))
    config.addinivalue_line(
        "markers", "tools: needs Go or what is built with it, by its fixtures; not in scripts/check"
    )


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--max-step` and `--extended-minutes`; see docs/development.md."""
    parser.addoption(
        "--extended-minutes",
        type=float,
        metavar="N",
        help="begin no file of extended tests later than N minutes after the run began (default: run all of them)",
    )
    parser.addoption(
        "--max-step",
        type=int,
        choices=range(len(LADDER)),
        metavar="N",
        help=f"run only tests on step N of docs/proof.md and below (0 to {len(LADDER) - 1})",
    )


def _turn(item: pytest.Item) -> tuple[bool, ...]:
    """Where in the order of a run a test is."""
    late = [item.get_closest_marker(name) is not None for name in reversed(EXTENDED_MARKERS)]
    return (*late, *(not item.nodeid.startswith(first) for first in _FIRST))


_begun_files: dict[str, bool] = {}


# Before fixtures are set up.
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a file of extended tests where the time for these is over; one that has begun is run to its end."""
    minutes = item.config.getoption("--extended-minutes")
    if minutes is None or not is_extended(item):
        return
    path = item.nodeid.partition("::")[0]
    passed = (time.time() - float(os.environ[_BEGUN])) / 60
    if not _begun_files.setdefault(path, passed < minutes):
        # A run that is ended from outside proves nothing at all; what is left out is in the summary of one that ends.
        pytest.skip(f"not begun within {minutes:g} minutes; run it with ./scripts/test {path} --extended-minutes 600")


def pytest_collection_finish() -> None:
    """Have garbage looked for less often, and not in what was collected: that stays to the end of the run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(1_000_000, 10, 10)


def pytest_sessionfinish() -> None:
    """Look for garbage once: pytest does five times afterwards, for errors of finalizers, in all that is left."""
    gc.collect()
    gc.freeze()


# Before `-m` is applied.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests above `--max-step`, and skip tests of real packets where these cannot be made, with the reason."""
    highest = config.getoption("--max-step")
    if highest is not None:
        above = [item for item in items if step_of(item) > highest]
        config.hook.pytest_deselected(items=above)
        items[:] = [item for item in items if step_of(item) <= highest]
    items.sort(key=_turn)
    for item in items:
        if needs_tools(item) or not _TOOLS.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("tools")
    reason = missing_prerequisite()
    for item in items if reason else ():
        for mark in item.iter_markers("root"):
            item.add_marker(pytest.mark.skip(reason=f"not run, for {mark.args[0]}: {reason}"))
