"""Every document is in one section of the registry, which says its stage, what it waits for and who decides it."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given

from meshfleet.manifests import Stage, fleet_plan, registry
from meshfleet.manifests.section import Point
from meshfleet.topology import Fleet
from meshfleet.topology.owned import section_of
from tests.components.fleets import NAMES, fleet_called
from tests.examples import up_to
from tests.topology.strategies import loaded_fleets

pytestmark = pytest.mark.proof("a document is written once: its name, its stage and what it waits for", step=0)


def test_the_sections_have_names_of_their_own_and_the_order_of_the_stages() -> None:
    sections = registry.in_order()
    assert Counter(section.name for section in sections).most_common(1)[0][1] == 1
    order = list(Stage)
    assert sections == sorted(registry.SECTIONS, key=lambda section: order.index(section.stage))
    assert {section.stage for section in sections} == set(Stage)


def test_a_component_is_of_one_stage() -> None:
    stages = registry.stages_of_components()
    for section in registry.SECTIONS:
        assert {stages[component] for component in (section.component, *section.other_components)} == {section.stage}


@up_to(30)
@given(loaded_fleets())
def test_what_a_document_waits_for_is_a_point_or_a_document_that_there_is(fleet: Fleet) -> None:
    plans = {cluster: {document.name for document in plan} for cluster, plan in fleet_plan(fleet).items()}
    for cluster, plan in fleet_plan(fleet).items():
        for document in plan:
            assert document.cluster in ("", cluster)
            for name in document.after:
                other, separator, what = name.rpartition("/")
                assert what in set(Point) or what in plans[other if separator else cluster]
                assert what != document.name


@pytest.mark.parametrize("shape", NAMES)
def test_the_rule_over_a_stack_file_names_the_field_that_the_document_names(shape: str) -> None:
    for plan in fleet_plan(fleet_called(shape)).values():
        for document in plan:
            assert document.decided_by == section_of(document.name)


def test_a_point_has_a_name_that_no_document_can_have() -> None:
    assert not [point for point in Point if point.isidentifier() or not point.startswith("(")]
