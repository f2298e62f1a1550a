"""What runs once for each node, or each istiod, of a fleet starts without libraries of the command."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.proof("node agents and relays start quickly", step=0)


@pytest.mark.parametrize("module", ["meshfleet.dataplane.node.__main__", "meshfleet.dataplane.network.relay"])
def test_it_imports_neither_the_models_of_a_stack_file_nor_pulumi(module: str) -> None:
    program = (
        f"import sys, {module}\n"
        "print(*sorted({'grpc', 'pulumi', 'pydantic', 'pydantic_core', 'meshfleet.topology.model'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []
