"""Every field of a stack file says what it is, in a line that docs/stack-file.md can print."""

from __future__ import annotations

import pytest

import meshfleet.topology.fleet  # noqa: F401  (every model of a stack file is known once this is imported)
from meshfleet.topology.descriptions import descriptions
from meshfleet.topology.model import Model

pytestmark = pytest.mark.proof("every field of a stack file is described", step=0)


def _models(model: type[Model]) -> list[type[Model]]:
    return [part for child in model.__subclasses__() for part in [child, *_models(child)]]


MODELS: list[type[Model]] = sorted(_models(Model), key=lambda model: model.__name__)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_model_and_field_is_described_in_a_line(model: type[Model]) -> None:
    assert model.__doc__
    for name in model.model_fields:
        described = descriptions(model).get(name, "")
        assert described.endswith("."), f"{model.__name__}.{name} is not described"
        assert len(described) <= 100
        assert "\n" not in described


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_field_has_the_key_that_kubernetes_would_give_it(model: type[Model]) -> None:
    for field in model.model_fields.values():
        assert field.alias is not None
        assert field.alias.isidentifier()
        assert "_" not in field.alias
        assert field.alias[0].islower()


def test_the_models_are_those_of_a_stack_file() -> None:
    assert {"Cluster", "Fleet", "Mesh", "Namespace", "Network", "Validity"} <= {model.__name__ for model in MODELS}
