"""YAML as `render` writes it: block style, keys in the order given, a text quoted wherever a reader could mistake it.

libyaml writes it, through PyYAML: ruamel.yaml, which reads the stack files, writes in Python and takes ten times as
long.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from textwrap import indent
from typing import Any

import yaml


class Block(str):
    """A text of several lines, written line by line as it is."""


class _Writer(yaml.CSafeDumper):
    """Quotes each text that YAML 1.1 takes for something else and, by the resolvers below, those that others do."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write what occurs twice out twice: people read this, and apply parts of it."""
        return True


# `1e3` and `0o17` are numbers in YAML 1.2, which PyYAML does not speak.
# Source: https://yaml.org/spec/1.2.2/#1032-tag-resolution
_Writer.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"(0o[0-7]+|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)$"),
    list("-+.0123456789"),
)
# And these are booleans in YAML 1.1 as kubectl reads it.
# Source: https://yaml.org/type/bool.html
_Writer.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"[yYnN]$"), list("yYnN"))


_Writer.add_representer(
    Block, lambda writer, text: writer.represent_scalar("tag:yaml.org,2002:str", str(text), style="|")
)


def yaml_text(document: Mapping[str, Any]) -> str:
    """One document, ending in a line break; values are mappings, lists, texts, numbers, booleans and None."""
    if document.get("kind") != "Secret" or not document.get("data"):
        return _dumped(document)
    return "".join(_data(value) if key == "data" else _dumped({key: value}) for key, value in document.items())


def _data(entries: Mapping[str, str]) -> str:
    return "data:\n" + "".join([_entry(key, text) for key, text in entries.items()])


@cache
def _entry(key: str, text: str) -> str:
    """A line of a Secret's data, kept: in a fleet of a thousand clusters each is in a thousand Secrets."""
    return indent(_dumped({key: text}), "  ")


def _dumped(value: Mapping[str, Any]) -> str:
    return str(yaml.dump(value, Dumper=_Writer, default_flow_style=False, sort_keys=False, width=110))
