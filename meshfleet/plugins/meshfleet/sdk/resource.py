"""The base of this package's classes: names in Python are snake_case, on the wire camelCase."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import pulumi

PACKAGE = "meshfleet"


def wire_name(name: str) -> str:
    """`pod_cidr` → `podCidr`."""
    return re.sub(r"_([a-z])", lambda match: match.group(1).upper(), name)


class NativeResource(pulumi.CustomResource):
    """A resource of the `meshfleet` plugin.

    A subclass names its `outputs` (those that are not inputs) and which of them are `secret_outputs`, by
    their Python names. Inputs that are None are not sent.
    """

    outputs: ClassVar[tuple[str, ...]] = ()
    secret_outputs: ClassVar[tuple[str, ...]] = ()

    def __init__(self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None) -> None:
        properties = dict.fromkeys(self.outputs) | dict(inputs)
        # Only top-level names are translated: the keys of a map are the user's own (environment variables).
        self._wire_names = {python: wire_name(python) for python in properties}
        self._python_names = {wire: python for python, wire in self._wire_names.items()}
        secret = pulumi.ResourceOptions(additional_secret_outputs=[wire_name(output) for output in self.secret_outputs])
        super().__init__(
            f"{PACKAGE}:index:{type(self).__name__}",
            name,
            properties,
            pulumi.ResourceOptions.merge(opts, secret),
        )

    def translate_input_property(self, prop: str) -> str:
        """Python's name → the wire's."""
        return self._wire_names.get(prop, prop)

    def translate_output_property(self, prop: str) -> str:
        """The wire's name → Python's."""
        return self._python_names.get(prop, prop)
