"""What differs between what was applied and what is asked for, and what of the world has drifted from it.

Drift is judged field by field, and only in the fields that were applied: defaults of the server, status, and what
other controllers add (a `caBundle` in a webhook) are theirs. A field in which the server merely rewrote the value
(`1000m` to `1`) has not drifted, because the live value is the same as right after it was applied.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from meshfleet.plugins.kubernetes.replacement import Path, replaces
from meshfleet.plugins.kubernetes.values import JsonObject, Unknown
from meshfleet.plugins.protocol import DiffResponse, PropertyDiff, PropertyDiffKind

_MISSING: Final = object()
_SIMPLE_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")


def changes(old: Any, new: Any, path: Path = ()) -> Iterator[tuple[Path, PropertyDiffKind]]:
    """Every difference between two trees, at the deepest place it can be pinned to. None is the same as missing."""
    if old is _MISSING or old is None:
        if new is not _MISSING and new is not None:
            yield path, PropertyDiffKind.ADD
    elif new is _MISSING or new is None:
        yield path, PropertyDiffKind.DELETE
    elif isinstance(new, Unknown):
        yield path, PropertyDiffKind.UPDATE
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(set(old) | set(new)):
            yield from changes(old.get(key, _MISSING), new.get(key, _MISSING), (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            left = old[index] if index < len(old) else _MISSING
            right = new[index] if index < len(new) else _MISSING
            yield from changes(left, right, (*path, index))
    elif old != new or isinstance(old, bool) != isinstance(new, bool):
        yield path, PropertyDiffKind.UPDATE


def property_path(path: Path) -> str:
    """A path in Pulumi's notation: `spec.ports[0].port`, `metadata.labels["istio.io/rev"]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _SIMPLE_NAME.match(step):
            text += f".{step}" if text else step
        else:
            quoted = step.replace("\\", "\\\\").replace('"', '\\"')
            text += f'["{quoted}"]'
    return text


def respond(
    differences: Sequence[tuple[Path, PropertyDiffKind]],
    rules: tuple[tuple[str, ...], ...],
    ignored: list[str],
    delete_before_replace: bool,
) -> DiffResponse:
    """The answer to a Diff request. `rules` are paths that replace, `ignored` property paths not to look at."""
    detailed: dict[str, PropertyDiff] = {}
    replaced: list[str] = []
    for path, kind in differences:
        text = property_path(path)
        if any(text == skip or text.startswith((skip + ".", skip + "[")) for skip in ignored):
            continue
        replacing = replaces(path, rules)
        if replacing:
            replaced.append(text)
        # Each kind is followed by the one that also replaces.
        detailed[text] = PropertyDiff(PropertyDiffKind(kind.value + 1) if replacing else kind, input_diff=True)
    return DiffResponse(
        changes=bool(detailed),
        replaces=replaced,
        diffs=sorted({re.split(r"[.\[]", text, maxsplit=1)[0] or text for text in detailed}),
        delete_before_replace=bool(replaced) and delete_before_replace,
        detailed_diff=detailed,
    )


def observed(inputs: JsonObject, old_live: JsonObject, new_live: JsonObject) -> JsonObject:
    """The inputs as the world has them now: as they were where nothing happened, else the live values.

    `old_live` is the object as it was read last. Fields that were never asked for stay out.
    """
    seen = _observed(inputs, old_live, new_live)
    result: JsonObject = seen if isinstance(seen, dict) else {}
    if isinstance(inputs.get("stringData"), dict):
        result["stringData"] = _observed_text(inputs["stringData"], old_live.get("data"), new_live.get("data"))
    # Identity is not subject to drift, and a server may answer in another version than was asked for.
    for key in ("apiVersion", "kind"):
        if key in inputs:
            result[key] = inputs[key]
    return result


def _observed(wanted: Any, old: Any, new: Any) -> Any:
    if new in (old, wanted):
        return wanted
    if new is _MISSING or new is None:
        return _MISSING if old is not _MISSING and old is not None else wanted
    if isinstance(wanted, Mapping) and isinstance(new, Mapping):
        before = old if isinstance(old, Mapping) else {}
        seen = {
            key: _observed(value, before.get(key, _MISSING), new.get(key, _MISSING)) for key, value in wanted.items()
        }
        return {key: value for key, value in seen.items() if value is not _MISSING}
    if isinstance(wanted, list) and isinstance(new, list) and len(wanted) == len(new):
        earlier = old if isinstance(old, list) and len(old) == len(new) else [_MISSING] * len(new)
        return [_observed(*triple) for triple in zip(wanted, earlier, new, strict=True)]
    return new


def _observed_text(wanted: JsonObject, old: Any, new: Any) -> JsonObject:
    """`stringData` is write-only: what became of it is in `data`, encoded."""
    before = old if isinstance(old, Mapping) else {}
    now = new if isinstance(new, Mapping) else {}
    result: JsonObject = {}
    for key, value in wanted.items():
        if now.get(key) == before.get(key):
            result[key] = value
        elif key in now:
            result[key] = _decoded(now[key])
    return result


def _decoded(encoded: Any) -> Any:
    try:
        return base64.b64decode(encoded).decode("utf-8", errors="replace")
    except (ValueError, TypeError):
        # No API server keeps such data; whatever it is, it is not what was written.
        return encoded
