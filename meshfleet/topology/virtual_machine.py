"""Virtual machines of the mesh: groups of machines outside of Kubernetes, each running one workload.

Sources: https://istio.io/latest/docs/setup/install/virtual-machine/ and
https://istio.io/latest/docs/reference/config/networking/workload-group/
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from meshfleet.redaction.shown import shown
from meshfleet.topology.addresses import DnsName, MachineAddress
from meshfleet.topology.json_schema import exactly_one, text
from meshfleet.topology.labels import LabelKey, LabelValue
from meshfleet.topology.model import Model
from meshfleet.topology.names import Label, OptionalLabel
from meshfleet.topology.network import Port

LIFETIME = re.compile(r"(?:([0-9]{1,5})h)?(?:([0-9]{1,5})m)?(?:([0-9]{1,7})s)?")
# What an API server grants at least, and more than anybody should ask for.
# https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
SHORTEST, LONGEST = 600, 365 * 24 * 3600
HTTP_PATH = re.compile(r"/[!-~]{0,1023}")


def lifetime_seconds(text: str) -> int | None:
    """The seconds of a duration such as `1h`, `90m` or `1h30m`; None for a text that is none."""
    found = LIFETIME.fullmatch(text)
    if not text or not found:
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


def _checked_lifetime(value: str) -> str:
    seconds = lifetime_seconds(value)
    if seconds is None:
        raise ValueError(f"{shown(value)} is not a length of time; write it as 1h, 90m or 1h30m")
    if not SHORTEST <= seconds <= LONGEST:
        raise ValueError(f"{shown(value)} is {seconds} s; a token lives for 10m at least and 8760h at most")
    return value


def _checked_path(value: str) -> str:
    if not HTTP_PATH.fullmatch(value):
        raise ValueError(f"{shown(value)} is not a path; begin it with '/', as in /healthz")
    return value


Lifetime = Annotated[str, AfterValidator(_checked_lifetime), text(LIFETIME)]
HttpPath = Annotated[str, AfterValidator(_checked_path), text(HTTP_PATH)]


class VirtualMachinePort(Model):
    """A port that the workload on the machines listens at; others call it by the same number."""

    port: Port
    """Its number, on the machines and on what makes them callable."""
    protocol: Literal["HTTP", "HTTP2", "GRPC", "TCP"] = "HTTP"
    """What is spoken there; `TCP` for all that is neither HTTP nor gRPC."""


class HttpProbe(Model):
    """The workload is healthy while this answers with a status from 200 to 399."""

    port: Port
    """The port that is asked, without TLS."""
    path: HttpPath = "/"
    """The path that is asked for."""


class TcpProbe(Model):
    """The workload is healthy while a connection to it can be made."""

    port: Port
    """The port that is connected to."""


class ReadinessProbe(Model):
    """How the agent on a machine tells whether its workload is healthy. Exactly one of `http` and `tcp`.

    A machine whose workload is not healthy gets no requests.
    """

    model_config = ConfigDict(json_schema_extra=exactly_one("http", "tcp"))

    http: HttpProbe | None = None
    """Asks by HTTP."""
    tcp: TcpProbe | None = None
    """Asks by a connection."""
    period_seconds: Annotated[int, Field(ge=1, le=3600)] = 10
    """Seconds between two questions."""

    @model_validator(mode="after")
    def _one_way_to_ask(self) -> ReadinessProbe:
        if (self.http is None) == (self.tcp is None):
            found = "says neither http nor tcp" if self.http is None else "says http and tcp"
            raise ValueError(f"{found}; give exactly one of them, for example `tcp: {{port: 8080}}`")
        return self

    @property
    def port(self) -> int:
        """The port that is asked."""
        asked = self.http or self.tcp
        assert asked is not None
        return asked.port


class VirtualMachine(Model):
    """Machines that run one workload and are of the mesh, by its name.

    Each of them is set up with a bundle that `meshfleet vm bundle` makes, and registers itself. Where `addresses` are
    given the machines are those, and none registers itself.
    """

    namespace: str
    """The namespace they are of, by its name in `namespaces`."""
    cluster: str
    """The cluster whose control plane they join: its own, or the one that serves it."""
    network: str = ""
    """The network they are on, by its name in `networks`; that of the cluster when left out."""
    service_account: OptionalLabel = ""
    """The ServiceAccount that is their identity; called as they are when left out."""
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    """What they are known by in the mesh; `app` with their name when left out."""
    selector: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    """The labels that their Service or ServiceEntry selects them by; all of `labels` when left out."""
    region: LabelValue = ""
    """The region they are in, for locality load balancing; the cluster's, on its network, when left out."""
    zone: LabelValue = ""
    """The zone they are in within the region; that of the cluster when the region is."""
    subzone: LabelValue = ""
    """The part of the zone they are in."""
    ports: dict[Label, VirtualMachinePort] = Field(default_factory=dict)
    """The ports they are called at, by name; without any they only call others."""
    probe: ReadinessProbe | None = None
    """How their health is told; without it they are always taken for healthy."""
    addresses: Annotated[tuple[MachineAddress, ...], Field(strict=False)] = ()
    """Their fixed addresses; when left out every machine with a bundle registers its own."""
    token_lifetime: Lifetime = "1h"  # noqa: S105  (a length of time)
    """How long the token in a bundle is good for the first start of a machine."""
    service: Literal["service", "service-entry"] = "service"
    """What makes them callable: a Service, or a ServiceEntry for a name of your own."""
    host: DnsName | None = None
    """With `service-entry` the name they are called by."""

    @model_validator(mode="after")
    def _whole_locality(self) -> VirtualMachine:
        if self.zone and not self.region:
            raise ValueError(f"has the zone {self.zone!r} and no region; name the region as well")
        if self.subzone and not self.zone:
            raise ValueError(f"has the subzone {self.subzone!r} and no zone; name region and zone as well")
        return self

    @property
    def token_seconds(self) -> int:
        """How long a token is good, in seconds."""
        return lifetime_seconds(self.token_lifetime) or SHORTEST
