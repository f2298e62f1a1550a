"""A release of Istio that is supported but cannot be built here is refused where istiod would be a process."""

from __future__ import annotations

from importlib import import_module

import pytest

from meshfleet.topology import TopologyError, load
from tests.topology.wrong_stacks.wrong import GOOD

pytestmark = pytest.mark.proof("stack files are checked before anything exists", step=0)

# The package has the rule itself under this name.
RULE = import_module("meshfleet.topology.rules.versions")


def test_a_supported_istio_that_is_not_built_is_for_clusters_with_pods_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(RULE, "BUILT_ISTIO", ("1.31",))
    istio = {"version": "1.30"}
    with pytest.raises(TopologyError) as caught:
        load("dev", {**GOOD, "istio": istio})
    assert [str(fault) for fault in caught.value.faults] == [
        "istio.version: istiods run as processes are of Istio 1.31, not 1.30; use 1.31"
    ]
    real = {
        name: {"existing": {"kubeconfig": "k", "context": name}, "network": f"network-{name}"}
        for name in ("west", "east")
    }
    assert load("dev", {**GOOD, "clusters": real, "istio": istio}).istio.version == "1.30"
