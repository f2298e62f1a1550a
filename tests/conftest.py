"""What every room's tests may use."""

from __future__ import annotations

import hypothesis
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from meshfleet.embedded.node.node_agent import lacking
from meshfleet.embedded.toolchain import Toolchain, ensure
from meshfleet.embedded.toolchain.progress import progress_for

# How long an example takes says more about what else the machine does than about the program.
hypothesis.settings.register_profile(
    "suite", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.load_profile("suite")


@pytest.fixture(scope="session")
def toolchain() -> Toolchain:
    """The real tools: `bin` with every program, `charts` with Istio's; built first if they are not there."""
    return ensure(progress_for())


# Tests of one file share clusters and fleets, and so do all of these folders.
_TOGETHER = ("tests/integration/dev/", "tests/plugins/kubernetes/")
_BY_FILE = ("tests/integration/", "tests/plugins/", "tests/embedded/", "tests/docs/", "tests/scripts/")


class FleetScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Hands tests to processes so that those of one fleet stay together and in their order.

    Its base is published without types.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        for folder in _TOGETHER:
            if path.startswith(folder):
                return folder
        return path if path.startswith(_BY_FILE) else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FleetScheduling:
    """With `-n`; see https://pytest-xdist.readthedocs.io/en/stable/distribution.html."""
    return FleetScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without what real packets take, their tests are not run; `-ra` lists each of them with the reason."""
    reason = lacking()
    for item in items if reason else ():
        for mark in item.iter_markers("root"):
            item.add_marker(pytest.mark.skip(reason=f"not run, for {mark.args[0]}: {reason}"))
