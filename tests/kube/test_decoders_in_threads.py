"""Several clusters are spoken to at once, from several threads, by one plugin."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.syntax_trees import nodes

pytestmark = pytest.mark.proof("clusters are created at the same time", step=0)

ROOT = Path(__file__).resolve().parents[2]
RUNS = 6
PROGRAM = """
import json, threading
from meshfleet.kube.decoders import prepare_decoders
start = threading.Barrier(6)
def first_decode():
    start.wait()
    prepare_decoders()
    from lightkube.resources.core_v1 import Node
    for _ in range(50):
        Node.from_dict({"metadata": {"name": "n", "labels": {"a": "b"}}, "status": {"conditions": []}})
threads = [threading.Thread(target=first_decode) for _ in range(6)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print("alive")
"""


def models_of(path: Path) -> set[str]:
    """The models of the Kubernetes client that a module imports, wherever in it."""
    imports = [node for node in nodes(path) if isinstance(node, ast.ImportFrom)]
    return {
        name.name for node in imports if (node.module or "").startswith("lightkube.resources") for name in node.names
    }


def test_every_model_that_is_used_is_decoded_beforehand() -> None:
    prepared = ROOT / "meshfleet" / "kube" / "decoders.py"
    packages = ("dataplane", "embedded", "kube", "plugins", "verification")
    modules = [path for package in packages for path in (ROOT / "meshfleet" / package).rglob("*.py")]
    used = set().union(*(models_of(path) for path in modules if path != prepared))
    assert used <= models_of(prepared)


def test_first_decodes_in_several_threads_do_not_end_the_plugin() -> None:
    for _ in range(RUNS):
        ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60)
        assert (ran.returncode, ran.stdout) == (0, "alive\n")
