"""The life cycle that processes beside clusters share: `create` and `update` start them, `delete` ends them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Final, Protocol

from meshfleet.plugins.meshfleet.handler import Created, Difference, Properties, changed

RUNNING: Final = "running"


class Process(Protocol):
    """A process with files of its own."""

    def state(self) -> str | None:
        """`running`, what is wrong, or None when not even its directory is left."""
        ...


class ProcessHandler(ABC):
    """Part of a `ResourceHandler`; another value of an input in `identity` or `replacing` is another process."""

    identity: ClassVar[tuple[str, ...]] = ("fleet", "cluster")
    replacing: ClassVar[frozenset[str]] = frozenset()
    secret_outputs: frozenset[str] = frozenset()

    @abstractmethod
    def process(self, inputs: Properties) -> Process:
        """The process that these inputs name, whether it runs or not."""

    @abstractmethod
    def start(self, inputs: Properties, timeout: float) -> Properties:
        """Start it, or have it take up what changed; the outputs once it is ready. One that runs is taken over."""

    def outdated(self, old_inputs: Properties, old_outputs: Properties) -> bool:
        """Whether it has to be started again although no input differs."""
        return self.process(old_inputs).state() != RUNNING or old_outputs.get("state") != RUNNING

    def diff(self, old_inputs: Properties, old_outputs: Properties, new_inputs: Properties) -> Difference:
        """`state` differs when the process is not there: the next up starts it again, without a refresh.

        Where an input differs it is started anyway, and not looked at.
        """
        names = changed(old_inputs, new_inputs)
        others = {*self.identity, *self.replacing}
        replaces = tuple(name for name in names if name in others)
        updates = tuple(name for name in names if name not in others)
        if not names and self.outdated(old_inputs, old_outputs):
            updates = (*updates, "state")
        return Difference(updates, replaces, delete_before_replace=True)

    def create(self, inputs: Properties, timeout: float) -> Created:
        """Starts it and waits until it is ready; one that an interrupted create left is taken over or ended."""
        return Created("/".join(str(inputs[name]) for name in self.identity), self.start(inputs, timeout))

    def read(self, identifier: str, inputs: Properties, old_outputs: Properties) -> Properties | None:
        """`state` as it is now; gone when not even its directory is left."""
        state = self.process(inputs).state()
        return None if state is None else old_outputs | {"state": state}

    def update(
        self,
        identifier: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        timeout: float,
    ) -> Properties:
        """Starts it, starts it again with what changed, or has it take that up as it runs."""
        return self.start(new_inputs, timeout)
