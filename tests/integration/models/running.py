"""An example stack that is up, and what its istiods, its API servers and its processes say when asked."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2

from meshfleet.testing import CommandResult, FleetUnderTest
from meshfleet.verification.bundle import certificates, fingerprint
from tests.integration.clone import Clone

GATEWAY = "istio-eastwestgateway"
INJECTED = re.compile(r"^sidecar_injection_success_total(?:\{[^}]*\})? (\S+)$", re.MULTILINE)
REMOTE_SECRETS = ("secrets", "--all-namespaces", "--selector", "istio/multiCluster=true")


class Running(FleetUnderTest):
    """A fleet of `stacks/examples/`, and what is asserted of every model."""

    def verified(self) -> dict[str, set[str]]:
        """The clusters that each check covered, once all checks pass."""
        return self.verify()

    def root(self, mesh: str) -> str:
        """The fingerprint of a mesh's root."""
        return str(self.mesh(mesh)["rootFingerprint"])

    def model(self, mesh: str) -> str:
        """The model of a mesh in Istio's words."""
        return str(self.mesh(mesh)["model"])

    def known_to(self, primary: str) -> dict[str, str]:
        """The clusters that an istiod discovers, each with the Secret it knows it from; all of them are synced."""
        found = self.istiod(primary).clusters()
        assert {one.status for one in found.values()} == {"synced"}
        return {name: one.secret for name, one in found.items()}

    def shards(self, primary: str) -> set[str]:
        """The clusters of which an istiod has endpoints."""
        return self.istiod(primary).endpoint_clusters()

    def gateways(self, primary: str) -> dict[str, str]:
        """The gateways into networks that an istiod knows: their networks by their clusters."""
        return {one.cluster: one.network for one in self.istiod(primary).gateways()}

    def injections(self, primary: str) -> float:
        """How many pods an istiod has injected since it started."""
        port = self.sandbox.reservations()[f"{self.name}/istiod/{primary}/default"]["monitoring"]
        answer = httpx2.get(f"http://127.0.0.1:{port}/metrics", timeout=10, trust_env=False).raise_for_status()
        return sum(float(count) for count in INJECTED.findall(answer.text))

    def istiods(self) -> list[str]:
        """The names of all clusters of which an istiod has files, running or not."""
        folder = self.sandbox.home / "fleets" / self.name / "istiods"
        return sorted(path.name.removesuffix(".default") for path in folder.iterdir())

    def peers_told(self, cluster: str) -> dict[str, set[str]]:
        """The keys of the remote secrets in a cluster, by namespace."""
        items = self.get(cluster, *REMOTE_SECRETS)["items"]
        return {item["metadata"]["namespace"]: set(item["data"]) for item in items}

    def try_pod(self, cluster: str, expect: int | None = 0) -> CommandResult:
        """Ask the API server for a pod where injection is on, and what would come of it; nothing stays."""
        command = ("run", "probe", "--namespace", "sample", "--image", "none.invalid/none", "--dry-run=server")
        return self.kubectl(cluster, *command, "--output", "json", expect=expect)

    def injected_by(self, cluster: str) -> list[str]:
        """The istiods that inject a pod of `cluster`, by the names they carry; the pod has that cluster's identity."""
        before = {primary: self.injections(primary) for primary in self.istiods()}
        pod = self.try_pod(cluster).report
        containers = [*pod["spec"]["containers"], *pod["spec"].get("initContainers", [])]
        proxy = next(container for container in containers if container["name"] == "istio-proxy")
        identity = {entry["name"]: entry.get("value") for entry in proxy["env"]}
        assert identity["ISTIO_META_CLUSTER_ID"] == cluster
        assert identity["ISTIO_META_NETWORK"] == self.cluster(cluster)["network"]
        return [primary for primary, count in before.items() if self.injections(primary) > count]

    def trusted_webhook_roots(self, cluster: str, name: str = "istio-sidecar-injector") -> set[str]:
        """The fingerprints of what the API server of a cluster trusts of its injection webhook."""
        configuration = self.get(cluster, "mutatingwebhookconfiguration", name)
        bundles = {webhook["clientConfig"]["caBundle"] for webhook in configuration["webhooks"]}
        return {
            fingerprint(found) for bundle in bundles for found in certificates(base64.b64decode(bundle), "caBundle")
        }

    def given_roots(self, cluster: str) -> dict[str, set[str]]:
        """The fingerprints of the roots that workloads of a cluster are given, by namespace."""
        maps = self.get(
            cluster, "configmaps", "--all-namespaces", "--field-selector", "metadata.name=istio-ca-root-cert"
        )
        return {
            found["metadata"]["namespace"]: {
                fingerprint(one) for one in certificates(found["data"]["root-cert.pem"].encode(), "root-cert.pem")
            }
            for found in maps["items"]
        }

    def assert_served_from_elsewhere(self, cluster: str, mesh: str) -> None:
        """A cluster has no istiod and no authority, and trusts the root of its mesh in webhook and workloads."""
        namespace = self.cluster(cluster)["controlPlane"]["namespace"]
        suffix = "" if namespace == "istio-system" else f"-{namespace}"
        assert self.trusted_webhook_roots(cluster, f"istio-sidecar-injector{suffix}") == {self.root(mesh)}
        given = self.given_roots(cluster)
        assert given["sample"] == given[namespace] == {self.root(mesh)}
        assert "istiod" not in self.names(cluster, "deployments", "--all-namespaces")
        assert "cacerts" not in self.names(cluster, "secrets", "--namespace", namespace)

    def assert_leads_to_gateway_of(self, cluster: str, host: str) -> None:
        """The Service of istiod in a cluster has the gateway of `host` behind it, and no pod."""
        namespace = self.cluster(cluster)["controlPlane"]["namespace"]
        assert "selector" not in self.get(cluster, "service", "istiod", "--namespace", namespace)["spec"]
        slices = self.get(
            cluster, "endpointslices", "--namespace", namespace, "-l", "kubernetes.io/service-name=istiod"
        )
        addresses = {address for found in slices["items"] for end in found["endpoints"] for address in end["addresses"]}
        assert addresses == {self.cluster(host)["gateway"]["address"]}


@contextmanager
def running(clone: Clone, stack: str) -> Iterator[Running]:
    """Bring an example up in a sandbox; it is destroyed at the end, and nothing of it remains."""
    with clone.sandbox() as sandbox:
        fleet = Running(sandbox, f"examples/{stack}")
        fleet.up()
        yield fleet
        fleet.destroy()
