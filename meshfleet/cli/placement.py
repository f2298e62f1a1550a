"""`placement`: where each propagated object goes, why not elsewhere, and what each override changes.

It uses no engine, cluster or network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import unified_diff
from typing import Any

from rich.markup import escape

from meshfleet.federation.copies import Step
from meshfleet.federation.propagated import Propagated, propagations
from meshfleet.manifests.yaml_text import Block, yaml_text
from meshfleet.topology import Fleet

_CONTEXT = 2
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def placement_of(fleet: Fleet) -> list[dict[str, Any]]:
    """Every propagated object in the order of the stack file, as `--json` prints it."""
    return [_described(one) for one in propagations(fleet).objects]


def placement_lines(objects: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The same for people, in the markup of rich."""
    if not objects:
        yield "the stack has no propagations"
    for one in objects:
        place = f" in {one['namespace']}" if one["namespace"] else ""
        group = f", affinity {one['affinity']}" if one["affinity"] else ""
        yield f"[bold]{escape(one['propagation'])}: {escape(one['kind'])} {escape(one['name'])}{place}[/bold]{group}"
        for name, why in one["passedOver"].items():
            yield escape(f"  affinity {name} is passed over: {why}")
        for cluster, held in one["clusters"].items():
            count = held.get("replicas")
            yield escape(f"  {cluster}" + ("" if count is None else f": {count} replica{'s' * (count != 1)}"))
        for cluster, why in one["leftOut"].items():
            yield escape(f"  not in {cluster}: {why}")
        for override in one["overrides"]:
            yield escape(f"  {override['path']} in {', '.join(override['clusters'])}:")
            yield from (_coloured(line) for line in override["diff"].splitlines())


def _described(one: Propagated) -> dict[str, Any]:
    decision, replicas = one.decision, one.replicas
    return {
        "propagation": one.propagation,
        "apiVersion": one.body["apiVersion"],
        "kind": one.key.kind,
        "namespace": one.key.namespace,
        "name": one.key.name,
        "affinity": decision.affinity,
        "passedOver": dict(decision.passed_over),
        "clusters": {
            cluster: {} if replicas is None else {"replicas": replicas[cluster]} for cluster in decision.clusters
        },
        "leftOut": dict(decision.left_out),
        "overrides": _overrides(one),
    }


def _overrides(one: Propagated) -> list[dict[str, Any]]:
    """Each override that changes the object, once for all clusters in which it makes the same change."""
    found: dict[tuple[int, str], list[str]] = {}
    written: dict[tuple[int, int], str] = {}
    for cluster, copy in one.copies.items():
        for step in copy.steps:
            known = (id(step.before), id(step.after))
            if known not in written:
                written[known] = _difference(step)
            found.setdefault((step.position, written[known]), []).append(cluster)
    return [
        {"path": f"propagations.{one.propagation}.overrides[{position}]", "clusters": clusters, "diff": diff}
        for (position, diff), clusters in sorted(found.items(), key=lambda each: each[0][0])
    ]


def _difference(step: Step) -> str:
    before, after = (yaml_text(_readable(body)).splitlines() for body in (step.before, step.after))
    # The names of the files that a diff begins with say nothing here.
    return "\n".join([*unified_diff(before, after, lineterm="", n=_CONTEXT)][2:])


def _readable(value: Any) -> Any:
    """The value with texts of several lines written line by line."""
    if isinstance(value, Mapping):
        return {key: _readable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_readable(inner) for inner in value]
    return Block(value) if isinstance(value, str) and "\n" in value else value


def _coloured(line: str) -> str:
    colour = _COLOURS.get(line[:1])
    text = escape(f"    {line}")
    return f"[{colour}]{text}[/{colour}]" if colour else text
