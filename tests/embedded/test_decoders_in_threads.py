"""Several clusters are spoken to at once, from several threads, by one plugin."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.proof("clusters are created at the same time", step=0)

RUNS = 6
PROGRAM = """
import json, threading
from embedded.decoders import prepare_decoders
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


def test_first_decodes_in_several_threads_do_not_end_the_plugin() -> None:
    for _ in range(RUNS):
        ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60)
        assert (ran.returncode, ran.stdout) == (0, "alive\n")
