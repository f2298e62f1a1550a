"""The contract of a cluster provider: what it answers about a cluster. Pure; docs/provider-contract.md is its page.

A provider is a folder of this package with one line in `registry`:

- `settings.py` has the model of its part of the stack file, a class with the capitalised name of the folder;
- `provider.py` has `PROVIDER`, a `Provider`: its capabilities, rules and documentation;
- `cluster.py` has `create`, which registers a cluster and returns its access (`creation`). Only where it is built.

All other code asks for a capability and never for the name of a provider.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from meshfleet.topology.model import Model

if TYPE_CHECKING:
    from meshfleet.errors.faults import Fault
    from meshfleet.topology.draft import Draft

    Rule = Callable[[Draft], Iterable[Fault]]


class Settings(Model):
    """A provider's part of the stack file, `clusters.<name>.<provider>`; its docstring and fields are documented."""

    summary: ClassVar[str]
    """What the provider is, in a few words, for the description of its key."""


@dataclass(frozen=True)
class NamedContext:
    """A context of a kubeconfig that the user names; `field` is the provider's key, below `clusters.<name>`."""

    field: str
    kubeconfig: str
    context: str


class Capabilities(BaseModel):
    """What a provider answers about one cluster, computed from the cluster's settings."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    pods: Literal["real", "processes", "simulated"]
    """Whether pods run: on the cluster's nodes, as processes on this machine, or not at all."""
    istiod_runtime: Literal["pod", "process"]
    """What an istiod of the cluster is: a pod in it, or a process on this machine."""
    gateway_addresses: Literal["cluster", "fleet", "node"]
    """Who assigns the address of a gateway: the cluster's load balancer, the fleet, or the node, whose own it is."""
    gateway_api: Literal["cluster", "fleet"]
    """Who installs the definitions of the Kubernetes Gateway API."""
    api_server: Literal["network", "loopback"]
    """Who can reach its API server: every peer that its URL is routed to, or processes on this machine alone."""
    images: Literal["published", "built"]
    """Where the images of Istio and of the echo server come from: registries, or this machine, which built them."""
    ends_with_stack: bool
    """Whether destroying the stack destroys the cluster, which the stack created."""
    recreated_by: tuple[str, ...]
    """The keys of the cluster whose change recreates it, with all that is in it."""
    service_range: Literal["assigned", "unknown"]
    """Where `serviceCidr` is left out: whether the fleet assigns a range or knows none."""
    context: NamedContext | None
    """The kubeconfig and context through which it is reached, where the user names them."""

    @property
    def runs_pods(self) -> bool:
        """Whether nodes of the cluster run every pod, so that releases and objects can be awaited."""
        return self.pods == "real"

    @property
    def runs_published(self) -> bool:
        """Whether it runs images of publishers, with their charts; for other clusters programs are built here."""
        return self.istiod_runtime == "pod" and self.images == "published"


S = TypeVar("S", bound=Settings)


@dataclass(frozen=True, kw_only=True)
class Provider(Generic[S]):
    """What a provider answers for all of its clusters."""

    capabilities: Callable[[S], Capabilities]
    """The capabilities of a cluster with these settings."""
    local: bool
    """Whether the control plane runs as processes in the fleet's folder on this machine."""
    component: str
    """The class name of the cluster's component, a part of the URNs of all that is in it: it never changes."""
    leads_to: str
    """The field below `clusters.<name>` that leads to the cluster, for faults about which cluster it is."""
    usage: str
    """How to use the provider, in words that complete `use ...`."""
    rules: tuple[Rule, ...]
    """What the stack file must keep for this provider; run where a cluster has it. Each yields faults with a path."""
    examples: tuple[Mapping[str, object], ...]
    """Settings as a user writes them: all combinations that differ in capabilities."""
    docs: str
    """The section about it in docs/provider-contract.md, as Markdown without its heading."""


def planned(
    settings: type[S], *, gateway_api: Literal["cluster", "fleet"], recreated_by: tuple[str, ...], docs: str
) -> Provider[S]:
    """A provider that is not built yet: the answers that every cluster with real pods and a life of the stack has.

    Its names follow from the class of its settings: `Kind` is `kind`, with the component `KindCluster`.
    """
    capabilities = Capabilities(
        pods="real",
        istiod_runtime="pod",
        gateway_addresses="cluster",
        gateway_api=gateway_api,
        api_server="network",
        images="published",
        ends_with_stack=True,
        recreated_by=recreated_by,
        service_range="unknown",
        context=None,
    )
    name = settings.__name__
    return Provider(
        capabilities=lambda _: capabilities,
        local=False,
        component=f"{name}Cluster",
        leads_to=name.lower(),
        usage=name.lower(),
        rules=(),
        examples=({},),
        docs=docs,
    )
