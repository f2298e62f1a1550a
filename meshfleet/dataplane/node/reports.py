"""What a node agent reports of what it left out: by source, each source replacing what it reported before.

Threads of pods report beside the agent's own, so all of it is behind one lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from meshfleet.dataplane.node.left_out import LeftOut, added, event
from meshfleet.errors.containment import each
from meshfleet.kube.api_errors import api_errors

if TYPE_CHECKING:
    from lightkube import Client

_MANAGER: Final = "meshfleet-node"


@dataclass
class Reports:
    """Of the node `node`; `said` writes a line into its log."""

    node: str
    said: Callable[[str], None]
    _by_source: dict[str, tuple[LeftOut, ...]] = field(default_factory=dict)
    _waiting: list[LeftOut] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def replace(self, source: str, left_out: Iterable[LeftOut]) -> None:
        """Report all that a source leaves out now; what is new goes into the log, and into an event by `post`."""
        now = tuple(left_out)
        with self._lock:
            new = added(self._by_source.get(source, ()), now)
            self._by_source[source] = now
            self._waiting += new
        for one in new:
            self.said(f"left out: {one}")

    def set(self, source: str, left_out: LeftOut | None) -> None:
        """The same for a source of one object; None when it is well again, or gone."""
        self.replace(source, () if left_out is None else (left_out,))

    def current(self) -> tuple[LeftOut, ...]:
        """All that is left out now."""
        with self._lock:
            return tuple(one for source in self._by_source.values() for one in source)

    def post(self, client: Client) -> None:
        """Write an Event on each object that is newly left out. One that is refused is in the log alone."""
        from lightkube.codecs import from_dict

        with self._lock:
            waiting, self._waiting = self._waiting, []

        def write(left_out: LeftOut) -> None:
            made = event(left_out, self.node, datetime.now(UTC))
            if made is not None:
                with api_errors(f"event on {left_out.kind} {left_out.namespace}/{left_out.name}"):
                    client.apply(from_dict(made), field_manager=_MANAGER, force=True)

        for failure in each(waiting, write):
            self.said(failure.reason)
