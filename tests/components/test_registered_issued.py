"""Intermediates in files are registered as they are read, and kept from the state while another root comes or goes."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from meshfleet.rollout.deployed import Deployed, DeployedTrust
from meshfleet.rollout.root_rotation import with_bundles
from meshfleet.rollout.stages import stages
from meshfleet.topology import Fleet, load
from tests.components.registered_graph import Graph
from tests.components.registrations import SECRET, record
from tests.issued_files import name_of, new_intermediate, new_root, write

pytestmark = pytest.mark.proof("intermediates that something else issues, in files", step=1)

ROOT, WEST, EAST = (root := new_root()), new_intermediate(root, "west"), new_intermediate(root, "east")
NEW, OLD = name_of(ROOT), "file-0123456789abcdef"


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    files = {"west": write(tmp_path, ROOT, "west", WEST), "east": write(tmp_path, ROOT, "east", EAST)}
    clusters = {name: {"embedded": {}, "network": name} for name in files}
    config: dict[str, Any] = {"host": "west", "networks": {name: {} for name in files}, "clusters": clusters}
    return load("issued", config | {"meshes": {"mesh1": {"trust": {"issuer": "files", "files": files}}}})


def cacerts(graph: Graph, cluster: str) -> dict[str, str]:
    """The files of `cacerts`; secret as a whole."""
    data = graph[f"{cluster}/cacerts"].inputs["data"]
    assert SECRET.items() <= data.items()
    return {name: base64.b64decode(text).decode() for name, text in data["value"].items()}


def ignored(graph: Graph, name: str) -> frozenset[str]:
    return graph[name].ignored


def test_what_the_files_hold_is_what_istiod_signs_with_and_its_key_is_secret(fleet: Fleet) -> None:
    graph = record(fleet)
    assert cacerts(graph, "west") == {
        "ca-cert.pem": WEST.certificate,
        "ca-key.pem": WEST.private_key,
        "cert-chain.pem": WEST.certificate + ROOT.certificate,
        "root-cert.pem": ROOT.certificate,
    }
    assert cacerts(graph, "east")["ca-key.pem"] == EAST.private_key
    for name in ("west", "east"):
        issued = graph[f"{name}/issued-intermediate"]
        assert SECRET.items() <= issued.inputs["privateKey"].items()
        assert not issued.ignored
    assert not {"west/intermediate", "mesh mesh1/root"} & graph.names()
    assert graph[f"mesh mesh1/root-{NEW}"].inputs["certificate"] == ROOT.certificate


def test_until_the_new_root_signs_the_intermediates_of_the_old_one_stay_as_they_are_recorded(fleet: Fleet) -> None:
    graph = record(with_bundles({"mesh1": (OLD, NEW)})(fleet))
    for name in ("west", "east"):
        assert ignored(graph, f"{name}/issued-intermediate") == {"certificate", "certificateChain", "privateKey"}
    assert ignored(graph, f"mesh mesh1/root-{OLD}") == {"certificate"}
    assert not ignored(graph, f"mesh mesh1/root-{NEW}")
    assert WEST.private_key not in cacerts(graph, "west")["ca-key.pem"]
    signs = record(with_bundles({"mesh1": (NEW, OLD)})(fleet))
    assert cacerts(signs, "west")["ca-key.pem"] == WEST.private_key
    assert ignored(signs, f"mesh mesh1/root-{OLD}") == {"certificate"}


def test_a_root_of_the_stack_signs_until_one_from_files_takes_over_and_the_other_way_round(fleet: Fleet) -> None:
    to_files = record(with_bundles({"mesh1": ("first", NEW)})(fleet))
    assert {"west/intermediate", "mesh mesh1/root", f"mesh mesh1/root-{NEW}"} <= to_files.names()
    assert "west/issued-intermediate" not in to_files.names()
    (own_mesh,) = load("own", CONFIG).meshes.values()
    own = fleet.model_copy(update={"meshes": {"mesh1": own_mesh}})
    back = record(with_bundles({"mesh1": (NEW, "first")})(own))
    assert ignored(back, "west/issued-intermediate") == {"certificate", "certificateChain", "privateKey"}
    assert {"mesh mesh1/root", f"mesh mesh1/root-{NEW}"} <= back.names()


CONFIG: dict[str, Any] = {
    "host": "west",
    "networks": {"west": {}},
    "clusters": {"west": {"embedded": {}, "network": "west"}},
}


def test_another_root_in_the_files_goes_in_the_stages_of_every_rotation(fleet: Fleet) -> None:
    target = with_bundles({"mesh1": (NEW,)})(fleet)
    found = stages(Deployed({"mesh1": DeployedTrust((OLD,), (OLD,))}), target)
    bundles = [stage.fleet.meshes["mesh1"].trust.bundle for stage in found]
    assert bundles == [(OLD, NEW), (NEW, OLD), (NEW,)]
