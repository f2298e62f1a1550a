"""The JSON schema of the status, for programs that read `meshfleet status --json`.

Source: https://json-schema.org/draft/2020-12
"""

from __future__ import annotations

from typing import Any

from meshfleet.status.document import Status
from meshfleet.topology.json_schema import DIALECT, Described


def status_schema() -> dict[str, Any]:
    """The JSON schema, draft 2020-12, of the current version."""
    made = Status.model_json_schema(mode="serialization", schema_generator=Described)
    return {"$schema": DIALECT, "title": "The status of a meshfleet fleet", **made}
