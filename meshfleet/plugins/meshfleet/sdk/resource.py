"""The base of this package's classes: names in Python are snake_case, on the wire camelCase."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import pulumi

from meshfleet.plugins.meshfleet.former_names import former_types

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
        token = f"{PACKAGE}:index:{type(self).__name__}"
        added = pulumi.ResourceOptions(
            additional_secret_outputs=[wire_name(output) for output in self.secret_outputs],
            aliases=_former_types(token, opts),
        )
        super().__init__(token, name, properties, pulumi.ResourceOptions.merge(opts, added))

    def translate_input_property(self, prop: str) -> str:
        """Python's name → the wire's."""
        return self._wire_names.get(prop, prop)

    def translate_output_property(self, prop: str) -> str:
        """The wire's name → Python's."""
        return self._python_names.get(prop, prop)


def _former_types(token: str, opts: pulumi.ResourceOptions | None) -> list[pulumi.Input[str | pulumi.Alias]]:
    """An alias for each former type of the resource, also in combination with each former name in `opts`."""
    given = (opts.aliases if opts else None) or ()
    names = [alias.name for alias in given if isinstance(alias, pulumi.Alias) and isinstance(alias.name, str)]
    found: list[pulumi.Input[str | pulumi.Alias]] = []
    for former in former_types(token):
        found += [pulumi.Alias(type_=former), *(pulumi.Alias(name=name, type_=former) for name in names)]
    return found
