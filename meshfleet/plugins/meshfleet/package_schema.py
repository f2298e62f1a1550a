"""The schema of this plugin's package, from which Pulumi documents its resources and makes SDKs for other languages.

It follows from the classes of the Python SDK, and from the handlers for what is secret, so that it is stated nowhere
else. Both need Pulumi's SDK or libraries that a run does not, so they are imported at the first request for the schema.

Source: https://www.pulumi.com/docs/iac/guides/building-extending/packages/schema/
"""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Mapping, Sequence
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from meshfleet import __version__
from meshfleet.plugins.meshfleet.provider import load_handler

_PLAIN: Final[Mapping[object, str]] = {str: "string", int: "integer", float: "number", bool: "boolean"}
_NOT_SENT: Final = frozenset(("self", "resource_name", "opts"))


class _Known:
    """In place of `pulumi.Input` and `pulumi.Output` in an annotation: what the value is once it is known."""

    def __class_getitem__(cls, item: object) -> object:
        return item


_PULUMI: Final = types.SimpleNamespace(Input=_Known, Output=_Known, ResourceOptions=object)


def package_schema() -> dict[str, Any]:
    """The schema as `pulumi package get-schema` prints it: every resource with its inputs, outputs and secrets."""
    from meshfleet.plugins.meshfleet import sdk
    from meshfleet.plugins.meshfleet.sdk.resource import PACKAGE

    return {
        "name": PACKAGE,
        "version": __version__,
        "description": "Fleets of Kubernetes clusters and the service meshes that span them.",
        "license": "Apache-2.0",
        "resources": {f"{PACKAGE}:index:{name}": _resource(PACKAGE, getattr(sdk, name)) for name in sdk.__all__},
    }


def _resource(package: str, declared: Any) -> dict[str, Any]:
    from meshfleet.plugins.meshfleet.sdk.resource import wire_name

    handler = load_handler(f"{package}:index:{declared.__name__}")
    parameters = {
        name: parameter
        for name, parameter in inspect.signature(declared.__init__).parameters.items()
        if name not in _NOT_SENT
    }
    hints = _hints(declared.__init__, declared.__init__.__annotations__)
    inputs = {wire_name(name): _type(hints[name]) for name in parameters}
    outputs = {wire_name(name): _type(kind) for name, kind in _outputs(declared).items()}
    secret = handler.secret_inputs | handler.secret_outputs
    required = [wire_name(name) for name, parameter in parameters.items() if parameter.default is parameter.empty]
    return {
        "description": inspect.getdoc(declared),
        "inputProperties": {name: _marked(kind, name in handler.secret_inputs) for name, kind in inputs.items()},
        "requiredInputs": required,
        "properties": {name: _marked(kind, name in secret) for name, kind in (inputs | outputs).items()},
        "required": [*required, *outputs],
    }


def _outputs(declared: Any) -> dict[str, Any]:
    """The types of what is no input, from the class or the one of this SDK that it extends."""
    found: dict[str, Any] = {}
    for each in reversed(declared.__mro__):
        written = {
            name: kind for name, kind in vars(each).get("__annotations__", {}).items() if name in declared.outputs
        }
        found |= _hints(each, written) if written else {}
    return {name: found[name] for name in declared.outputs}


def _hints(owner: Any, written: Mapping[str, str]) -> dict[str, Any]:
    """Annotations evaluated where `owner` is, with the types that values have once they are known."""
    names = vars(sys.modules[owner.__module__]) | {"pulumi": _PULUMI}
    return get_type_hints(types.SimpleNamespace(__annotations__=dict(written)), names)


def _marked(kind: dict[str, Any], secret: bool) -> dict[str, Any]:
    return kind | {"secret": True} if secret else kind


def _type(hint: Any) -> dict[str, Any]:
    """A type of Python as the schema has it, None left out. Raises TypeError for one that has no counterpart."""
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = (one for one in get_args(hint) if one is not type(None))
    if hint is Any or hint is object:
        return {"$ref": "pulumi.json#/Any"}
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    inside = get_args(hint)
    if inside and issubclass(get_origin(hint), Mapping):
        return {"type": "object", "additionalProperties": _type(inside[1])}
    if inside and issubclass(get_origin(hint), Sequence):
        return {"type": "array", "items": _type(inside[0])}
    raise TypeError(f"{hint} has no counterpart in a schema")
