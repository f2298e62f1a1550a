"""What is made from the code is as the code is now."""

from __future__ import annotations

import json

import pytest

from docs.generate import models, use_cases
from docs.generate.__main__ import generated
from docs.generate.field_tables import SHORT_FORMS, default, spelled
from docs.generate.refused import EXAMPLES, Refused, answers
from docs.generate.stack_file import WITHOUT, undocumented
from meshfleet.manifests import Stage, fleet_plan
from meshfleet.topology import load, read_stack_file
from meshfleet.topology.control_plane import ControlPlane
from meshfleet.topology.draft import DEFAULT_MESH
from meshfleet.topology.istio import Charts
from meshfleet.topology.mesh import Days, Trust
from meshfleet.topology.schema import stack_schema
from meshfleet.topology.stack_file import find_stack_file, known_stacks
from tests.docs.snippets import ROOT

pytestmark = pytest.mark.proof("the documentation says what the code does", step=0)

GENERATED = generated(ROOT)
# The tools render what the stack of this picture names.
RENDERED = {"federation.svg": pytest.mark.tools}
PAGES = [pytest.param(name, marks=RENDERED.get(name, ())) for name in GENERATED]


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_current(name: str) -> None:
    written = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert written == GENERATED[name](), f"run python -m docs.generate, which writes docs/{name}"


def test_every_example_is_on_one_of_the_pages() -> None:
    examples = {stack.removeprefix("examples/") for stack in known_stacks(ROOT / "stacks") if "/" in stack}
    # Additions, federation, gateways, identities, names, the portal, settings and machines have pages of their own.
    own_pages = {"additions", "cert-manager", "gateways", "kind-primary-remote", "mesh-settings", "node-ports"}
    own_pages |= {
        "federation",
        "identities",
        "karmada",
        "machine-network",
        "names",
        "portal",
        "remote-ingress",
        "virtual-machines",
    }
    assert examples == {*own_pages, *models.ORDER, *use_cases.ORDER}
    assert len(examples) == len(own_pages) + len(models.ORDER) + len(use_cases.ORDER)
    models_page, use_cases_page = GENERATED["models.md"](), GENERATED["use-cases.md"]()
    for name in models.ORDER:
        assert f"\n## {name}\n" in models_page
    for name in use_cases.ORDER:
        assert f"\n## {use_cases.heading(name)}\n" in use_cases_page


def test_the_table_of_a_model_names_every_release_and_object_of_every_cluster() -> None:
    fleet = load("small", read_stack_file(ROOT / "stacks", "examples/external-control-plane").config)
    rows = models.table(fleet).splitlines()
    assert rows[0] == "| stage | `operations` | `config` | `depot` | `branch` |"
    assert len(rows) == 2 + len(Stage)
    cells = "\n".join(rows)
    for plan in fleet_plan(fleet).values():
        assert all(models.told(document) in cells for document in plan)
    account = (
        "release `istiod` of chart istiod, profile remote, in `istiod-config`<br>"
        "PeerAuthentication `default` in `istiod-config`<br>Secret `istiod-token` in"
    )
    assert account in cells


def test_the_first_comment_of_a_stack_file_is_a_paragraph() -> None:
    assert models.first_comment("# One.\n# Two.\nconfig:\n  # inner\n") == "One.\nTwo."
    assert models.first_comment("config: {}\n") == ""


@pytest.mark.parametrize("stack", known_stacks(ROOT / "stacks"))
def test_the_first_line_of_every_stack_file_leads_an_editor_to_the_schema(stack: str) -> None:
    path = find_stack_file(ROOT / "stacks", stack)
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith(f"{models.EDITOR} $schema=")
    schema = (path.parent / first.partition("$schema=")[2]).resolve()
    assert json.loads(schema.read_text(encoding="utf-8")) == stack_schema()
    assert models.EDITOR not in models.first_comment(path.read_text(encoding="utf-8"))


def test_every_section_of_a_stack_file_has_its_place_on_the_page() -> None:
    assert undocumented() == set()
    page = GENERATED["stack-file.md"]()
    for section in WITHOUT:
        assert f"`{section}`" in page


def test_what_holds_without_a_section_is_what_the_page_says() -> None:
    fleet = load("small", {"networks": {"here": {}}, "clusters": {"one": {"embedded": {}, "network": "here"}}})
    assert fleet.host == "one"
    assert tuple(fleet.meshes) == (DEFAULT_MESH,)
    assert fleet.namespaces == {}


def test_the_short_forms_on_the_page_are_read() -> None:
    assert [model.__name__ for model in SHORT_FORMS] == [ControlPlane.__name__, Charts.__name__]
    for written in ("own", {"remote": "west"}, {"external": "west"}):
        ControlPlane.model_validate(written)
    for written in ("published", {"repository": "https://charts.example"}, {"folder": "charts"}):
        Charts.model_validate(written)


def test_types_and_defaults_are_spelled_out() -> None:
    assert spelled(Days) == "integer from 1 to 36500"
    assert spelled(dict[str, bool]) == "map of string to `true` or `false`"
    assert default(str, Trust.model_fields["organization"]) == "`Istio`"
    assert default(str, Trust.model_fields["intermediate"]) == "`{validityDays: 730, renewBeforeDays: 90}`"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.rule)
def test_an_example_that_the_page_calls_refused_is_refused(example: Refused) -> None:
    assert answers(example, read_stack_file(ROOT / "stacks", "dev").config)


def test_an_example_that_is_not_refused_cannot_get_onto_the_page() -> None:
    harmless = Refused("Nothing is wrong.", {"clusters.west.region": "west"})
    with pytest.raises(ValueError, match="is not refused"):
        answers(harmless, read_stack_file(ROOT / "stacks", "dev").config)
