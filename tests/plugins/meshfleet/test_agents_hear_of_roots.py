"""An istiod tells the agents of its proxies of every other bundle of roots at once, which has them renew as well."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.plugins.meshfleet.conftest import MeshCluster
from tests.plugins.meshfleet.proxy_agent import proxy_agent
from tests.plugins.meshfleet.west import West, istiod_of_west, new_root

pytestmark = pytest.mark.proof("istiod tells proxies of another bundle of roots at once", step=3)

SECONDS = 30


@pytest.fixture
def west(mesh_cluster: MeshCluster) -> Iterator[West]:
    with istiod_of_west(mesh_cluster) as made:
        yield made


def test_a_new_agent_gets_all_roots(west: West) -> None:
    one, other = new_root("a"), new_root("b")
    west.give(one, other)
    with proxy_agent(west.inputs["address"]["grpcPort"], SECONDS) as agent:
        assert agent.next_roots() == [one.certificate + other.certificate]


def test_roots_in_another_order_reach_agents_at_once_so_that_certificates_are_renewed(west: West) -> None:
    one, other = new_root("a"), new_root("b")
    west.give(one, other)
    with proxy_agent(west.inputs["address"]["grpcPort"], SECONDS) as agent:
        assert agent.next_roots() == [one.certificate + other.certificate]
        # The other one signs: the bundle holds the same roots and is another text.
        west.give(other, one)
        assert agent.next_roots() == [other.certificate + one.certificate]


def test_a_renewed_intermediate_is_no_other_bundle_and_nobody_renews_for_it(west: West) -> None:
    one, other = new_root("a"), new_root("b")
    west.give(one, other)
    with proxy_agent(west.inputs["address"]["grpcPort"], SECONDS) as agent:
        assert agent.next_roots() == [one.certificate + other.certificate]
        west.give(one, other)
        west.give(other, one)
        # Of the renewal in between nothing was told.
        assert agent.next_roots() == [other.certificate + one.certificate]
