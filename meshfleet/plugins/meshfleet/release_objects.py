"""`meshfleet:index:ReleaseObjects`: the objects of a Helm release, each compared with what its chart rendered.

It creates no object: the release does. A refresh compares every object and records the missing and the changed ones
in `drift`, which the next update restores. A run without a refresh sends no request to the cluster.
"""

from __future__ import annotations

from typing import Any, Final

from meshfleet.kube.api_errors import UnreachableError
from meshfleet.kube.releases.parts import examine, restore
from meshfleet.kube.releases.server import connected
from meshfleet.plugins.meshfleet.handler import Created, Difference, Fault, Properties, changed
from meshfleet.plugins.meshfleet.input_checks import check_known, check_optional_texts, check_texts

_IDENTITY: Final = ("namespace", "release")


class ReleaseObjectsHandler:
    """Life cycle of the comparison; see `ResourceHandler`."""

    outputs = frozenset({"drift"})
    secret_inputs = frozenset({"kubeconfig"})
    secret_outputs: frozenset[str] = frozenset()

    def check(self, inputs: Properties) -> tuple[Properties, list[Fault]]:
        """No defaults."""
        return inputs, [
            *check_known(inputs, (*_IDENTITY, "kubeconfig", "context")),
            *check_texts(inputs, (*_IDENTITY, "kubeconfig")),
            *check_optional_texts(inputs, ("context",)),
        ]

    def diff(self, old_inputs: Properties, old_outputs: Properties, new_inputs: Properties) -> Difference:
        """Drift that a refresh found is restored; a changed kubeconfig is recorded."""
        names = changed(old_inputs, new_inputs)
        replaces = tuple(name for name in names if name in _IDENTITY)
        updates = tuple(name for name in names if name not in _IDENTITY)
        return Difference((*updates, "drift") if old_outputs.get("drift") else updates, replaces)

    def preview(self, old_outputs: Properties | None, new_inputs: Properties) -> Properties:
        """No drift, the only outcome with which `create` and `update` succeed."""
        return {"drift": {}}

    def create(self, inputs: Properties, timeout: float) -> Created:
        """Objects that Helm has just installed are as rendered."""
        return Created(f"{inputs['namespace']}/{inputs['release']}", {"drift": {}})

    def read(self, identifier: str, inputs: Properties, old_outputs: Properties) -> Properties | None:
        """Compares every object. A release that is gone has none; the release resource reports that."""
        try:
            with connected(inputs["kubeconfig"], inputs.get("context")) as server:
                found = examine(server, inputs["namespace"], inputs["release"])
        except UnreachableError as error:
            return {"drift": {"cluster": f"unknown: {error}"}}
        return {"drift": found or {}}

    def update(
        self,
        identifier: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        timeout: float,
    ) -> Properties:
        """Restores the drift that a refresh found, after comparing with the rendered chart again."""
        if not old_outputs.get("drift"):
            return {"drift": {}}
        with connected(new_inputs["kubeconfig"], new_inputs.get("context")) as server:
            restore(server, new_inputs["namespace"], new_inputs["release"])
            remaining: Any = examine(server, new_inputs["namespace"], new_inputs["release"])
        return {"drift": remaining or {}}

    def delete(self, identifier: str, inputs: Properties, old_outputs: Properties, timeout: float) -> None:
        """Nothing was created; Helm removes the objects with their release."""
