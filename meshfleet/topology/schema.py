"""The JSON schema of a stack file: for completion in editors, and for programs that write stack files.

It sees keys, types, values of a choice, names and the form of texts. It does not see what one part says of another
(`rules/`), nor what Pulumi reads otherwise (`pulumi_reading`): `meshfleet validate` does.

Source: https://www.pulumi.com/docs/iac/concepts/projects/stack-settings-file/
"""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel
from pydantic.alias_generators import to_snake
from pydantic.json_schema import JsonSchemaValue, models_json_schema

from meshfleet.files.duplicate_names import PROJECT
from meshfleet.topology.descriptions import descriptions
from meshfleet.topology.draft import PARTS, SECTIONS, SINGLES
from meshfleet.topology.fleet import Fleet
from meshfleet.topology.json_schema import DIALECT, Described, or_null, text_schema
from meshfleet.topology.names import section_names


def stack_schema() -> dict[str, Any]:
    """The schema, draft 2020-12, of a file `Pulumi.<stack>.yaml`."""
    singles = {section: _model_of(section) for section in SINGLES}
    models = (*SECTIONS.values(), *(model for model in singles.values() if model))
    references, parts = models_json_schema(
        [(model, "validation") for model in models], schema_generator=Described, ref_template="#/$defs/{model}"
    )
    sections = {
        section: or_null(references[model, "validation"] if model else text_schema())
        for section, model in singles.items()
    }
    for section, entry in SECTIONS.items():
        sections[section] = _section(section, _entry(entry, references[entry, "validation"]))
    described = {
        section: schema | {"description": section_description(section)} for section, schema in sections.items()
    }
    return {
        "$schema": DIALECT,
        "title": "A meshfleet stack",
        "description": "A Pulumi stack file whose configuration is a fleet.",
        "type": "object",
        "properties": {"config": _config(described)},
        "required": ["config"],
        **parts,
    }


def section_description(section: str) -> str:
    """What a section is: the description of its field, or else the first line about its model."""
    described = descriptions(Fleet).get(to_snake(section))
    return described or str(SECTIONS[section].__doc__).partition("\n")[0]


def _model_of(section: str) -> type[BaseModel] | None:
    """The model of a section that is one part; None where it is a string."""
    annotation = Fleet.model_fields[to_snake(section)].annotation
    # `Portal | None` is a part that may be left out.
    candidates = (annotation, *get_args(annotation)) if section in PARTS else (annotation,)
    return next((one for one in candidates if isinstance(one, type) and issubclass(one, BaseModel)), None)


def _entry(model: type[BaseModel], reference: JsonSchemaValue) -> JsonSchemaValue:
    # Nothing behind a name is an empty mapping, which is right where no field is required.
    required = any(field.is_required() for field in model.model_fields.values())
    return reference if required else or_null(reference)


def _section(section: str, entry: JsonSchemaValue) -> JsonSchemaValue:
    rule = section_names(section)
    names = text_schema(rule.form, rule.longest)
    if rule.taken:
        names["not"] = {"enum": sorted(rule.taken)}
    schema: JsonSchemaValue = {"type": "object", "propertyNames": names, "additionalProperties": entry}
    return schema | {"minProperties": 1} if section == "clusters" else or_null(schema)


def _config(sections: dict[str, JsonSchemaValue]) -> JsonSchemaValue:
    # Pulumi takes a key without a project for one of this project; keys of other packages are theirs.
    properties = {f"{PROJECT}:{section}": schema for section, schema in sections.items()}
    short = {section: {"$ref": f"#/properties/config/properties/{PROJECT}:{section}"} for section in sections}
    return {
        "description": "The sections of the fleet, each with the project's name before it.",
        "type": "object",
        "properties": properties | short,
        "patternProperties": {f"^(?!{PROJECT}:)[^:]+:": True},
        "additionalProperties": False,
        "anyOf": [{"required": [f"{PROJECT}:clusters"]}, {"required": ["clusters"]}],
    }
