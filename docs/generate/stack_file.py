"""docs/stack-file.md: every field of a stack file, from the models that read it."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from pydantic.alias_generators import to_snake

from docs.generate import refused
from docs.generate.field_tables import anchor, heading, introduction, parts_of, table
from meshfleet.topology import Fleet, names, read_stack_file
from meshfleet.topology.draft import DEFAULT_MESH, PARTS, SECTIONS, SINGLES
from meshfleet.topology.model import Model
from meshfleet.topology.schema import section_description
from meshfleet.versions import (
    BUILT_ISTIO,
    BUILT_KUBERNETES,
    EMBEDDED_ISTIO,
    EMBEDDED_KUBERNETES,
    SUPPORTED,
    one_of,
)

# What holds without a section; the models cannot say it, since the fleet they make is complete.
WITHOUT: dict[str, str] = {
    "host": "the only cluster; **required** when there are several",
    "clusters": "**required**",
    "networks": "**required**: each cluster names one",
    "meshes": f"one mesh called `{DEFAULT_MESH}`",
    "namespaces": "none",
    "workloads": "none",
    "virtualMachines": "none",
    "propagations": "none",
    "federation": "the engine `direct`",
    "multiClusterServices": "none",
    "dnsEndpoints": "none",
    "identities": "none",
    "portal": "none",
    "istio": "its defaults",
    "kubernetes": "its defaults",
    "additions": "none",
}
ORDER = (
    *("host", "clusters", "networks", "meshes", "namespaces", "workloads", "virtualMachines", "propagations"),
    *("federation", "identities", "portal", "multiClusterServices", "dnsEndpoints", "istio", "kubernetes", "additions"),
)

OPENING = """\
<!-- Made by `python -m docs.generate` from the models in meshfleet/topology/; a test compares it with them. -->
# The stack file

A stack is one file, `stacks/Pulumi.<stack>.yaml`, and is given by its name: `--stack dev`. Those below
`stacks/examples/` are given with their folder: `--stack examples/two-meshes`. It is an ordinary
[Pulumi stack file](https://www.pulumi.com/docs/iac/concepts/config/): everything stands under `config:`, each
section with the project's name before it.

This is all of the stack `dev`:

```yaml
{dev}
```

Keys are written in camelCase, names are yours. A key that is not known is a fault, never ignored. `meshfleet
validate --stack dev` checks the file and touches nothing; every other command but `destroy` checks it first, and
`pulumi up` does too. A wrong file ends in exit code 2 with one line for each fault, all of them at once:

```text
{fault}
```

The file has two readers: `meshfleet`, by YAML 1.2, and Pulumi's engine, by rules of its own. What they would take for
different values is refused too, with what to write instead: a map with only the key `secure` (an encrypted value to
Pulumi), numbers such as `010`, `1_000` and `1e3`, dates and names that are numbers without quotes, tags, directives,
several documents, and Pulumi's `environment`.

Every value works on each provider and data plane it is accepted for. Embedded clusters have IPv4 alone, a podCidr from
/8 to /26 and a serviceCidr from /12 to /24, none of them in 198.18.0.0/15; where pods are processes, gateways have
addresses of 198.18.0.0/16, the range that is routed between their networks. IPv6 is for clusters elsewhere.

What is not asked for follows from the rest: the deployment model in Istio's words (`multi-primary, several
networks`) from the clusters' control planes and networks, an east-west gateway wherever a mesh spans several
networks, remote secrets between all clusters of a mesh, or in the [direction](#discovery) that `readBy` gives.

## In an editor

The first line of each stack file of this project names its [JSON schema](schemas/stack.json):

```yaml
# yaml-language-server: $schema=../docs/schemas/stack.json
```

Editors with the [YAML language server](https://github.com/redhat-developer/yaml-language-server), such as Visual
Studio Code with its YAML extension, complete keys, show what each one means, and mark what is misspelt. Elsewhere write
the schema into a file with `meshfleet schema stack` and name that file in the line, by its path from the stack file. To
Pulumi and to meshfleet the line is a comment.

A schema sees keys, types, choices, names and the form of texts, of one part at a time. Whether a cluster that is named
exists, ranges overlap or a provider is built yet is seen by `meshfleet validate` alone.

## Sections

| Section | Default | Description |
|---|---|---|
{sections}
"""

NAMES = """\
## Names

Names are the keys of `clusters`, `networks`, `meshes`, `namespaces`, `workloads`, `virtualMachines`, `propagations`,
`multiClusterServices` and `dnsEndpoints`: DNS labels of lower-case letters, digits and `-`, but for what YAML reads as
a number or a date (`131`, `1e3`, `2026-11-27`). Those of workloads, virtual machines, their ports, federated Services
and ingress gateways begin with a letter, since they name a Service (RFC 1035). A name given twice is a fault.

| name of | at most | since | taken |
|---|---|---|---|
| a cluster | {cluster} characters | every system it is registered with calls it so | {clusters} |
| a network | {label} characters | it is the value of a label | {networks} |
| a mesh | {mesh} characters | it is part of its root certificate's common name | none |
| a namespace | {label} characters | it is a DNS label | {namespaces}, and all that begin with {prefixes} |
| a workload | {label} characters | it names a Service | {workloads} |
| its version | {label} characters, the workload's among them | `<workload>-<version>` names a Deployment | none |
| virtual machines | {label} characters | it names their Service | none |
| a propagation | {label} characters | it is part of the names of its documents | none |
| a federated Service | {label} characters | it names a Service | none |
| a DNS endpoint | {label} characters | it names an object | definition |
| an ingress gateway | {gateway} characters | `<gateway>-istio` is derived from it | {gateways} |
| a revision | {revision} characters | `istio-sidecar-injector-<revision>-istio-system` is made of it | {revisions} |
"""

VERSIONS = """\
## Versions

| Istio | Kubernetes |
|---|---|
{supported}

Embedded clusters run what the [toolchain](toolchain.md) can build: Istio {istios}, Kubernetes {kuberneteses}. A stack
file that names none has Istio {istio} and Kubernetes {kubernetes}; others are built by the first `up` of a stack that
names them.
An existing cluster whose pods really run may have any pair of the table; its Kubernetes version is not looked at.
"""

REFUSED = """\
## What is refused

Each line below is what `meshfleet` says of the stack `dev` with that change.

{table}
"""


def page(root: Path) -> str:
    """The whole page; `root` is the checkout, whose stack `dev` is the example."""
    dev = read_stack_file(root / "stacks", "dev")
    parts = [
        OPENING.format(
            dev=dev.path.read_text(encoding="utf-8").rstrip(),
            fault=refused.answers(refused.EXAMPLES[0], dev.config)[0],
            sections="\n".join(_section(name) for name in _sections()),
        )
    ]
    written: set[type[Model]] = set()
    for name in _sections():
        if name in SECTIONS or name in PARTS:
            parts += _tables(name, written)
    parts += [_names(), _versions(), REFUSED.format(table=refused.table(dev.config))]
    return "\n".join(parts)


def undocumented() -> set[str]:
    """Sections that a stack file may have and the page does not describe, or the other way round; none is right."""
    return {*SECTIONS, *SINGLES} ^ set(ORDER)


def _sections() -> list[str]:
    """All sections in the order of the page."""
    return [*ORDER, *(name for name in SECTIONS if name not in ORDER)]


def _section(name: str) -> str:
    model = _model(name)
    link = f"[`{name}`](#{anchor(model)})" if model else f"`{name}`"
    return f"| {link} | {WITHOUT.get(name, 'none')} | {section_description(name)} |"


def _model(section: str) -> type[Model] | None:
    field = Fleet.model_fields.get(to_snake(section))
    candidates = (field.annotation, *get_args(field.annotation)) if field else (SECTIONS[section],)
    return next((part for part in candidates if isinstance(part, type) and issubclass(part, Model)), None)


def _tables(section: str, written: set[type[Model]]) -> list[str]:
    """The tables of a section and its parts, but for parts that are written, to which these are added."""
    model = _model(section)
    assert model is not None
    # What is a section of its own has its table there.
    others = {_model(name) for name in _sections()} - {model}
    waiting, seen, texts = [model], written | {part for part in others if part}, []
    while waiting:
        part = waiting.pop(0)
        if part in seen:
            continue
        seen.add(part)
        written.add(part)
        level = "##" if part is model else "###"
        texts.append(f"{level} {heading(part)}\n\n{introduction(part)}\n\n{table(part)}\n")
        waiting = [*parts_of(part), *waiting]
    return texts


def _names() -> str:
    def listed(taken: frozenset[str] | tuple[str, ...]) -> str:
        return ", ".join(f"`{name}`" for name in sorted(taken))

    return NAMES.format(
        cluster=names.CLUSTER_LENGTH,
        label=names.LABEL_LENGTH,
        mesh=names.MESH_LENGTH,
        revision=names.REVISION_LENGTH,
        gateway=names.GATEWAY_LENGTH,
        gateways=f"{listed(names.RESERVED_GATEWAYS)}, and all that begin with "
        f"{listed(names.RESERVED_GATEWAY_PREFIXES)}",
        clusters=listed(names.RESERVED_CLUSTERS),
        networks=listed(names.RESERVED_NETWORKS),
        workloads=listed(names.RESERVED_WORKLOADS),
        namespaces=listed(names.RESERVED_NAMESPACES),
        prefixes=listed(names.RESERVED_NAMESPACE_PREFIXES),
        revisions=f"{listed(names.RESERVED_REVISIONS)}, and all that end in {listed(names.RESERVED_REVISION_ENDINGS)}",
    )


def _versions() -> str:
    rows = [f"| {istio} | 1.{min(minors)} to 1.{max(minors)} |" for istio, minors in sorted(SUPPORTED.items())]
    return VERSIONS.format(
        supported="\n".join(rows),
        istios=one_of(BUILT_ISTIO),
        kuberneteses=one_of(BUILT_KUBERNETES),
        istio=EMBEDDED_ISTIO,
        kubernetes=EMBEDDED_KUBERNETES,
    )
