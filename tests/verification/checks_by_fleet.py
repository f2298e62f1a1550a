"""What tests of running fleets know of checks: which ones only some fleets have, and what a verifier may do."""

from __future__ import annotations

import re
from typing import Any, Final

from ruamel.yaml import YAML

from tests.docs.snippets import ROOT

OF_ONE_SECTION: Final = frozenset(
    {
        *("ambient-workloads", "federated-services", "identities", "machines-as-declared", "portal"),
        *("propagated-objects", "remote-control-plane", "virtual-machines"),
    }
)
"""Checks of what a stack file may declare, and neither `dev` nor the fleets of kind do."""

_ROLE = re.compile(r"This ClusterRole has all of it[^\n]*:\n\n```yaml\n(.*?)```", re.DOTALL)


def verifier_role() -> dict[str, Any]:
    """The ClusterRole of docs/operations.md with which `verify` runs every check."""
    found = _ROLE.search((ROOT / "docs" / "operations.md").read_text(encoding="utf-8"))
    assert found is not None
    content: dict[str, Any] = YAML(typ="safe", pure=True).load(found[1])
    return content
