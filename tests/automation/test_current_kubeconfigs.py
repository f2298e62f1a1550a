"""A rotated kubeconfig replaces the recorded one where it is only used to talk, and nowhere else."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from meshfleet.automation.current_kubeconfigs import CurrentKubeconfig, renew, renewed
from meshfleet.topology import Fleet, load
from tests.tls_servers import kubeconfig

pytestmark = pytest.mark.proof("the kubeconfig as it is now wins over the recorded one", step=0)

SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
OLD = kubeconfig("https://west.example:6443", None, {"token": "old"})
PROVIDER, ADDRESS, ISTIOD = (
    "pulumi:providers:kubernetes",
    "meshfleet:index:GatewayAddress",
    "meshfleet:index:Istiod",
)


def resource(kind: str, content: dict[str, Any], **more: Any) -> dict[str, Any]:
    urn = f"urn:pulumi:s::meshfleet::{kind}::west/{kind.rpartition(':')[2]}"
    values = {"kubeconfig": SECRET | content, "context": "c", "name": "x"} | more
    return {"urn": urn, "type": kind, "inputs": values, "outputs": dict(values)}


def state(content: dict[str, Any]) -> dict[str, Any]:
    secret = {
        "urn": "urn:x::west/secret",
        "type": "kubernetes:core/v1:Secret",
        "inputs": {"kubeconfig": SECRET | content},
    }
    return {"resources": [resource(PROVIDER, content), resource(ADDRESS, content), resource(ISTIOD, content), secret]}


ENCRYPTED, PLAIN = state({"ciphertext": "v1:..."}), state({"plaintext": json.dumps(OLD)})


class Recorded:
    """An engine with this state."""

    def __init__(self) -> None:
        self.state = copy.deepcopy(ENCRYPTED)

    def recorded(self) -> dict[str, Any]:
        return self.state

    def recorded_in_the_clear(self) -> dict[str, Any]:
        return copy.deepcopy(PLAIN)

    def rewrite(self, change: Any) -> None:
        self.state = change(self.state)


def contents(deployment: dict[str, Any]) -> dict[str, str]:
    """What each type has for a kubeconfig now: its plain text, or `encrypted`."""
    found = {}
    for one in deployment["resources"]:
        value = one["inputs"]["kubeconfig"]
        found[one["type"]] = json.loads(value["plaintext"]) if "plaintext" in value else "encrypted"
        assert value == one.get("outputs", one["inputs"])["kubeconfig"]
    return found


def test_only_what_talks_to_the_cluster_gets_the_new_one() -> None:
    new = CurrentKubeconfig("new", "d")
    changed = renewed(ENCRYPTED, PLAIN, {OLD: new}, frozenset({PROVIDER, ADDRESS}))
    assert contents(changed) == {
        PROVIDER: "new",
        ADDRESS: "new",
        ISTIOD: "encrypted",
        "kubernetes:core/v1:Secret": "encrypted",
    }
    assert [one["inputs"].get("context") for one in changed["resources"]] == ["d", "d", "c", None]


def fleet(path: Any) -> Fleet:
    config = {
        "host": "west",
        "networks": {"n": {}},
        "clusters": {"west": {"existing": {"kubeconfig": str(path), "context": "c"}, "network": "n"}},
    }
    return load("s", config)


@pytest.mark.parametrize(
    "now, renewed_clusters",
    [
        (kubeconfig("https://west.example:6443", None, {"token": "new"}), ["west"]),
        (kubeconfig("https://elsewhere.example:6443", None, {"token": "new"}), []),
        ("no kubeconfig", []),
        (None, []),
    ],
)
def test_a_kubeconfig_replaces_the_recorded_one_only_if_it_can_be_read_and_leads_to_the_same_server(
    tmp_path: Any, now: str | None, renewed_clusters: list[str]
) -> None:
    path = tmp_path / "config"
    if now is not None:
        path.write_text(now, encoding="utf-8")
    engine: Any = Recorded()
    assert renew(engine, fleet(path)) == renewed_clusters
    found = contents(engine.state)
    assert ("new" in found[PROVIDER]) is bool(renewed_clusters)
    assert found[ISTIOD] == "encrypted"


def test_before_a_destroy_what_hands_it_on_is_renewed_too(tmp_path: Any) -> None:
    path = tmp_path / "config"
    path.write_text(kubeconfig("https://west.example:6443", None, {"token": "new"}), encoding="utf-8")
    engine: Any = Recorded()
    assert renew(engine, fleet(path), to_the_end=True) == ["west"]
    assert '"new"' in contents(engine.state)[ISTIOD]
    assert contents(engine.state)["kubernetes:core/v1:Secret"] == "encrypted"
