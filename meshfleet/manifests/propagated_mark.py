"""What propagated objects are marked with: an annotation that says whose they are and what they were made of.

With it a run, `status` and `verify` know without any memory which objects of a cluster are of a propagation, and
whether they are the ones that are declared now.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from meshfleet.files.json_text import parse_json
from meshfleet.topology.propagation.kinds import mapping

PROPAGATED: Final = "meshfleet/propagated"
"""The annotation: JSON, as in `Mark`."""


@dataclass(frozen=True)
class Mark:
    """Whose an object is: the propagation of a stack.

    `content` stands for what is declared of the object in its cluster, without what the fleet adds. With `kept` it may
    stay when it leaves its propagation.
    """

    stack: str
    propagation: str
    content: str
    kept: bool = False

    def annotation(self) -> dict[str, str]:
        """The annotation with it."""
        said = {"stack": self.stack, "propagation": self.propagation, "content": self.content}
        return {PROPAGATED: json.dumps(said | ({"kept": True} if self.kept else {}), separators=(",", ":"))}


def mark_of(body: Mapping[str, Any]) -> Mark | None:
    """The mark of an object as it is recorded or in a cluster; None where it has none that can be read."""
    written = mapping(mapping(body.get("metadata")).get("annotations")).get(PROPAGATED)
    try:
        said = mapping(parse_json(written)) if isinstance(written, str) else {}
    except ValueError:
        return None
    stack, propagation, made_of = (said.get(key) for key in ("stack", "propagation", "content"))
    if not (isinstance(stack, str) and isinstance(propagation, str) and isinstance(made_of, str)):
        return None
    return Mark(stack, propagation, made_of, said.get("kept") is True)
