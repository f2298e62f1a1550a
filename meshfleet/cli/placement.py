"""`placement`: where each propagated object goes, why not elsewhere, and what each override changes.

It uses no engine, cluster or network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import unified_diff
from typing import Any

from rich.markup import escape

from meshfleet.federation.affinity import listed
from meshfleet.federation.copies import Step
from meshfleet.federation.propagated import Propagated, propagations
from meshfleet.manifests.yaml_lines import YamlLines
from meshfleet.redaction.named_secrets import without_named
from meshfleet.redaction.secret_text import redact
from meshfleet.topology import Fleet

_CONTEXT = 2
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def placement_of(fleet: Fleet) -> list[dict[str, Any]]:
    """Every propagated object in the order of the names of propagations, as `--json` prints it."""
    return [_described(one) for one in propagations(fleet).objects]


def notes_of(fleet: Fleet) -> list[str]:
    """What of the sources of propagations is left out, and what of them may be meant otherwise, in words."""
    left_out = (note for propagation in fleet.propagations.values() for note in propagation.notes)
    return [*left_out, *propagations(fleet).notes]


def placement_lines(objects: Sequence[Mapping[str, Any]], notes: Sequence[str] = ()) -> Iterator[str]:
    """The same for people, in the markup of rich; `notes` come last."""
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
            follows = f", follows {listed(held['follows'])}" if "follows" in held else ""
            yield escape(f"  {cluster}" + ("" if count is None else f": {count} replica{'s' * (count != 1)}") + follows)
        for cluster, why in one["leftOut"].items():
            yield escape(f"  not in {cluster}: {why}")
        for override in one["overrides"]:
            yield escape(f"  {override['path']} in {', '.join(override['clusters'])}:")
            yield from (_coloured(line) for line in override["diff"].splitlines())
    yield from (escape(f"note: {note}") for note in notes)


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
            cluster: ({} if replicas is None else {"replicas": replicas[cluster]})
            | ({"follows": [*one.follows[cluster]]} if cluster in one.follows else {})
            for cluster in decision.clusters
        },
        "leftOut": dict(decision.left_out),
        "overrides": _overrides(one),
    }


def _overrides(one: Propagated) -> list[dict[str, Any]]:
    """Each override that changes the object, once for all clusters in which it makes the same change."""
    found: dict[tuple[int, str], list[str]] = {}
    written: dict[tuple[int, int], str] = {}
    # What overrides leave alone is the same part before and after.
    lines = YamlLines()
    for cluster, copy in one.copies.items():
        for step in copy.steps:
            known = (id(step.before), id(step.after))
            if known not in written:
                written[known] = _difference(step, lines)
            found.setdefault((step.position, written[known]), []).append(cluster)
    return [
        {"path": f"propagations.{one.propagation}.overrides[{position}]", "clusters": clusters, "diff": diff}
        for (position, diff), clusters in sorted(found.items(), key=lambda each: each[0][0])
    ]


def _difference(step: Step, lines: YamlLines) -> str:
    before, after = lines.of(step.before), lines.of(step.after)
    # The names of the files that a diff begins with say nothing here.
    text = "\n".join([*unified_diff(before, after, lineterm="", n=_CONTEXT)][2:])
    return redact(without_named(text, step.before, step.after))


def _coloured(line: str) -> str:
    colour = _COLOURS.get(line[:1])
    text = escape(f"    {line}")
    return f"[{colour}]{text}[/{colour}]" if colour else text
