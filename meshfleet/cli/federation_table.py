"""`status --federation` for people: each propagation and object with its word, and a line for each of its clusters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from rich.markup import escape

if TYPE_CHECKING:
    from meshfleet.status import Status
    from meshfleet.status.propagations import Placed, PropagatedObject

_COLOURS: Final = {"ready": "green", "failed": "red", "unknown": "red", "partial": "yellow", "pending": "yellow"}


def federation_lines(status: Status) -> Iterator[str]:
    """The lines, in the markup of rich."""
    if not status.propagations:
        yield "the stack has no propagations"
    for propagation in status.propagations:
        yield f"[bold]{escape(propagation.name)}[/bold]: {_word(propagation.health)}"
        for one in propagation.objects:
            place = f" in {one.namespace}" if one.namespace else ""
            yield f"  {escape(f'{one.kind} {one.name}{place}')}: {_state(one)}"
            for each in one.clusters:
                why = escape(f": {each.why}") if each.why else ""
                yield f"    {escape(each.cluster)}: {_state(each)}{why}"


def _state(one: PropagatedObject | Placed) -> str:
    """The word, with the replicas that are ready and those that are declared, where the object has some."""
    if one.replicas is None:
        return _word(one.health)
    ready = f"{one.ready_replicas} of " if one.ready_replicas is not None else ""
    return f"{_word(one.health)}, {ready}{one.replicas} replica{'s' * (one.replicas != 1)}"


def _word(word: str) -> str:
    colour = _COLOURS.get(word)
    return f"[{colour}]{word}[/{colour}]" if colour else word
