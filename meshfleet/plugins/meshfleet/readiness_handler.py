"""The life cycle that waits share: `create` and `update` wait until something is ready; nothing is deleted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Final

from meshfleet.plugins.meshfleet.handler import Created, Difference, Properties, changed

READY: Final = "ready"


class ReadinessHandler(ABC):
    """Part of a `ResourceHandler` that creates no object; `read` says in `state` what is missing."""

    outputs = frozenset({"state"})
    secret_inputs = frozenset({"kubeconfig"})
    secret_outputs: frozenset[str] = frozenset()
    ready_states: ClassVar[tuple[str, ...]] = (READY,)

    @abstractmethod
    def wait(self, inputs: Properties, timeout: float) -> None:
        """Wait until it is ready. Raises ClusterError once the time is over."""

    def diff(self, old_inputs: Properties, old_outputs: Properties, new_inputs: Properties) -> Difference:
        """Any changed input makes it wait again; `state` differs when a refresh found it not ready."""
        updates = changed(old_inputs, new_inputs)
        return Difference(updates if old_outputs.get("state") in self.ready_states else (*updates, "state"))

    def preview(self, old_outputs: Properties | None, new_inputs: Properties) -> Properties:
        """`ready`, the only state in which `create` and `update` succeed."""
        return {"state": READY}

    def create(self, inputs: Properties, timeout: float) -> Created:
        """Waits."""
        self.wait(inputs, timeout)
        return Created(str(inputs["cluster"]), {"state": READY})

    def update(
        self,
        identifier: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        timeout: float,
    ) -> Properties:
        """Waits again."""
        self.wait(new_inputs, timeout)
        return {"state": READY}

    def delete(  # noqa: B027  (nothing to do for any wait)
        self, identifier: str, inputs: Properties, old_outputs: Properties, timeout: float
    ) -> None:
        """Nothing was created."""
