"""The cluster's istiod rejects an invalid Istio resource and accepts a valid one.

Both are sent as server-side dry runs: webhooks are called (the chart sets sideEffects None) and nothing is stored. The
invalid resource satisfies the CRD schema, so that only istiod can reject it.
Source: https://istio.io/latest/docs/ops/configuration/mesh/validation/
"""

from __future__ import annotations

from lightkube import ApiError
from lightkube.generic_resource import GenericNamespacedResource, create_namespaced_resource
from lightkube.models.meta_v1 import ObjectMeta

from meshfleet.verification.check import Check, Finding
from meshfleet.verification.cluster_api import reach, refusal
from meshfleet.verification.view import ClusterView, FleetView

Gateway: type[GenericNamespacedResource] = create_namespaced_resource(
    "networking.istio.io", "v1", "Gateway", "gateways"
)

WEBHOOK = "validation.istio.io"
"""The suffix of both webhooks, `validation` of chart base and `rev.validation` of istiod."""

PROBE = "meshfleet-probe"
VALID, INVALID = "HTTP", "NO-SUCH-PROTOCOL"


class WebhookValidation(Check):
    """Creates, as a dry run, one valid Gateway and one with a protocol that does not exist."""

    name = "webhook-validation"

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return fleet.primaries()

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        with reach(cluster, timeout) as client:
            try:
                client.create(probe(cluster, VALID), namespace=cluster.control_plane.namespace)
            except ApiError as error:
                return judge_valid_refused(cluster, error)
            try:
                client.create(probe(cluster, INVALID), namespace=cluster.control_plane.namespace)
            except ApiError as error:
                return judge_refusal(cluster, error)
        return Finding(
            False,
            f"{cluster.name} accepted a Gateway with protocol {INVALID}: its webhook is not called; "
            "check caBundle and failurePolicy (expected: Fail) of the ValidatingWebhookConfigurations",
        )


def judge_valid_refused(cluster: ClusterView, error: ApiError) -> Finding:
    """A valid Gateway was rejected. Raises NoResponseError if istiod did not respond."""
    raised = refusal(cluster, error)
    if WEBHOOK in str(raised) and "denied the request" in str(raised):
        return Finding(False, f"{cluster.name} rejected a valid Gateway: {error.status.message}")
    raise raised


def judge_refusal(cluster: ClusterView, error: ApiError) -> Finding:
    """An invalid Gateway was rejected: whether istiod's webhook rejected it."""
    message = error.status.message or ""
    if WEBHOOK in message and "denied the request" in message:
        return Finding(True, f"{cluster.name}: {message[:200]}")
    raise refusal(cluster, error)


def probe(cluster: ClusterView, protocol: str) -> GenericNamespacedResource:
    """A Gateway with that protocol, labeled for the cluster's revision so that both webhooks select it."""
    server = {"port": {"number": 80, "name": "probe", "protocol": protocol}, "hosts": ["probe.invalid"]}
    return Gateway(
        apiVersion="networking.istio.io/v1",
        kind="Gateway",
        metadata=ObjectMeta(name=PROBE, labels={"istio.io/rev": cluster.control_plane.revision}),
        spec={"selector": {"istio": PROBE}, "servers": [server]},
    )
