"""Threads that use lightkube for the first time at the same moment do not wait for each other's imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.proof("threads that use libraries for the first time at the same moment", step=0)

ROOT = Path(__file__).resolve().parents[2]
# The package and submodules that it imports itself, as handlers import them in their functions.
SIDE_BY_SIDE = """
import threading
from importlib import import_module
from meshfleet.kube.loading import load_lightkube

names = ["lightkube", "lightkube.resources.core_v1", "lightkube.codecs", "lightkube.types", "lightkube.core.client",
         "lightkube.generic_resource", "lightkube.models.core_v1", "meshfleet.kube.client"]
together, failures = threading.Barrier(len(names)), []

def use(name):
    together.wait()
    try:
        load_lightkube()
        import_module(name)
    except BaseException as error:
        failures.append(f"{name}: {error!r}")

threads = [threading.Thread(target=use, args=(name,)) for name in names]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert failures == [], failures
"""
# A request that may reach a cluster, to a provider that looks whether lightkube is loaded.
REQUESTED = """
import sys
from types import SimpleNamespace
from pulumi.runtime.proto import provider_pb2
from meshfleet.plugins.serve import _Servicer

class Seen(Exception):
    pass

def look(request):
    raise Seen("lightkube" in sys.modules)

def aborted(code, text):
    raise AssertionError(text)

method = sys.argv[1]
assert "lightkube" not in sys.modules
servicer = _Servicer(SimpleNamespace(**{method.lower(): look}), "1.0.0")
try:
    getattr(servicer, method)(getattr(provider_pb2, f"{method}Request")(), SimpleNamespace(abort=aborted))
except AssertionError as error:
    assert str(error) == "Seen: True", error
else:
    raise SystemExit("the provider was not reached")
"""


def run(program: str, *arguments: str) -> None:
    """Run a program in a Python that has imported nothing yet."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_submodules_are_imported_side_by_side_once_the_package_is_loaded() -> None:
    for _ in range(5):
        run(SIDE_BY_SIDE)


@pytest.mark.parametrize("method", ["Create", "Read", "Update", "Delete"])
def test_each_request_that_may_reach_a_cluster_loads_the_package_first(method: str) -> None:
    run(REQUESTED, method)
