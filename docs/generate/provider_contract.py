"""docs/provider-contract.md: what a provider of clusters answers, and what each of them does."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping

from meshfleet.providers.base import Capabilities, NamedContext, Provider
from meshfleet.providers.registry import PROVIDERS, Entry, provider_of, settings_of
from meshfleet.topology.descriptions import descriptions

PAGE = """\
<!-- Made by `python -m docs.generate` from meshfleet/providers/; a test compares it with them. -->
# The contract of providers

A provider creates a cluster of the fleet, or connects to an existing one. All other code asks for its capabilities and
never for its name, so that a new one is a folder in `meshfleet/providers/` and a line in
`meshfleet/providers/registry.py` ([decision 8](adr/0008-providers-behind-a-contract.md)).

## What a provider must keep

| part | must | held by |
|---|---|---|
| `registry.py` | have one line with the name of the folder, which is the key in `clusters.<name>`; \
`built=False` refuses it | `tests/providers/test_contract.py` |
| `<name>/settings.py` | define the model of its settings, a `Settings` named like the folder: unknown keys are \
refused, each field is described | `tests/providers/test_contract.py` |
| `<name>/provider.py` | define `PROVIDER`, with every answer below; import neither Pulumi nor another provider | \
import-linter, `tests/providers/test_contract.py` |
| its rules | yield faults with the path of the field, before anything is created | `tests/providers/test_contract.py` |
| `<name>/cluster.py` | only where the provider is built: define `create(fleet, cluster, kubeconfig, opts)`, which \
registers a component and returns a complete `ClusterAccess`; a cluster that is not local has its identity from a \
`ClusterIdentity` | `tests/providers/test_registered_providers.py` |
| all other code | name no provider | `tests/providers/test_names.py` |

The component of a cluster is a part of the URNs of all that is in it, so its class name never changes.

## What it answers once

| answer | meaning |
|---|---|
{answers}

{once}

## What it answers for each cluster

Capabilities are computed from the settings of the cluster.

| capability | meaning | values |
|---|---|---|
{capabilities}

{table}

{sections}"""


def page() -> str:
    """The whole page."""
    return PAGE.format(
        answers="\n".join(f"| `{name}` | {text} |" for name, text in _documented(Provider)),
        once=_table({f"`{entry.name}`": _provider_answers(entry) for entry in PROVIDERS}),
        capabilities="\n".join(_capability(name) for name in Capabilities.model_fields),
        table=_table(dict(_examples())),
        sections="\n".join(_section(entry) for entry in PROVIDERS),
    )


def _documented(model: type[object]) -> Iterator[tuple[str, str]]:
    """The fields of a dataclass with the text below each."""
    body = ast.parse(inspect.getsource(model)).body[0]
    assert isinstance(body, ast.ClassDef)
    for field, text in zip(body.body, body.body[1:], strict=False):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                yield name, " ".join(words.split())


def _provider_answers(entry: Entry) -> Mapping[str, object]:
    found = provider_of(entry.name)
    return {
        "built": entry.built,
        "local": found.local,
        "component": found.component,
        "leads_to": found.leads_to,
        "rules": [rule.__name__ for rule in found.rules],
    }


def _examples() -> Iterator[tuple[str, Mapping[str, object]]]:
    for entry in PROVIDERS:
        found = provider_of(entry.name)
        model = settings_of(entry.name)
        read = [model.model_validate(one) for one in found.examples]
        choices = [key for key, field in model.model_fields.items() if getattr(field.annotation, "__args__", ())]
        for one in read:
            named = ", ".join(f"{model.model_fields[key].alias}: {getattr(one, key)}" for key in choices)
            chosen = f": {{{named}}}" if len(read) > 1 else ""
            yield f"`{entry.name}{chosen}`", dict(found.capabilities(one))


def _capability(name: str) -> str:
    field = Capabilities.model_fields[name]
    values = [f"`{value}`" for value in getattr(field.annotation, "__args__", ()) if isinstance(value, str)]
    return f"| `{name}` | {descriptions(Capabilities)[name]} | {', '.join(values) or _kind(name)} |"


def _kind(name: str) -> str:
    return {"ends_with_stack": "yes, no", "recreated_by": "keys", "context": "a path and a context"}[name]


def _table(columns: Mapping[str, Mapping[str, object]]) -> str:
    rows = (
        f"| `{name}` | {' | '.join(_value(column[name]) for column in columns.values())} |"
        for name in next(iter(columns.values()))
    )
    return "\n".join((f"| | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}", *rows))


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, NamedContext):
        return "named"
    if isinstance(value, list | tuple):
        return ", ".join(f"`{one}`" for one in value) or "none"
    return "none" if value is None else str(value)


def _section(entry: Entry) -> str:
    return f"## {entry.name}\n\n{provider_of(entry.name).docs}\n"
