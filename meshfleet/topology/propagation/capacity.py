"""What a cluster can hold of the workloads that are propagated to it.

Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Final

from pydantic import AfterValidator, Field, model_validator

from meshfleet.redaction.shown import shown
from meshfleet.topology.json_schema import text
from meshfleet.topology.model import Model

QUANTITY: Final = re.compile(r"(?P<number>[0-9]{1,15}(\.[0-9]{1,9})?)(?P<unit>m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?")
_UNITS: Final = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", 1)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)},
}


def quantity(value: str) -> Decimal:
    """The number that a quantity such as `500m` or `4Gi` stands for. Raises ValueError in words for any other text."""
    if not (read := QUANTITY.fullmatch(value)):
        raise ValueError(f"{shown(value)} is not a quantity; write it as in 500m, 2 or 4Gi")
    return Decimal(read["number"]) * _UNITS[read["unit"] or ""]


def _checked_quantity(value: str) -> str:
    quantity(value)
    return value


Quantity = Annotated[str, AfterValidator(_checked_quantity), text(QUANTITY)]


class Capacity(Model):
    """What a cluster can hold of propagated workloads, by the requests of their pods; unlimited where left out.

    Source: https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/
    """

    cpu: Quantity | None = None
    """Cores, such as `8` or `500m`."""
    memory: Quantity | None = None
    """Bytes, such as `32Gi`."""
    pods: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """The number of pods."""

    @model_validator(mode="after")
    def _limits_something(self) -> Capacity:
        if self.cpu is None and self.memory is None and self.pods is None:
            raise ValueError("limits nothing; give cpu, memory or pods, or leave capacity out")
        return self
