"""`meshfleet:index:ReleaseParts`: the objects of a Helm release, each compared with what its chart rendered.

It makes nothing: the release does. A refresh looks at every object; what is missing or changed is in `differing`,
which the next update restores. A run without a refresh asks the cluster nothing.
"""

from __future__ import annotations

from typing import Any, Final

from meshfleet.kube.api_errors import UnreachableError
from meshfleet.kube.releases.parts import examine, restore
from meshfleet.kube.releases.server import connected
from meshfleet.plugins.meshfleet.handler import Created, Difference, Fault, Properties, changed
from meshfleet.plugins.meshfleet.input_checks import check_known, check_optional_texts, check_texts

_IDENTITY: Final = ("namespace", "release")


class ReleasePartsHandler:
    """Life cycle of what is only ever restored; see `ResourceHandler`."""

    outputs = frozenset({"differing"})
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
        """What a refresh found is restored; another way to the cluster is kept for the next time."""
        names = changed(old_inputs, new_inputs)
        replaces = tuple(name for name in names if name in _IDENTITY)
        updates = tuple(name for name in names if name not in _IDENTITY)
        return Difference((*updates, "differing") if old_outputs.get("differing") else updates, replaces)

    def preview(self, old_outputs: Properties | None, new_inputs: Properties) -> Properties:
        """It ends with all as rendered, or not at all."""
        return {"differing": {}}

    def create(self, inputs: Properties, timeout: float) -> Created:
        """What Helm has just installed is as rendered."""
        return Created(f"{inputs['namespace']}/{inputs['release']}", {"differing": {}})

    def read(self, identifier: str, inputs: Properties, old_outputs: Properties) -> Properties | None:
        """Looks at every object. A release that is gone has no parts, which the release itself reports."""
        try:
            with connected(inputs["kubeconfig"], inputs.get("context")) as server:
                found = examine(server, inputs["namespace"], inputs["release"])
        except UnreachableError as error:
            return {"differing": {"cluster": f"unknown: {error}"}}
        return {"differing": found or {}}

    def update(
        self,
        identifier: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        timeout: float,
    ) -> Properties:
        """Restores what a refresh found, compared once more with what the chart renders now."""
        if not old_outputs.get("differing"):
            return {"differing": {}}
        with connected(new_inputs["kubeconfig"], new_inputs.get("context")) as server:
            restore(server, new_inputs["namespace"], new_inputs["release"])
            left: Any = examine(server, new_inputs["namespace"], new_inputs["release"])
        return {"differing": left or {}}

    def delete(self, identifier: str, inputs: Properties, old_outputs: Properties, timeout: float) -> None:
        """Nothing was made; the objects go with their release."""
