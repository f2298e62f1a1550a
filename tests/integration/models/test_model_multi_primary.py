"""Two control planes in one mesh, on networks of their own and on one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from meshfleet.testing import write_stack
from meshfleet.topology import read_stack_file
from tests.integration.clone import Clone
from tests.integration.models.carried import ECHO, assert_answered_in, assert_checked_by_traffic
from tests.integration.models.running import GATEWAY, Running, running
from tests.integration.use_cases.sending import Sender
from tests.issued_files import fingerprint_of, new_root, write

pytestmark = pytest.mark.proof("the model multi-primary", step=3)
rooted = pytest.mark.root("real requests")

NAMES = ("west", "east")


@pytest.fixture(scope="module")
def fleet(clone: Clone) -> Iterator[Running]:
    with running(clone, "multi-primary") as made:
        yield made


@pytest.fixture(scope="module")
def checked(fleet: Running) -> dict[str, set[str]]:
    return fleet.verified()


def test_it_is_verified(fleet: Running, checked: dict[str, set[str]]) -> None:
    assert fleet.model("mesh") == "multi-primary, several networks"
    assert checked["clusters-synced"] == set(NAMES)


@pytest.mark.parametrize(("cluster", "peer"), [NAMES, NAMES[::-1]])
def test_each_istiod_reads_both_and_injects_its_own(fleet: Running, cluster: str, peer: str) -> None:
    assert set(fleet.known_to(cluster)) == {cluster, peer}
    assert fleet.peers_told(cluster) == {"istio-system": {peer}}
    assert fleet.injected_by(cluster) == [cluster]


@pytest.mark.parametrize("cluster", NAMES)
def test_each_istiod_knows_the_gateways_of_both_networks(fleet: Running, cluster: str) -> None:
    assert fleet.gateways(cluster) == {name: f"network-{name}" for name in NAMES}
    labels = fleet.get(cluster, "service", GATEWAY, "--namespace", "istio-system")["metadata"]["labels"]
    assert labels["topology.istio.io/network"] == f"network-{cluster}"


def test_one_root_is_trusted_in_both(fleet: Running) -> None:
    for cluster in NAMES:
        assert fleet.trusted_webhook_roots(cluster) == {fleet.root("mesh")}
        assert fleet.given_roots(cluster)["sample"] == {fleet.root("mesh")}


@rooted
@pytest.mark.proof("the model multi-primary", step=4)
@pytest.mark.parametrize("cluster", NAMES)
def test_requests_from_every_cluster_are_answered_in_every_cluster(fleet: Running, cluster: str) -> None:
    assert_answered_in(fleet, cluster, NAMES)


@rooted
@pytest.mark.proof("the model multi-primary", step=4)
def test_verify_sends_requests_from_every_cluster_and_clear_text_gets_in_nowhere(checked: dict[str, set[str]]) -> None:
    assert_checked_by_traffic(checked, NAMES)
    assert checked["traffic-wire"] == set(NAMES)


@rooted
@pytest.mark.proof("intermediates that something else issues, in files", step=4)
def test_no_request_is_lost_while_another_root_comes_in_files(fleet: Running, clone: Clone) -> None:
    """The last test of the module: the fleet keeps that root until it is destroyed."""
    example = clone.root / "stacks" / "examples" / "Pulumi.multi-primary.yaml"
    as_it_is = example.read_text(encoding="utf-8")
    root = new_root()
    files = {name: write(fleet.sandbox.folder / "issued", root, name) for name in NAMES}
    config: dict[str, Any] = json.loads(json.dumps(read_stack_file(clone.root / "stacks", fleet.stack).config))
    config["meshes"]["mesh"]["trust"] = {"issuer": "files", "files": files}
    try:
        write_stack(example.parent, fleet.name, config)
        with ExitStack() as stack:
            requests = {name: stack.enter_context(Sender(fleet, name, ECHO).send_steadily(ECHO, 20)) for name in NAMES}
            assert len(fleet.up()["stages"]) == 3
        for sent in requests.values():
            assert not sent.faults()
            assert sent.clusters().keys() == set(NAMES)
        for cluster in NAMES:
            assert fleet.given_roots(cluster)["sample"] == {fleet.root("mesh")} == {fingerprint_of(root)}
        fleet.verify()
    finally:
        example.write_text(as_it_is, encoding="utf-8")
