"""Whether a cluster without an istiod of its own is served by the one it names.

That istiod writes two things into it, from afar: its certificate authority into the injection webhook, without which
the API server trusts no answer, and the root certificate into every namespace, without which no proxy starts.
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
class Serving:
    """Who serves a cluster, and where that shows.

    `primary` is the cluster whose name the istiod carries, `debug_url` where it can be asked how it is (None when it
    cannot be asked from here); `webhook` is the MutatingWebhookConfiguration and `namespace` the one of Istio.
    """

    primary: str
    debug_url: str | None
    webhook: str
    namespace: str


def wait_until_served(client: Client, cluster: str, serving: Serving, timeout: float = 0) -> None:
    """Wait until `cluster` is served; `timeout` in seconds, 0 for two minutes.

    Raises ClusterError that names the primary, how it was last and what is missing.
    """

    def served() -> None:
        if lacking := missing(client, serving):
            raise NotYetError(lacking)

    try:
        wait_until(
            served,
            f"the istiod of {serving.primary} to serve {cluster}",
            timeout or _SECONDS,
            f"see that {serving.primary} has a remote secret for {cluster}, and run the same command again",
            failure=ClusterError,
        )
    except ClusterError as error:
        raise ClusterError(f"{error}; {_condition(serving)}") from None


def missing(client: Client, serving: Serving) -> str | None:
    """All that is not there yet, in words; None when the cluster is served. Raises ClusterError."""
    lacking = [found for found in (_bare(client, serving), _rootless(client, serving)) if found]
    return "; ".join(lacking) or None


def _bare(client: Client, serving: Serving) -> str | None:
    """What the injection webhook lacks."""
    from lightkube.resources.admissionregistration_v1 import MutatingWebhookConfiguration

    try:
        with api_errors(f"MutatingWebhookConfiguration {serving.webhook}"):
            configuration = client.get(MutatingWebhookConfiguration, serving.webhook)
    except RefusedError as error:
        return _absent(error)
    bare = [webhook.name for webhook in configuration.webhooks or [] if not webhook.clientConfig.caBundle]
    return f"no caBundle in {', '.join(bare)} of {serving.webhook}" if bare else None


def _rootless(client: Client, serving: Serving) -> str | None:
    """What proxies lack to trust anybody; written into every namespace alike."""
    from lightkube.resources.core_v1 import ConfigMap

    try:
        with api_errors(f"ConfigMap {serving.namespace}/{ROOT_CERTIFICATE}"):
            client.get(ConfigMap, ROOT_CERTIFICATE, namespace=serving.namespace)
    except RefusedError as error:
        return _absent(error)
    return None


def _absent(error: RefusedError) -> str:
    if error.not_found:
        return str(error)
    raise error


def _condition(serving: Serving) -> str:
    """How the primary's istiod is at this moment."""
    if serving.debug_url is None:
        return f"the istiod of {serving.primary} cannot be asked from here"
    try:
        ask(f"{serving.debug_url}/ready")
    except NotYetError as error:
        return f"the istiod of {serving.primary} is not ready: {error}"
    return f"the istiod of {serving.primary} is ready"
