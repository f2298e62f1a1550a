"""No code outside of meshfleet/providers/ asks for a provider by its name."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from meshfleet.providers.registry import NAMES
from tests.syntax_trees import nodes

pytestmark = pytest.mark.proof("a provider is a folder behind a contract", step=0)

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = ("meshfleet", "components", "docs/generate")
PROVIDERS = "meshfleet.providers."
# `kind` is what Kubernetes calls the type of an object too: it counts as a provider where a cluster has it.
OBJECT_KIND = "kind"

EXCEPTIONS = {
    # What documents of the first version had, which said nothing of a provider.
    ("meshfleet/status/upgrades.py", "embedded"),
    # Examples of what is refused, as a user writes them.
    ("docs/generate/refused.py", "embedded"),
    ("docs/generate/refused.py", "existing"),
    ("docs/generate/refused.py", "kind"),
    ("docs/generate/refused.py", "eks"),
    # Stack files that tests write, as a user writes them.
    ("meshfleet/testing/stack_files.py", "embedded"),
    # The field of an object of Kubernetes, in the path of a fault.
    ("meshfleet/automation/objects_in_place.py", "kind"),
    ("meshfleet/federation/faults.py", "kind"),
    ("meshfleet/federation/karmada/refusals.py", "kind"),
    ("meshfleet/topology/rules/dependency_rules.py", "kind"),
    ("meshfleet/topology/rules/propagated_objects.py", "kind"),
    # A domain of labels.
    ("meshfleet/topology/labels_of_machines.py", "gke"),
}


def sources() -> Iterator[Path]:
    """Every module outside of the providers."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            inside = path.relative_to(ROOT).as_posix()
            if not inside.startswith(("meshfleet/providers/", "meshfleet/components/")):
                yield path


def named_in(found: Collection[ast.AST]) -> Iterator[tuple[str, int]]:
    """Every provider that a module names, with the line: as an attribute, a string, a key, or a part of a field."""
    texts = {id(node.value) for node in found if isinstance(node, ast.Expr)}
    formatted = {id(part) for node in found if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in found:
        match node:
            case ast.Attribute(attr=name) if name in NAMES and (name != OBJECT_KIND or _is_cluster(node.value)):
                yield name, node.lineno
            case ast.ImportFrom(module=str(text)) | ast.alias(name=text) if text.startswith(PROVIDERS):
                yield from ((name, node.lineno) for name in NAMES if f"{text}.".startswith(f"{PROVIDERS}{name}."))
            case ast.Constant(value=str(text)) if id(node) in formatted:
                yield from ((name, node.lineno) for name in NAMES if f".{name}" in text and f"}}.{name}" not in text)
            case ast.Constant(value=str(text)) if id(node) not in texts and text != OBJECT_KIND:
                first = text.partition(".")[0]
                if first in NAMES and first != OBJECT_KIND:
                    yield first, node.lineno
                if text.startswith("clusters."):
                    yield from ((name, node.lineno) for name in NAMES if f".{name}" in text)


def _is_cluster(value: ast.expr) -> bool:
    match value:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name == "cluster"
        case ast.Subscript(value=ast.Name(id="clusters") | ast.Attribute(attr="clusters")):
            return True
    return False


def test_nothing_outside_the_providers_names_one() -> None:
    found = {
        (path.relative_to(ROOT).as_posix(), name): line for path in sources() for name, line in named_in(nodes(path))
    }
    assert {f"{path}:{line} {name}" for (path, name), line in found.items() if (path, name) not in EXCEPTIONS} == set()
    assert found.keys() >= EXCEPTIONS, "an exception that nothing needs"


@pytest.mark.parametrize(
    "code, name",
    [
        ("x = cluster.embedded", "embedded"),
        ("x = fleet.clusters[name].existing.context", "existing"),
        ("if cluster.kind: pass", "kind"),
        ("if cluster.provider == 'embedded': pass", "embedded"),
        ("x = {'existing': 1}", "existing"),
        ("x = f'clusters.{name}.embedded.pods'", "embedded"),
        ("OWNER = 'clusters.<name>.embedded.pods'", "embedded"),
        ("from meshfleet.providers.eks.settings import Eks", "eks"),
        ("import meshfleet.providers.gke.provider", "gke"),
    ],
)
def test_each_way_to_name_a_provider_is_seen(code: str, name: str) -> None:
    assert name in {found for found, _ in named_in(list(ast.walk(ast.parse(code))))}


@pytest.mark.parametrize("code", ["x = body['kind']", "x = plane.kind == 'own'", "import meshfleet.embedded.cluster"])
def test_other_words_are_not_taken_for_one(code: str) -> None:
    assert list(named_in(list(ast.walk(ast.parse(code))))) == []
