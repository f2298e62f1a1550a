"""A field that is itself a YAML or JSON text, such as an entry of a ConfigMap: what it holds is patched.

JSON is written with the indentation it had. YAML keeps comments, quotes and the order of keys where nothing changes; a
text with anchors is refused, since a change of one place would be a change of all that repeat it. What was written is
read again and compared, so that no text is damaged.

Source: https://karmada.io/docs/userguide/scheduling/override-policy/#fieldoverrider
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from io import StringIO
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from meshfleet.errors import DocumentError
from meshfleet.federation.overrides.pod_templates import Object
from meshfleet.files.bounded_yaml import load_yaml
from meshfleet.files.json_text import parse_json
from meshfleet.redaction.shown import shown
from meshfleet.topology.additions import Operation, steps
from meshfleet.topology.patching import at, nearest, patch_in_place, patched_value
from meshfleet.topology.propagation.overrides import FieldOverride

# Texts that mean the same to every reader of YAML without quotes, whether it knows `yes`, `0755` and `1:30` or not.
_PLAIN: Final = re.compile(r"(?!(?:y|n|yes|no|on|off|true|false|null)\Z)[A-Za-z/][\w./-]*", re.IGNORECASE)
_INDENT: Final = re.compile(r"\n([ \t]+)\S")
# A key with nothing but a comment after it.
_KEY: Final = r"^( *)[^\s#-][^\n]*: *(?:#[^\n]*)?\n"
# A fleet of many clusters changes the same few texts again and again.
_KEPT: Final = 4096


def text_of(body: Object, override: FieldOverride) -> str:
    """The text that is changed. Raises DocumentError where there is none."""
    text = at(body, override.field_path)
    if isinstance(text, str):
        return text
    if text is None:
        raise DocumentError(f"fieldPath does not fit: {nearest(body, override.field_path)}; correct it")
    raise DocumentError(f"fieldPath does not fit: {override.field_path} must be a text, got {shown(text)}")


def with_operation(body: Object, override: FieldOverride, operation: Operation) -> Object:
    """The object with one step of a JSON patch done within its text.

    Raises DocumentError for a text that is not of the format, and for a step that does not fit what it holds.
    """
    changed = _changed(text_of(body, override), override.format, json.dumps(operation.as_json()))
    path = steps(override.field_path)
    return dict(_put(body, path, changed))


def _put(value: Any, path: Sequence[str], text: str) -> Any:
    if not path:
        return text
    step, *rest = path
    if isinstance(value, list):
        position = int(step)
        return [_put(each, rest, text) if here == position else each for here, each in enumerate(value)]
    return {**value, step: _put(value[step], rest, text)}


@lru_cache(maxsize=_KEPT)
def _changed(text: str, form: str, patch: str) -> str:
    operation = Operation.model_validate_json(patch)
    return _changed_json(text, operation) if form == "json" else _changed_yaml(text, operation)


def _changed_json(text: str, operation: Operation) -> str:
    try:
        value = parse_json(text)
    except ValueError as error:
        raise DocumentError(f"the text is not JSON: {_reason(error)}") from None
    value = patched_value(value, operation)
    if operation.op == "test":
        return text
    indent = _INDENT.search(text)
    separators = None if indent or ": " in text else (",", ":")
    try:
        written = json.dumps(
            value, ensure_ascii=False, allow_nan=False, indent=indent and indent[1], separators=separators
        )
    except ValueError:
        raise DocumentError("the text contains a number that is too large to be written back") from None
    return written + "\n" * text.endswith("\n")


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} in line {error.lineno}, column {error.colno}"
    return str(error)


def _changed_yaml(text: str, operation: Operation) -> str:
    wanted = patched_value(load_yaml(text, what="the text"), operation)
    if operation.op == "test":
        return text
    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = 2**30
    if any(isinstance(event, AliasEvent) for event in yaml.parse(text)):
        raise DocumentError("the text repeats values by anchors; write them out, or set the whole text by json")
    _keep_indentation(yaml, text)
    written = StringIO()
    try:
        yaml.dump(patch_in_place(yaml.load(text), _quoted(operation)), written)
    except (
        YAMLError,
        ValueError,
        LookupError,
        AttributeError,
        TypeError,
        AssertionError,
        NotImplementedError,
    ) as error:
        # The library keeps comments beside what they belong to, and is not total.
        raise DocumentError(f"the text cannot be written back ({type(error).__name__}); set it by json") from None
    made = written.getvalue().removesuffix("...\n")
    if load_yaml(made, what="the text as written") != wanted:
        raise DocumentError("the text cannot be written back as it was; set it by json")
    return made if text.endswith("\n") else made.removesuffix("\n")


def _keep_indentation(yaml: YAML, text: str) -> None:
    """Write lists as the text does: under their key, or indented by some spaces."""
    found = re.search(rf"{_KEY}((?: *(?:#[^\n]*)?\n)*)( *)- ", text, re.MULTILINE)
    if found and len(found[3]) > len(found[1]):
        offset = len(found[3]) - len(found[1])
        yaml.sequence_indent, yaml.sequence_dash_offset = offset + 2, offset
    nested = re.search(rf"{_KEY}( +)[^\s#-]", text, re.MULTILINE)
    if nested and len(nested[2]) > len(nested[1]):
        yaml.map_indent = len(nested[2]) - len(nested[1])


def _quoted(operation: Operation) -> Operation:
    """The operation with texts that no reader takes for anything else."""
    if operation.op not in ("add", "replace"):
        return operation
    return operation.model_copy(update={"value": _mapped(operation.value, _quoted_text)})


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {change(key): _mapped(inner, change) for key, inner in value.items()}
    if isinstance(value, list):
        return [_mapped(inner, change) for inner in value]
    return change(value) if isinstance(value, str) else value


def _quoted_text(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    block = "\n" in text and text == text.strip() + "\n"
    made: str = LiteralScalarString(text) if block else DoubleQuotedScalarString(text)
    return made
