"""`meshfleet:index:IstiodConfigMaps`: what istiods write into every namespace of a cluster that outlives the stack.

It makes nothing: it stands before the charts that let an istiod write there, so that it goes after them and takes
with it what nobody can write again.
"""

from __future__ import annotations

from typing import Final

from meshfleet.kube.kubeconfig import connect
from meshfleet.plugins.meshfleet.handler import Created, Difference, Fault, Properties, changed
from meshfleet.plugins.meshfleet.input_checks import check_known, check_names, check_optional_texts, check_texts

_IDENTITY: Final = ("cluster",)


class IstiodConfigMapsHandler:
    """Life cycle of what is only ever removed; see `ResourceHandler`."""

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
        """Another way to the cluster is kept for the day of the removal."""
        return Difference(changed(old_inputs, new_inputs))

    def preview(self, old_outputs: Properties | None, new_inputs: Properties) -> Properties:
        """It has no outputs."""
        return {}

    def create(self, inputs: Properties, timeout: float) -> Created:
        """Nothing is there yet."""
        return Created(str(inputs["cluster"]), {})

    def read(self, identifier: str, inputs: Properties, old_outputs: Properties) -> Properties | None:
        """Whatever is there, istiod sees to it."""
        return {}

    def update(
        self,
        identifier: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        timeout: float,
    ) -> Properties:
        """The inputs are all there is of it."""
        return {}

    def delete(self, identifier: str, inputs: Properties, old_outputs: Properties, timeout: float) -> None:
        """Removes them from every namespace."""
        from meshfleet.plugins.meshfleet.configmaps_of_istiod import remove_istiod_configmaps

        with connect(inputs["kubeconfig"], inputs.get("context")) as client:
            remove_istiod_configmaps(client)
