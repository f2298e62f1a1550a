"""Kustomizations of the project, built as `kubectl kustomize` does: of files alone, without plugins and network.

What a kustomization names is looked at before kubectl is: each path is one of the project, so that nothing is left to
be fetched, and nothing runs.

Source: https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from meshfleet.errors import DocumentError, FileError, ToolchainError
from meshfleet.errors.faults import Fault
from meshfleet.files.bounded_yaml import compose_yaml, load_yaml
from meshfleet.redaction.shown import shown
from meshfleet.sources.documents import documents
from meshfleet.sources.manifest_files import KUSTOMIZATIONS
from meshfleet.sources.project_tree import Files, ProjectTree, write_tree
from meshfleet.sources.renderers import private_folder, run_renderer
from meshfleet.topology.propagation.contents import Content, Found

# https://kubectl.docs.kubernetes.io/guides/extending_kustomize/: what runs programs or fetches charts.
_REFUSED: Final = {
    **dict.fromkeys(
        ("generators", "transformers", "validators"), "plugins are not run; use fields of kustomize itself"
    ),
    **dict.fromkeys(
        ("helmCharts", "helmChartInflationGenerator", "helmGlobals"), "declare the chart as a chart of its own"
    ),
}
_PLACES: Final = ("resources", "bases", "components", "crds", "configurations", "patchesStrategicMerge")
# Values with a path in a list of mappings, and below which key.
_IN_LISTS: Final = {"patches": "path", "patchesJson6902": "path", "replacements": "path"}
_GENERATORS: Final = ("configMapGenerator", "secretGenerator")
_REMOTE: Final = re.compile(r"[a-z][a-z0-9+.-]*:|git@|[^/]*@|github\.com", re.IGNORECASE)
_MOST_FOLDERS: Final = 100
# Keys that something is looked at for, by the case in which kubectl would read them as well.
_KNOWN: Final = frozenset(
    {*_REFUSED, *_PLACES, *_IN_LISTS, *_GENERATORS, "openapi", "path", "files", "env", "envs", "literals"}
)
_FOLDED: Final = {key.casefold(): key for key in _KNOWN}
_ALIAS: Final = re.compile(rb"(?s)&\S.*\*\S")
_EXPANDS: Final = re.compile("aliases expand|contains the alias")


def kustomization(tree: ProjectTree, place: str, path: str) -> Content:
    """The objects of a kustomization; `path` is that of the entry in the stack file."""
    try:
        files = _gathered(tree, place)
        text = _built(place, tuple(files.items()))
    except (FileError, DocumentError, ToolchainError) as error:
        return Content(faults=tuple(Fault(path, line) for line in str(error).splitlines()))
    objects, faults = documents(text, what=place)
    found = [Found(f"{place}: {_title(one.body)}", one.body) for one in objects]
    wrong = [Fault(path, fault) for fault in faults]
    if not found and not wrong:
        wrong.append(Fault(path, f"{place}: makes no object; add resources to it, or leave the entry out"))
    return Content(tuple(found), tuple(wrong))


def _title(body: Mapping[str, Any]) -> str:
    described = body.get("metadata")
    return f"{body.get('kind')} {described.get('name') if isinstance(described, Mapping) else ''}".strip()


@lru_cache(maxsize=32)
def _built(place: str, files: tuple[tuple[str, bytes], ...]) -> str:
    with private_folder() as folder:
        write_tree(dict(files), folder / "project")
        return run_renderer("kubectl", ["kustomize", str(folder / "project" / place)], folder)


def _gathered(tree: ProjectTree, place: str) -> Files:
    """The files of a kustomization's folder and of all folders it is based on. Raises FileError and DocumentError."""
    files: Files = {}
    read: set[str] = set()
    wrong: list[str] = []
    waiting = [place]
    while waiting:
        folder = waiting.pop()
        if folder in read:
            continue
        read.add(folder)
        if len(read) > _MOST_FOLDERS:
            raise DocumentError(f"{place}: is based on more than {_MOST_FOLDERS} folders; simplify it")
        if not tree.is_folder(folder):
            raise FileError(f"{folder}: is a file; name the folder of a kustomization")
        files |= tree.files(folder)
        _require_bounded(files)
        for file in [one for one in files if posixpath.dirname(one) == ("" if folder == "." else folder)]:
            if posixpath.basename(file) in KUSTOMIZATIONS:
                found, faults = _named(tree, folder, file, files)
                waiting += found
                wrong += faults
    if wrong:
        raise DocumentError("\n".join(wrong))
    return files


def _named(tree: ProjectTree, folder: str, file: str, files: Files) -> tuple[list[str], list[str]]:
    """The folders that a kustomization is based on, and what in it is refused; files that it names join `files`."""
    try:
        value = load_yaml(files[file].decode(), what=file)
    except UnicodeDecodeError:
        return [], [f"{file}: is not text in UTF-8; check that file"]
    if not isinstance(value, Mapping):
        return [], [f"{file}: is no kustomization but a text, a list or nothing; write its resources"]
    wrong = [f"{file}: {fault}" for fault in _misread(value)]
    wrong += [f"{file}: {key}: {why}" for key, why in _REFUSED.items() if value.get(key)]
    wrong += [f"{file}: {fault}" for fault in _from_environment(tree, folder, value)]
    folders: list[str] = []
    for key, named in _paths(value):
        if _REMOTE.match(named) or "://" in named:
            wrong.append(f"{file}: {key}: {shown(named)} is not in the project; put what it names into the project")
            continue
        target = posixpath.normpath(posixpath.join(folder, named))
        if named.startswith("/") or target.startswith(".."):
            wrong.append(f"{file}: {key}: {shown(named)} leads out of the project; put what it names into the project")
            continue
        try:
            if not tree.is_folder(target):
                # Files with a dot are of the project as well where they are named.
                files.setdefault(target, tree.files(target)[target])
            elif key in ("resources", "bases", "components"):
                folders.append(target)
        except FileError as error:
            wrong.append(f"{file}: {key}: {error}")
    return folders, wrong


def _misread(value: Mapping[str, Any]) -> Iterator[str]:
    """Keys that kubectl takes for others, in whatever case they are, and that would not be looked at here.

    Source: https://pkg.go.dev/encoding/json#Unmarshal
    """
    entries = [entry for inner in value.values() for entry in _list(inner) if isinstance(entry, Mapping)]
    for one in (value, *entries, *(inner for inner in value.values() if isinstance(inner, Mapping))):
        for key in one:
            if isinstance(key, str) and key not in _KNOWN and (meant := _FOLDED.get(key.casefold())):
                yield f"{shown(key)} is taken for {meant} by kubectl; write {meant}"


def _from_environment(tree: ProjectTree, folder: str, value: Mapping[str, Any]) -> Iterator[str]:
    """Variables that kubectl would take from its own environment: lines of `envs` without a value."""
    for key in _GENERATORS:
        for entry in _list(value.get(key)):
            given = [*_list(entry.get("envs")), entry.get("env")] if isinstance(entry, Mapping) else []
            for named in given:
                place = posixpath.normpath(posixpath.join(folder, named)) if isinstance(named, str) else ""
                if not place or place.startswith("..") or _REMOTE.match(place):
                    continue
                try:
                    lines = tree.text(place).splitlines()
                except FileError:
                    # What is wrong with the path is told with all others.
                    continue
                for number, line in enumerate(lines, 1):
                    if line.strip() and not line.lstrip().startswith("#") and "=" not in line:
                        yield (
                            f"{key}: line {number} of {place} has no value, which would be taken from the environment "
                            "of this program; write NAME=VALUE"
                        )


def _require_bounded(files: Files) -> None:
    """Raises DocumentError for a file whose aliases expand to too much: kubectl follows them without a bound."""
    for place, content in files.items():
        if not _ALIAS.search(content):
            continue
        # Not all files are manifests, and of those that are kubectl says what is wrong.
        for part in re.split(r"(?m)^---.*$", content.decode(errors="replace")):
            try:
                compose_yaml(part, what=place)
            except DocumentError as error:
                if _EXPANDS.search(str(error)):
                    raise


def _paths(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key in _PLACES:
        for one in _list(value.get(key)):
            # A patch may be given as itself.
            if isinstance(one, str) and not (key == "patchesStrategicMerge" and "\n" in one.strip()):
                yield key, one
    for key, field in _IN_LISTS.items():
        for entry in _list(value.get(key)):
            if isinstance(entry, Mapping) and isinstance(entry.get(field), str):
                yield key, entry[field]
    openapi = value.get("openapi")
    if isinstance(openapi, Mapping) and isinstance(openapi.get("path"), str):
        yield "openapi", openapi["path"]
    for key in _GENERATORS:
        for entry in _list(value.get(key)):
            if isinstance(entry, Mapping):
                given = [*_list(entry.get("files")), *_list(entry.get("envs")), entry.get("env")]
                yield from ((key, one.rpartition("=")[2]) for one in given if isinstance(one, str))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
