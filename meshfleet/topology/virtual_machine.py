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
from meshfleet.topology.names import OptionalLabel, ServiceName
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
    """A port that the workload on the machines listens on; callers use the same number."""

    port: Port
    """Its number, on the machines and on their Service or ServiceEntry."""
    protocol: Literal["HTTP", "HTTP2", "GRPC", "TCP"] = "HTTP"
    """Its protocol; `TCP` for any other than HTTP and gRPC."""


class HttpProbe(Model):
    """The workload is healthy while the response has a status from 200 to 399."""

    port: Port
    """The port of the probe, without TLS."""
    path: HttpPath = "/"
    """The path of the probe."""


class TcpProbe(Model):
    """The workload is healthy while it accepts connections."""

    port: Port
    """The port of the probe."""


class ReadinessProbe(Model):
    """How the agent on a machine checks its workload's health. Exactly one of `http` and `tcp`.

    A machine with an unhealthy workload gets no requests.
    """

    model_config = ConfigDict(json_schema_extra=exactly_one("http", "tcp"))

    http: HttpProbe | None = None
    """An HTTP probe."""
    tcp: TcpProbe | None = None
    """A TCP probe."""
    period_seconds: Annotated[int, Field(ge=1, le=3600)] = 10
    """Seconds between two probes."""

    @model_validator(mode="after")
    def _one_way_to_ask(self) -> ReadinessProbe:
        if (self.http is None) == (self.tcp is None):
            found = "sets neither http nor tcp" if self.http is None else "sets both http and tcp"
            raise ValueError(f"{found}; give exactly one of them, for example `tcp: {{port: 8080}}`")
        return self

    @property
    def port(self) -> int:
        """The port that is asked."""
        asked = self.http or self.tcp
        assert asked is not None
        return asked.port


class VirtualMachine(Model):
    """Virtual machines that run one workload and join the mesh.

    Each is set up with a bundle from `meshfleet vm bundle`, and registers itself. With `addresses` the machines are
    declared, and none registers itself.
    """

    namespace: str
    """Their namespace, by its name in `namespaces`."""
    cluster: str
    """The cluster that they join; their istiod is the one of this cluster, own or remote."""
    network: str = ""
    """Their network, by its name in `networks`; the network of the cluster when left out."""
    service_account: OptionalLabel = ""
    """The ServiceAccount of their identity; their own name when left out."""
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    """Their labels in the mesh; `app` with their name when left out."""
    selector: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    """The labels that their Service or ServiceEntry selects them by; all of `labels` when left out."""
    region: LabelValue = ""
    """Their region, for locality load balancing; when left out the cluster's, if on its network."""
    zone: LabelValue = ""
    """Their zone within the region; the cluster's zone where the region is the cluster's."""
    subzone: LabelValue = ""
    """Their subzone within the zone."""
    ports: dict[ServiceName, VirtualMachinePort] = Field(default_factory=dict)
    """The ports of their workload, by name; without ports they only call others."""
    probe: ReadinessProbe | None = None
    """Their readiness probe; without it they always count as healthy."""
    addresses: Annotated[tuple[MachineAddress, ...], Field(strict=False)] = ()
    """Their fixed addresses; when left out each machine registers its own."""
    token_lifetime: Lifetime = "1h"  # noqa: S105  (a length of time)
    """The lifetime of the token in a bundle, within which a machine must first start."""
    service: Literal["service", "service-entry"] = "service"
    """How they are exposed: by a Service, or by a ServiceEntry for a host of your own."""
    host: DnsName | None = None
    """The host of the ServiceEntry; only with `service-entry`."""
    gateway: bool = False
    """They are the gateway of their network, at an address in its `gateways`, and run no workload."""
    # Mutual TLS from other networks is passed on to machines by SNI, as an east-west gateway does it.

    @model_validator(mode="after")
    def _whole_locality(self) -> VirtualMachine:
        if self.zone and not self.region:
            raise ValueError(f"has the zone {self.zone!r} and no region; name the region as well")
        if self.subzone and not self.zone:
            raise ValueError(f"has the subzone {self.subzone!r} and no zone; name region and zone as well")
        return self

    @model_validator(mode="after")
    def _gateway_without_workload(self) -> VirtualMachine:
        of_workloads = {"ports": self.ports, "probe": self.probe, "selector": self.selector, "host": self.host}
        if self.gateway and (given := [key for key, value in of_workloads.items() if value]):
            raise ValueError(
                f"is a gateway, which has no workload that others call, and has {', '.join(given)}; leave "
                f"{'that' if len(given) == 1 else 'these'} out, or declare the workload as machines of its own"
            )
        return self

    @property
    def token_seconds(self) -> int:
        """How long a token is good, in seconds."""
        return lifetime_seconds(self.token_lifetime) or SHORTEST
