"""What is done in nodes of kind, and in which order, with a Docker engine that notes each command."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from meshfleet.files.json_text import parse_json
from meshfleet.kind import equipment
from meshfleet.kind.engine import DockerEngine
from meshfleet.kind.nodes import Node
from meshfleet.kind.packets import CNI_FILE, NodePlace
from meshfleet.kind.spec import KindSpec
from meshfleet.processes.bounded_run import Ended

pytestmark = pytest.mark.proof("addresses of Services that nodes do not have yet are refused at once", step=0)

SERVICES = "10.99.0.0/16"
OWN = [NodePlace("own", "172.18.0.2", "10.192.0.0/24"), NodePlace("own-worker", "172.18.0.3", "10.192.1.0/24")]
PEER = NodePlace("peer", "172.18.0.4", "10.193.0.0/24")


SPEC = KindSpec("west", "n", "v1.35.4", 2, True, "", "10.192.0.0/16", SERVICES, "", "", 1)
NODES = [Node(place.container, place.container, "", True, "", place.address, frozenset()) for place in OWN]


def noting(noted: list[tuple[str, tuple[str, ...], str]], starting: int = 0) -> DockerEngine:
    """An engine that notes the node, the words and the input of each command; `starting` of them fail at first."""

    def run(*words: str, stdin: str = "", **_: Any) -> Ended:
        noted.append((words[2], words[3:], stdin))
        return Ended(int(len(noted) <= starting), "", "")

    return cast("DockerEngine", SimpleNamespace(run=run, where="docker"))


def commands(*, built: bool) -> list[tuple[str, tuple[str, ...], str]]:
    """The commands that equip a cluster of two nodes with a peer."""
    noted: list[tuple[str, tuple[str, ...], str]] = []
    equipment.equip(noting(noted), replace(SPEC, built=built), NODES, OWN, [PEER], ["172.18.0.2"])
    return noted


@pytest.mark.parametrize("node", [place.container for place in OWN])
def test_a_node_refuses_them_before_its_first_pod_can_start(node: str) -> None:
    of_node = [(words, stdin) for where, words, stdin in commands(built=True) if where == node]
    refused = next(place for place, (_, stdin) in enumerate(of_node) if f"-d {SERVICES} -j REJECT" in stdin)
    jumps = [place for place, (words, _) in enumerate(of_node) if {"filter", "FORWARD"} <= set(words)]
    network = next(place for place, (words, _) in enumerate(of_node) if CNI_FILE in words)
    assert refused < jumps[0] < network


@pytest.mark.proof("a kind cluster is changed in place or found unchanged", step=0)
def test_coredns_is_asked_each_second_whether_it_is_ready_from_before_its_first_pod() -> None:
    of_first = [(words, stdin) for where, words, stdin in commands(built=True) if where == OWN[0].container]
    applied = next(place for place, (_, stdin) in enumerate(of_first) if '"Deployment"' in stdin)
    _, deployment = parse_json(of_first[applied][1])["items"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container == {"name": "coredns", "readinessProbe": {"periodSeconds": 1}}
    assert applied < next(place for place, (words, _) in enumerate(of_first) if CNI_FILE in words)
    assert not [stdin for _, _, stdin in commands(built=False) if "coredns" in stdin]


def test_nodes_of_other_clusters_keep_their_own() -> None:
    assert not [stdin for where, _, stdin in commands(built=True) if where == PEER.container and "REJECT" in stdin]


def test_published_images_bring_their_own_network() -> None:
    words = [word for _, words, stdin in commands(built=False) for word in (*words, *stdin.split())]
    assert not {"iptables-restore", "REJECT", CNI_FILE} & set(words)


def test_a_node_that_starts_again_has_them_after_its_own_rules_and_at_once() -> None:
    noted: list[tuple[str, tuple[str, ...], str]] = []
    equipment.refuse_unknown_services(noting(noted, starting=2), SPEC, NODES[:1])
    programs = [words[0] for _, words, _ in noted]
    assert programs[:4] == ["test", "test", "test", "iptables-restore"]
