"""What every room's tests may use."""

from __future__ import annotations

import pytest

from embedded.toolchain import Toolchain, ensure
from embedded.toolchain.progress import progress_for


@pytest.fixture(scope="session")
def toolchain() -> Toolchain:
    """The real tools: `bin` with every program, `charts` with Istio's; built first if they are not there."""
    return ensure(progress_for())
