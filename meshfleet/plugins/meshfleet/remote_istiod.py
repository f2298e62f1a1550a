"""Whether the istiod of a remote cluster's primary manages that cluster.

That istiod writes two things into it: its CA bundle into the injection webhook, without which the API server does not
trust the webhook, and the root certificate into every namespace, without which no proxy starts.
Source: pilot/pkg/serviceregistry/kube/controller/multicluster.go of istio/istio (initializeCluster)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from meshfleet.errors import ClusterError
from meshfleet.kube.api_errors import RefusedError, api_errors
from meshfleet.kube.health import ask
from meshfleet.processes.waiting import NotYetError, wait_until

if TYPE_CHECKING:
    from lightkube import Client

_SECONDS: Final = 120.0
ROOT_CERTIFICATE: Final = "istio-ca-root-cert"


@dataclass(frozen=True)
class RemoteIstiod:
    """The istiod of a primary, and the objects by which a remote cluster shows that it is managed by it.

    `primary` is the cluster ID that the istiod is registered with. `debug_url` is the base URL of its HTTP port, None
    where this machine cannot reach it. `webhook` names the MutatingWebhookConfiguration, `namespace` is Istio's.
    """

    primary: str
    debug_url: str | None
    webhook: str
    namespace: str


def wait_until_ready(client: Client, cluster: str, istiod: RemoteIstiod, timeout: float = 0) -> None:
    """Wait until `istiod` manages `cluster`; `timeout` in seconds, 0 for two minutes.

    Raises ClusterError that names the primary, its last readiness and what is missing.
    """

    def ready() -> None:
        if absent := missing(client, istiod):
            raise NotYetError(absent)

    try:
        wait_until(
            ready,
            f"the istiod of {istiod.primary} to set up injection in {cluster}",
            timeout or _SECONDS,
            f"check that {istiod.primary} has a remote secret for {cluster}, and run the same command again",
            failure=ClusterError,
        )
    except ClusterError as error:
        raise ClusterError(f"{error}; {_readiness(istiod)}") from None


def missing(client: Client, istiod: RemoteIstiod) -> str | None:
    """A description of everything that is missing; None when the cluster is ready. Raises ClusterError."""
    absent = [found for found in (_ca_bundle(client, istiod), _root_certificate(client, istiod)) if found]
    return "; ".join(absent) or None


def _ca_bundle(client: Client, istiod: RemoteIstiod) -> str | None:
    """The webhooks without a CA bundle; None when there are none."""
    from lightkube.resources.admissionregistration_v1 import MutatingWebhookConfiguration

    try:
        with api_errors(f"MutatingWebhookConfiguration {istiod.webhook}"):
            configuration = client.get(MutatingWebhookConfiguration, istiod.webhook)
    except RefusedError as error:
        return _not_found(error)
    without = [webhook.name for webhook in configuration.webhooks or [] if not webhook.clientConfig.caBundle]
    return f"no caBundle in {', '.join(without)} of {istiod.webhook}" if without else None


def _root_certificate(client: Client, istiod: RemoteIstiod) -> str | None:
    """The missing ConfigMap with the root certificate; istiod writes it into all namespaces at the same time."""
    from lightkube.resources.core_v1 import ConfigMap

    try:
        with api_errors(f"ConfigMap {istiod.namespace}/{ROOT_CERTIFICATE}"):
            client.get(ConfigMap, ROOT_CERTIFICATE, namespace=istiod.namespace)
    except RefusedError as error:
        return _not_found(error)
    return None


def _not_found(error: RefusedError) -> str:
    if error.not_found:
        return str(error)
    raise error


def _readiness(istiod: RemoteIstiod) -> str:
    """What the readiness probe of the primary's istiod returns now."""
    if istiod.debug_url is None:
        return f"the readiness of the istiod of {istiod.primary} cannot be checked from this machine"
    try:
        ask(f"{istiod.debug_url}/ready")
    except NotYetError as error:
        return f"the istiod of {istiod.primary} is not ready: {error}"
    return f"the istiod of {istiod.primary} is ready"
