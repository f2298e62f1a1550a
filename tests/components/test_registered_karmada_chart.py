"""A release of Karmada's chart: what is registered in which order, what is secret, and the chart that it is made of.

Karmada's images are in no registry here, so that its release runs in no test. What its certificates are worth is in
plugins/meshfleet/test_karmada_certificates.py; docs/karmada.md says what was run by hand.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from meshfleet.components.karmada_chart import package_place, place_karmada_chart, values_of
from meshfleet.components.karmada_control_plane import server_of
from meshfleet.errors import ClusterError
from meshfleet.kube.access import read_access
from meshfleet.manifests.addition_faults import checked
from meshfleet.manifests.karmada_control_plane import kubeconfig, values
from meshfleet.manifests.objects import encoded
from meshfleet.manifests.placeholders import Placeholders
from meshfleet.plugins.meshfleet.karmada_certificates import KarmadaSpec, issue
from meshfleet.sources.charts import chart as rendered
from meshfleet.sources.project_tree import ProjectTree
from meshfleet.topology import Fleet, TopologyError, load
from meshfleet.topology.federation import KarmadaChart
from meshfleet.topology.propagation.sources import ChartSource
from tests.components.registered_graph import Graph
from tests.components.registrations import CONFIDENTIAL, SECRET, record
from tests.fuzz.seeds import chart as packed
from tests.issued_files import new_root

pytestmark = pytest.mark.proof("a release of Karmada's chart has certificates below the root of its mesh", step=1)

CHART = Path(__file__).parent / "karmada_chart"
OBJECT = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "shop"}}


def config(chart: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    def cluster(name: str, mesh: str) -> dict[str, Any]:
        return {"existing": {"kubeconfig": "k", "context": name}, "network": f"network-{name}", "mesh": mesh}

    return {
        "host": "hub",
        "networks": {"network-hub": {}, "network-west": {}},
        "meshes": {"control": {}, "shop": {}},
        "clusters": {"hub": cluster("hub", "control"), "west": cluster("west", "shop")},
        "namespaces": {"shop": {}},
        "federation": {
            "engine": "karmada",
            "karmada": {"chart": {"folder": "charts/karmada"} if chart is None else chart},
        },
        "propagations": {"web": {"resources": [{"object": OBJECT}], "placement": {}}},
    } | more


def fleet(chart: dict[str, Any] | None = None, **more: Any) -> Fleet:
    return checked(load("shop", config(chart, **more)))


@pytest.fixture(scope="module")
def graph() -> Graph:
    return record(fleet())


def test_the_release_comes_after_its_certificates_and_before_all_that_is_in_it(graph: Graph) -> None:
    release = graph.waits_for("hub/karmada-release")
    assert {"hub/karmada-system", "hub/karmada-certificates", "hub/karmada-hooks-cleanup"} <= release
    assert "mesh control/root" in graph.waits_for("hub/karmada-certificates")
    assert "hub/karmada-release" in graph.waits_for("hub/karmada-ready")
    # An object waits for its provider, so that it is also deleted before the release.
    provider = graph["hub/karmada"]
    assert {graph.resources[urn].name for urn in provider.after} >= {"hub/karmada-ready"}
    inside = {one.name for one in graph.custom if one.provider.rpartition("::")[0] == provider.urn}
    assert {"hub/karmada-cluster-west", "hub/karmada-namespace-shop"} <= inside
    assert {name for name in graph.names() if "/karmada-template-" in name or "/karmada-policy-" in name} <= inside
    # Members need nothing of it.
    assert "hub/karmada-release" not in graph.waits_for("west/karmada-role-binding")


def test_keys_are_secret_in_the_release_and_its_kubeconfig_is_pinned(graph: Graph) -> None:
    inputs = graph["hub/karmada-release"].inputs
    custom = inputs["values"]["certs"]["custom"]
    for key in ("caKey", "key", "frontProxyKey"):
        assert SECRET.items() <= custom[key].items()
    assert not [
        text for key, text in custom.items() if key not in ("caKey", "key", "frontProxyKey") if SECRET in [text]
    ]
    assert "values" in graph["hub/karmada-release"].secret_outputs
    assert SECRET.items() <= graph["hub/karmada-certificates"].inputs["rootPrivateKey"].items()
    exported = graph.outputs["karmada"]["kubeconfig"]
    assert SECRET.items() <= exported.items()
    found = json.loads(exported["value"])["clusters"][0]["cluster"]
    assert found == {
        "server": "https://192.0.2.7:5443",
        "tls-server-name": "karmada-apiserver.karmada-system.svc",
        "certificate-authority-data": encoded("authorityCertificate of hub/karmada-certificates"),
    }
    assert graph["hub/karmada"].inputs["clusterIdentifier"] == "shop/karmada"
    # The root and its key are nowhere in what the cluster gets.
    assert "mesh control/root" not in json.dumps(inputs)
    assert f"{CONFIDENTIAL} clientKey" not in json.dumps(inputs)


def test_every_part_is_restarted_by_the_fingerprint_of_the_certificates(graph: Graph) -> None:
    values = graph["hub/karmada-release"].inputs["values"]
    mark = {"meshfleet.dev/certificates": "fingerprint of hub/karmada-certificates"}
    parts = {name for name, part in values.items() if isinstance(part, dict) and part.get("podAnnotations") == mark}
    assert {"apiServer", "aggregatedApiServer", "controllerManager", "scheduler", "webhook"} < parts
    assert values["etcd"]["podLabels"] == mark


def test_values_of_the_user_are_merged_last_and_a_node_port_leads_to_a_node() -> None:
    chart = {
        "folder": "charts/karmada",
        "type": "NodePort",
        "nodePort": 32443,
        "namespace": "karmada-hub",
        "address": "karmada.example.com",
        "values": {"apiServer": {"replicaCount": 3, "podAnnotations": {"team": "a"}}},
    }
    graph = record(fleet(chart))
    inputs = graph["hub/karmada-release"].inputs
    assert inputs["namespace"] == inputs["values"]["systemNamespace"] == "karmada-hub"
    server = inputs["values"]["apiServer"]
    assert (server["serviceType"], server["nodePort"], server["replicaCount"]) == ("NodePort", 32443, 3)
    assert set(server["podAnnotations"]) == {"team", "meshfleet.dev/certificates"}
    assert graph["hub/karmada-certificates"].inputs["namespace"] == "karmada-hub"
    assert graph.outputs["karmada"]["server"].startswith("https://karmada.example.com:")


def test_an_address_that_is_missing_is_named_and_ipv6_is_in_brackets() -> None:
    chart = KarmadaChart(folder="x")
    assert server_of(chart, "2001:db8::7", 5443) == "https://[2001:db8::7]:5443"
    with pytest.raises(ClusterError, match="the Service karmada-apiserver of karmada-system has no address"):
        server_of(chart, "", 5443)


def test_failover_is_refused_since_the_chart_cannot_be_told() -> None:
    propagation = {"resources": [{"object": OBJECT}], "placement": {}, "failover": {"after": "2m", "recover": "Never"}}
    with pytest.raises(TopologyError, match=r"propagations\.web\.failover: Karmada's chart has no value for the flag"):
        fleet(propagations={"web": propagation})


def test_a_patch_of_the_release_leaves_alone_what_the_fleet_owns() -> None:
    patch = {"document": "karmada-release", "merge": {"values": {"certs": {"mode": "auto"}}}}
    with pytest.raises(TopologyError, match=r"values\.certs.* is set by the fleet from meshes\.<name>\.trust"):
        fleet(additions={"patches": [patch]})


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MESHFLEET_PROJECT", str(tmp_path))
    monkeypatch.setenv("MESHFLEET_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MESHFLEET_CACHE", str(tmp_path / "cache"))
    shutil.copytree(CHART, tmp_path / "charts" / "karmada")
    return tmp_path


def test_a_chart_without_a_value_that_the_fleet_sets_is_refused_before_anything(project: Path) -> None:
    place_karmada_chart(fleet())
    place = project / "charts/karmada/values.yaml"
    place.write_text(place.read_text().replace('frontProxyKey: ""', ""))
    with pytest.raises(TopologyError, match=r"has no value certs\.custom\.frontProxyKey, which the fleet sets"):
        place_karmada_chart(fleet())
    place.unlink()
    with pytest.raises(TopologyError, match=r"federation\.karmada\.chart: charts/karmada: has no values\.yaml"):
        place_karmada_chart(fleet())


def test_a_package_is_installed_as_it_was_checked_or_refused_by_its_digest(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = packed((CHART / "values.yaml").read_bytes(), "values.yaml")
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    declared = {"repository": "https://charts.example", "name": "karmada", "version": "v1.18.2", "digest": digest}
    monkeypatch.setattr("meshfleet.sources.chart_packages._downloaded", lambda _: content)
    found = fleet(declared)
    place_karmada_chart(found)
    assert found.federation.karmada
    assert found.federation.karmada.chart
    place = package_place(found.federation.karmada.chart)
    assert not Path(place).is_absolute()
    (kept,) = project.rglob(Path(place).name)
    assert kept.read_bytes() == content
    other = declared | {"digest": f"sha256:{'0' * 64}", "version": "v1.18.3"}
    with pytest.raises(
        TopologyError, match=r"karmada v1\.18\.3: the package of .* has the digest sha256:.*, not sha256:0"
    ):
        place_karmada_chart(fleet(other))
    assert values_of(content).startswith("installMode")


@pytest.mark.tools
def test_helm_renders_the_certificates_as_they_were_issued() -> None:
    root = new_root()
    made = issue(root, KarmadaSpec("hub", "karmada-system", "ecdsa-p256", 30), datetime.now(UTC), {})
    parts = ("authorityCertificate", "authorityKey", "certificate", "privateKey")
    custom = dict(zip(("caCrt", "caKey", "crt", "key"), (made[name] for name in parts), strict=True))

    class Issued(Placeholders):
        def karmada_certificates(self) -> dict[str, object]:
            return dict(super().karmada_certificates()) | custom

    given = values(KarmadaChart(folder="charts/karmada"), Issued(fleet()))
    source = ChartSource.model_validate(
        {"folder": CHART.name, "release": "karmada", "namespace": "karmada-system", "values": given}
    )
    content = rendered(ProjectTree(CHART.parent), source, "v1.35.4", "chart")
    assert not content.faults
    secret, service = (one.body for one in content.objects)
    data = {key: base64.b64decode(text).decode() for key, text in secret["data"].items()}
    assert list(data.values()) == [made[name] for name in parts]
    assert service["spec"]["type"] == "LoadBalancer"
    client = (made["authorityCertificate"], made["clientCertificate"], made["clientKey"])
    text = json.dumps(kubeconfig(KarmadaChart(folder="x"), "https://203.0.113.7:5443", *map(encoded, client)))
    assert read_access(text).cluster["tls-server-name"] == "karmada-apiserver.karmada-system.svc"
