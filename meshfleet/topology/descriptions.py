"""What a field is: the text below it in the source of its model, read when it is asked for.

Pydantic reads it too (`use_attribute_docstrings`), but of each model as it is defined. That was a seventh of the start
of every command, and only JSON schemas and docs need it.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping
from functools import cache
from itertools import pairwise

from pydantic import BaseModel


@cache
def descriptions(model: type[BaseModel]) -> Mapping[str, str]:
    """Field → description, those that base models describe included. Fields without one are left out."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            found |= _written(base)
    found |= {name: field.description for name, field in model.model_fields.items() if field.description}
    return {name: found[name] for name in model.model_fields if name in found}


def _written(model: type[BaseModel]) -> dict[str, str]:
    """The texts in the source of one class; none for one that a function made."""
    try:
        source = inspect.getsource(model)
    except (OSError, TypeError):
        return {}
    definition = next(one for one in ast.walk(ast.parse(textwrap.dedent(source))) if isinstance(one, ast.ClassDef))
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in pairwise(definition.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }
