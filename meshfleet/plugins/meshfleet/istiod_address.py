"""`meshfleet:index:IstiodAddress`: the ports of an istiod, kept for it before it exists.

The charts come before the process, and their webhooks name its port.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from meshfleet.embedded.istiod import Istiod
from meshfleet.plugins.meshfleet.handler import Created, Difference, Fault, Properties, changed
from meshfleet.plugins.meshfleet.input_checks import check_known, check_names
from meshfleet.workspace.home import Workspace

_INPUTS: Final = ("fleet", "cluster", "revision")

PORT_NAMES: Final = {
    "httpPort": "http",
    "monitoringPort": "monitoring",
    "grpcPort": "grpc",
    "secureGrpcPort": "secure-grpc",
    "httpsPort": "https",
}
"""Output → name of the port in `meshfleet.embedded.istiod_spec.ISTIOD_PORTS`."""


class IstiodAddressHandler:
    """Life cycle of the reservation; see `ResourceHandler`."""

    outputs = frozenset({*PORT_NAMES, "host", "debugUrl", "webhookUrl"})
    secret_inputs: frozenset[str] = frozenset()
    secret_outputs: frozenset[str] = frozenset()

    def check(self, inputs: Properties) -> tuple[Properties, list[Fault]]:
        """The revision is `default` unless named."""
        filled = {"revision": "default", **inputs}
        return filled, check_known(filled, _INPUTS) + check_names(filled, _INPUTS)

    def diff(self, old_inputs: Properties, old_outputs: Properties, new_inputs: Properties) -> Difference:
        """Each input is part of whose ports they are; ports that were taken before the istiod ran are exchanged."""
        replaces = changed(old_inputs, new_inputs)
        lost = [] if replaces else _istiod(old_inputs).lost()
        return Difference(tuple(output for output, name in PORT_NAMES.items() if name in lost), replaces)

    def preview(self, old_outputs: Properties | None, new_inputs: Properties) -> Properties:
        """Ports are chosen when they are reserved; those there are stay, unless another program took them."""
        return {"host": "localhost"} if old_outputs is None or _istiod(new_inputs).lost() else old_outputs

    def create(self, inputs: Properties, timeout: float) -> Created:
        """Reserves the ports; those of an interrupted create are the same ones."""
        identifier = "/".join(str(inputs[name]) for name in _INPUTS)
        return Created(identifier, _outputs(_istiod(inputs).reserve()))

    def read(self, identifier: str, inputs: Properties, old_outputs: Properties) -> Properties | None:
        """None when they are no longer reserved."""
        ports = _istiod(inputs).reserved()
        return _outputs(ports) if ports else None

    def update(
        self,
        identifier: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        timeout: float,
    ) -> Properties:
        """Other ports for those that another program took."""
        return _outputs(_istiod(new_inputs).reserve())

    def delete(self, identifier: str, inputs: Properties, old_outputs: Properties, timeout: float) -> None:
        """Gives the ports back."""
        _istiod(inputs).release()


def _istiod(inputs: Properties) -> Istiod:
    return Istiod(Workspace.of(str(inputs["fleet"])), str(inputs["cluster"]), str(inputs["revision"]))


def _outputs(ports: Mapping[str, int]) -> Properties:
    return {
        "host": "localhost",
        **{output: ports[name] for output, name in PORT_NAMES.items()},
        "debugUrl": f"http://127.0.0.1:{ports['http']}",
        "webhookUrl": f"https://localhost:{ports['https']}",
    }
