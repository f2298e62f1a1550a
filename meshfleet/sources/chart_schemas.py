"""Schemas of the values of a chart, which may name others: by a URL, or by a file anywhere on this machine.

Helm loads what they name, so that only references within the schema itself are let through.

Sources: https://helm.sh/docs/topics/charts/#schema-files and
https://json-schema.org/understanding-json-schema/structuring
"""

from __future__ import annotations

import io
import posixpath
import tarfile
import zlib
from collections.abc import Iterator
from typing import Any, Final

from meshfleet.errors import DocumentError
from meshfleet.files.json_text import parse_json
from meshfleet.redaction.shown import shown
from meshfleet.sources.project_tree import Files

_SCHEMA: Final = "values.schema.json"
_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef", "$schema")
_OF_THE_STANDARD: Final = ("http://json-schema.org/", "https://json-schema.org/")
_MOST_BYTES: Final = 64 * 1024 * 1024
_DEEPEST: Final = 4


def require_own_schemas(files: Files) -> None:
    """Raises DocumentError for a schema, in a package as well, that names something outside of itself."""
    for place, content in _schemas(files, "", 0):
        for named in _references(content):
            if not named.startswith(("#", *_OF_THE_STANDARD)):
                raise DocumentError(
                    f"{place}: refers to {shown(named)}, which is outside of it; put what it names into the schema"
                )


def _schemas(files: Files, within: str, depth: int) -> Iterator[tuple[str, bytes]]:
    for place, content in files.items():
        if posixpath.basename(place) == _SCHEMA:
            yield f"{within}{place}", content
        elif place.endswith((".tgz", ".tar.gz")) and depth < _DEEPEST:
            yield from _schemas(_unpacked(content), f"{within}{place}: ", depth + 1)


def _unpacked(content: bytes) -> Files:
    """What of a package may be a schema or hold one. Of one that is damaged Helm says so."""
    found: Files = {}
    left = _MOST_BYTES
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r|gz") as package:
            for member in package:
                left -= member.size
                if left < 0:
                    raise DocumentError(
                        f"a package of the chart holds more than {_MOST_BYTES} bytes; name a smaller one"
                    )
                if member.isfile() and member.name.endswith((_SCHEMA, ".tgz", ".tar.gz")):
                    file = package.extractfile(member)
                    found[member.name] = b"" if file is None else file.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error):
        return found
    return found


def _references(content: bytes) -> Iterator[str]:
    try:
        waiting: list[Any] = [parse_json(content)]
    except ValueError:
        # Helm reads it as JSON as well, and says what is wrong.
        return
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield from (one[key] for key in _REFERENCES if isinstance(one.get(key), str))
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
