"""`meshfleet:index:IstiodConfigMapCleanup`: removes istiod's ConfigMaps from a cluster that outlives the stack.

It creates no object. The charts that authorize an istiod depend on it, so it is deleted after them: by then no istiod
can write the ConfigMaps again.
"""

from __future__ import annotations

from typing import Final

from meshfleet.kube.kubeconfig import connect
from meshfleet.plugins.meshfleet.handler import Created, Difference, Fault, Properties, changed
from meshfleet.plugins.meshfleet.input_checks import check_known, check_names, check_optional_texts, check_texts

_IDENTITY: Final = ("cluster",)


class IstiodConfigMapCleanupHandler:
    """Life cycle of the clean-up; see `ResourceHandler`."""

    outputs: frozenset[str] = frozenset()
    secret_inputs = frozenset({"kubeconfig"})
    secret_outputs: frozenset[str] = frozenset()

    def check(self, inputs: Properties) -> tuple[Properties, list[Fault]]:
        """No defaults."""
        return inputs, [
            *check_known(inputs, (*_IDENTITY, "kubeconfig", "context")),
            *check_names(inputs, _IDENTITY),
            *check_texts(inputs, ("kubeconfig",)),
            *check_optional_texts(inputs, ("context",)),
        ]

    def diff(self, old_inputs: Properties, old_outputs: Properties, new_inputs: Properties) -> Difference:
        """A changed kubeconfig is recorded for the deletion."""
        return Difference(changed(old_inputs, new_inputs))

    def preview(self, old_outputs: Properties | None, new_inputs: Properties) -> Properties:
        """It has no outputs."""
        return {}

    def create(self, inputs: Properties, timeout: float) -> Created:
        """Nothing is created."""
        return Created(str(inputs["cluster"]), {})

    def read(self, identifier: str, inputs: Properties, old_outputs: Properties) -> Properties | None:
        """Istiod reconciles the ConfigMaps itself."""
        return {}

    def update(
        self,
        identifier: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        timeout: float,
    ) -> Properties:
        """Only the inputs are recorded."""
        return {}

    def delete(self, identifier: str, inputs: Properties, old_outputs: Properties, timeout: float) -> None:
        """Removes the ConfigMaps from every namespace."""
        from meshfleet.plugins.meshfleet.istiod_configmaps import remove_istiod_configmaps

        with connect(inputs["kubeconfig"], inputs.get("context")) as client:
            remove_istiod_configmaps(client)
