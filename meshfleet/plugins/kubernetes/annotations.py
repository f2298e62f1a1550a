"""The annotations by which a resource steers this provider; they are the official provider's.

https://www.pulumi.com/registry/packages/kubernetes/installation-configuration/#pulumi-kubernetes-annotations
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from meshfleet.errors import UnsupportedError
from meshfleet.files.json_text import parse_json
from meshfleet.plugins.kubernetes.readiness import condition
from meshfleet.plugins.kubernetes.values import JsonObject, at

AUTONAMED: Final = "pulumi.com/autonamed"
SKIP_AWAIT: Final = "pulumi.com/skipAwait"
WAIT_FOR: Final = "pulumi.com/waitFor"
TIMEOUT_SECONDS: Final = "pulumi.com/timeoutSeconds"
PATCH_FORCE: Final = "pulumi.com/patchForce"
PATCH_FIELD_MANAGER: Final = "pulumi.com/patchFieldManager"
DELETION_PROPAGATION: Final = "pulumi.com/deletionPropagationPolicy"

DEFAULT_TIMEOUT_SECONDS: Final = 600.0
_STEP = re.compile(
    r"""\.((?:[^.\[\]\\]|\\.)+) | \[(\d+)\] | \['([^']+)'\] | \[\?\(@\.(\w+)\s*==\s*["']([^"']*)["']\)\]""",
    re.VERBOSE,
)


def annotation(inputs: JsonObject, name: str) -> str | None:
    """The text of an annotation, None if it is not set or not known yet."""
    value = (at(inputs, "metadata", "annotations") or {}).get(name)
    return value if isinstance(value, str) else None


def is_set(inputs: JsonObject, name: str) -> bool:
    """Whether an annotation says `true`."""
    return annotation(inputs, name) == "true"


def timeout_seconds(inputs: JsonObject, requested: float) -> float:
    """How long to wait for this object: the resource option, else the annotation, else ten minutes."""
    if requested > 0:
        return requested
    text = annotation(inputs, TIMEOUT_SECONDS)
    return float(text) if text is not None and text.isdecimal() else DEFAULT_TIMEOUT_SECONDS


def wait_for(inputs: JsonObject) -> Callable[[JsonObject], str | None] | None:
    """The question of the `pulumi.com/waitFor` annotation, None if there is none.

    Its value is one expression or a JSON list of them: `condition=Ready`, `condition=Ready=Unknown`,
    `jsonpath={.status.phase}=Running`, `jsonpath={.status.address}`. Raises UnsupportedError for any other.
    """
    text = annotation(inputs, WAIT_FOR)
    if text is None:
        return None
    try:
        parsed: Any = parse_json(text)
    except ValueError:
        parsed = [text]
    questions = [_question(str(expression)) for expression in (parsed if isinstance(parsed, list) else [text])]

    def lacks(live: JsonObject) -> str | None:
        return next(
            (lack for lack in (question(live) for question in questions) if lack is not None),
            None,
        )

    return lacks


def _question(expression: str) -> Callable[[JsonObject], str | None]:
    kind, _, rest = expression.partition("=")
    if kind == "condition":
        name, _, wanted = rest.partition("=")
        return lambda live: _condition_lacks(live, name, wanted or "True")
    match = re.fullmatch(r"jsonpath=\{\s*\$?(.+?)\s*\}(?:=(.+))?", expression)
    if match is None:
        raise UnsupportedError(
            f"the annotation {WAIT_FOR} is {expression!r}: write condition=TYPE[=STATUS] or jsonpath={{.path}}[=VALUE]"
        )
    path, value = match.group(1), match.group(2)
    if "".join(step.group(0) for step in _STEP.finditer(path)) != path:
        raise UnsupportedError(
            f'the annotation {WAIT_FOR} has the path {path!r}: only fields, indexes and [?(@.field=="value")] are known'
        )
    return lambda live: _path_lacks(live, path, value)


def _condition_lacks(live: JsonObject, name: str, wanted: str) -> str | None:
    found = condition(live, name).get("status")
    return None if found == wanted else f"its condition {name} is {found or 'not there'}, not {wanted}"


def _path_lacks(live: JsonObject, path: str, wanted: str | None) -> str | None:
    value: Any = live
    for step in _STEP.finditer(path):
        field, index, quoted, key, expected = step.groups()
        if index is not None:
            value = value[int(index)] if isinstance(value, list) and int(index) < len(value) else None
        elif key is not None:
            entries = value if isinstance(value, list) else []
            value = next(
                (e for e in entries if isinstance(e, dict) and str(e.get(key)) == expected),
                None,
            )
        else:
            name = quoted if quoted is not None else re.sub(r"\\(.)", r"\1", field)
            value = value.get(name) if isinstance(value, dict) else None
    if value is None:
        return f"it has nothing at {path}"
    found = str(value).lower() if isinstance(value, bool) else str(value)
    return None if wanted is None or found == wanted else f"{path} is {found}, not {wanted}"
