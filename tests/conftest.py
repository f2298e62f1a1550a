"""What every room's tests may use."""

from __future__ import annotations

import pytest

from embedded.node.node_agent import lacking
from embedded.toolchain import Toolchain, ensure
from embedded.toolchain.progress import progress_for


@pytest.fixture(scope="session")
def toolchain() -> Toolchain:
    """The real tools: `bin` with every program, `charts` with Istio's; built first if they are not there."""
    return ensure(progress_for())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without what real packets take, their tests are not run; `-ra` lists each of them with the reason."""
    reason = lacking()
    for item in items if reason else ():
        for mark in item.iter_markers("root"):
            item.add_marker(pytest.mark.skip(reason=f"not run, for {mark.args[0]}: {reason}"))
