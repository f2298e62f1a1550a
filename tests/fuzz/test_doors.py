"""Every way in is known, and whatever comes in by it is taken or refused with an error of this project, in no time.

    MESHFLEET_FUZZ=20000 python -m pytest tests/fuzz

A door is an input that is right and what reads it; guided.py damages the inputs and follows which lines they reach.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from meshfleet.verification.checks import ALL, BETWEEN_STAGES
from tests.fuzz import (
    doors_of_files,
    doors_of_machines,
    doors_of_pods,
    doors_of_pods_elsewhere,
    doors_of_publishers,
    doors_of_servers,
)
from tests.fuzz.decoding_places import PACKAGES, ROOT, places
from tests.fuzz.guided import Door, explore

pytestmark = pytest.mark.proof("whatever comes in by any door is taken or refused by name", step=0)

GROUPS: dict[str, Callable[[Path], dict[str, Door]]] = {
    "pods": doors_of_pods.doors,
    "pods elsewhere": doors_of_pods_elsewhere.doors,
    "servers": doors_of_servers.doors,
    "machines": doors_of_machines.doors,
    "files": doors_of_files.doors,
    "publishers": doors_of_publishers.doors,
}
# As many as suit the profile (tests/conftest.py): 15 in scripts/test, 6 in scripts/check.
ROUNDS = int(os.environ.get("MESHFLEET_FUZZ", hypothesis.settings().max_examples * 3 // 10))
_SANDBOX = "reads what the node agent wrote for it; hostile paths and environments: dataplane/network/test_sandbox.py"
_OF_KIND = "runs docker or kind, or takes what they print; any text: tests/plugins/meshfleet/test_kind_cluster.py"
_OF_CONTAINERS = "takes or shows what a program of root or the kernel wrote; any text: tests/containers"
ALONE = ("meshfleet/dataplane/network/enter_sandbox.py", "meshfleet/containers/restricted_runtime.py")
_WRITES = "decodes nothing: it writes, or names what others read"
_OF_PROPAGATED = "verification/test_propagated_objects_check.py and federation/test_health.py give it any answer"
_OF_CHARTS = "reads again, for a message, what the doors of charts have read: tests/sources/test_wrong_sources.py"
NOT_HERE = {
    "meshfleet/automation/support_bundle/bundle.py:Bundle.as_tar": _WRITES,
    "meshfleet/containers/capabilities.py:": _OF_CONTAINERS,
    "meshfleet/containers/engine.py:_is_daemon": _OF_CONTAINERS,
    "meshfleet/containers/images/archive.py:write_archive": _WRITES,
    "meshfleet/containers/images/archive.py:write_layer": _WRITES,
    "meshfleet/containers/programs.py:run_program": _OF_CONTAINERS,
    "meshfleet/containers/remains.py:": _OF_CONTAINERS,
    "meshfleet/kube/live_objects.py:labelled": _OF_PROPAGATED,
    "meshfleet/kube/live_objects.py:live": _OF_PROPAGATED,
    "meshfleet/manifests/propagated_mark.py:mark_of": _OF_PROPAGATED,
    "meshfleet/sources/charts.py:_given": _OF_CHARTS,
    "meshfleet/kind/cluster.py:KindCluster._make": _OF_KIND,
    "meshfleet/kind/engine.py:UserEngine.run": _OF_KIND,
    "meshfleet/kind/equipment.py:_understood": _OF_KIND,
    "meshfleet/kind/inotify.py:": _OF_CONTAINERS,
    "meshfleet/kind/nodes.py:_parsed": _OF_KIND,
    "meshfleet/kind/own_engine.py:OwnEngine.run": _OF_KIND,
    "meshfleet/containers/restricted_runtime.py:_changed": _OF_CONTAINERS,
    "meshfleet/kube/client.py:": "decodes a constant",
    "meshfleet/kube/exec_stream.py:": "decodes a constant",
    "meshfleet/dataplane/network/enter_sandbox.py:": _SANDBOX,
    "meshfleet/dataplane/network/enter_sandbox.py:_bind": _SANDBOX,
    "meshfleet/dataplane/network/enter_sandbox.py:_device": _SANDBOX,
    "meshfleet/dataplane/network/enter_sandbox.py:main": _SANDBOX,
    "meshfleet/dataplane/network/namespaces.py:set_kernel": _WRITES,
    "meshfleet/dataplane/network/relay.py:main": "reads its command line; of pods: dataplane/network/test_relay.py",
    "meshfleet/dataplane/node/agent.py:Agent._watch": "reads no event; watches: kube/test_any_answer.py",
    "meshfleet/toolchain/published/table.py:read_table": "reads the table of this package",
    "meshfleet/toolchain/published/taking.py:Taker._try_out": "shows the last line that a program prints",
    "meshfleet/toolchain/compiler.py:Compiler._copy": "reads the path of a pinned module that Go prints",
    "meshfleet/toolchain/go_command.py:_install_wheel": "shows the end of what pip prints",
    "meshfleet/plugins/peer.py:": _WRITES,
}
"""Places that no door of this table leads to, each with the reason."""


@pytest.mark.parametrize("group", GROUPS)
def test_any_input_at_any_door_is_taken_or_refused(
    group: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    doors = GROUPS[group](tmp_path)
    tried = kept = 0
    for name, door in doors.items():
        try:
            explored = explore(door, ROUNDS)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error.__cause__
        tried, kept = tried + explored.tried, kept + explored.kept
    record_property("inputs", tried)
    print(f"{group}: {len(doors)} doors, {tried} inputs, {kept} of them new ways")


def test_every_place_that_decodes_is_behind_a_door(tmp_path: Path) -> None:
    reached: set[str] = set()
    for name, doors in GROUPS.items():
        folder = tmp_path / name
        folder.mkdir()
        for door in doors(folder).values():
            reached |= explore(door, 0).functions
    found = places()
    assert len(found) > 120
    assert found - reached == set(NOT_HERE)


def test_json_is_parsed_by_one_function() -> None:
    # Those of the toolchain are read before anything else is imported, two modules without this project on the path.
    toolchain = {f"meshfleet/toolchain/{name}.py" for name in ("installation", "leftovers", "lock", "pulumi_on_path")}
    allowed = {"meshfleet/files/json_text.py", *ALONE, *toolchain}
    sources = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    found = {str(path.relative_to(ROOT)) for path in sources if "json.loads" in path.read_text(encoding="utf-8")}
    assert found == allowed


def test_every_check_is_a_door() -> None:
    named = set(doors_of_servers.CHECKS) | set(doors_of_servers.ISTIOCTL) | set(doors_of_servers.ELSEWHERE)
    assert {check.name for check in (*ALL, *BETWEEN_STAGES)} == named
