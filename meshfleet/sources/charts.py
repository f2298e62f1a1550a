"""Helm charts, rendered as `helm template` does: for no cluster, without network, plugins and settings of the user's.

Source: https://helm.sh/docs/helm/helm_template/
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from meshfleet.errors import DocumentError, FileError, ToolchainError
from meshfleet.errors.faults import Fault
from meshfleet.files.bounded_yaml import load_yaml
from meshfleet.redaction.named_secrets import without_named
from meshfleet.sources.chart_packages import package, require_digest
from meshfleet.sources.chart_schemas import require_own_schemas
from meshfleet.sources.documents import Document, documents
from meshfleet.sources.project_tree import Files, ProjectTree, write_tree
from meshfleet.sources.renderers import private_folder, run_renderer
from meshfleet.topology.propagation.contents import Content, Found
from meshfleet.topology.propagation.kinds import mapping
from meshfleet.topology.propagation.sources import ChartSource

HOOK: Final = "helm.sh/hook"
_OF_HELM: Final = ("helm.sh/", "meta.helm.sh/")
_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
# Functions of Sprig whose result differs from one run to the next; packages within a chart are not looked into.
_RANDOM: Final = re.compile(
    rb"rand(Alpha|Numeric|Ascii|Int|Bytes)|uuidv4|\b(now|ago|bcrypt|htpasswd|encryptAES|shuffle)\b|gen(CA|Signed|SelfSigned|PrivateKey)"
)
_PACKAGE: Final = "package.tgz"


@dataclass(frozen=True)
class _Request:
    """All that a rendered chart follows from."""

    release: str
    namespace: str
    chart: str
    files: tuple[tuple[str, bytes], ...]
    values: tuple[str, ...]
    kubernetes: str
    api_versions: tuple[str, ...]


def chart(tree: ProjectTree, source: ChartSource, kubernetes: str, path: str) -> Content:
    """The objects of a chart for a version of Kubernetes; `path` is that of the entry in the stack file."""
    values, wrong = _values(tree, source, path)
    files: Files = {}
    try:
        place, files = _packed(tree, source)
        if not wrong:
            require_own_schemas(files)
            text = _rendered(
                _Request(
                    source.release,
                    source.namespace,
                    place,
                    tuple(files.items()),
                    values,
                    kubernetes,
                    source.api_versions,
                )
            )
    except DocumentError as error:
        # Helm repeats values that do not fit, and templates what they fail with.
        wrong.append(Fault(path, without_named(f"{source.title}: {error}", *_given(files, values))))
    except (FileError, ToolchainError) as error:
        wrong.append(Fault(path, str(error)))
    if wrong:
        return Content(faults=tuple(wrong))
    objects, faults = documents(text, what=source.title)
    kept = [one for one in objects if not _hook(one.body)]
    notes = [f"{path}: {note}" for one in objects for note in _notes(one)]
    wrong = [Fault(path, fault) for fault in faults]
    if not kept and not wrong:
        wrong.append(Fault(path, f"{source.title}: renders no object; change its values, or leave the entry out"))
    found = tuple(Found(_place(one, source), own(one.body)) for one in kept)
    return Content(found, tuple(wrong), tuple(notes))


def own(body: dict[str, Any]) -> dict[str, Any]:
    """An object of a chart without what says that Helm manages it, which it does not here, and without a status."""
    made = {key: value for key, value in body.items() if key != "status"}
    selected = mapping(mapping(mapping(body.get("spec")).get("selector")).get("matchLabels"))
    for steps in ((), ("spec", "template"), ("spec", "jobTemplate", "spec", "template")):
        made = _at(made, (*steps, "metadata"), lambda described: _described(described, selected))
    return made


def _at(value: Any, steps: tuple[str, ...], change: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    if not steps:
        return change(value)
    if steps[0] not in value:
        return value
    return {**value, steps[0]: _at(value[steps[0]], steps[1:], change)}


def _described(described: Mapping[str, Any], selected: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(described)
    if made.get("creationTimestamp", "") is None:
        del made["creationTimestamp"]
    labels, annotations = made.get("labels"), made.get("annotations")
    if isinstance(labels, Mapping) and labels.get(_MANAGED_BY) == "Helm" and _MANAGED_BY not in selected:
        made["labels"] = {key: value for key, value in labels.items() if key != _MANAGED_BY}
    if isinstance(annotations, Mapping):
        made["annotations"] = {key: value for key, value in annotations.items() if not str(key).startswith(_OF_HELM)}
    return {key: value for key, value in made.items() if value != {} or key not in ("labels", "annotations")}


def _hook(body: Mapping[str, Any]) -> str:
    return str(mapping(mapping(body.get("metadata")).get("annotations")).get(HOOK) or "")


def _notes(one: Document) -> Iterator[str]:
    described = mapping(one.body.get("metadata"))
    title = f"{one.body.get('kind')} {described.get('name')}"
    if hook := _hook(one.body):
        yield f"{title} is left out, a hook of Helm ({hook})"
    elif policy := mapping(described.get("annotations")).get("helm.sh/resource-policy"):
        yield f"{title}: helm.sh/resource-policy: {policy} is left out; use preserveResourcesOnDeletion"


def _place(one: Document, source: ChartSource) -> str:
    name = mapping(one.body.get("metadata")).get("name")
    return f"{one.template or source.title}: {one.body.get('kind')} {name}"


def _values(tree: ProjectTree, source: ChartSource, path: str) -> tuple[tuple[str, ...], list[Fault]]:
    """The texts of the values, in order."""
    texts: list[str] = []
    wrong: list[Fault] = []
    for position, place in enumerate(source.values_files):
        try:
            text = tree.text(place)
            found = load_yaml(text, what=place)
        except (FileError, DocumentError) as error:
            wrong.append(Fault(f"{path}.valuesFiles[{position}]", str(error)))
            continue
        if found is not None and not isinstance(found, Mapping):
            wrong.append(Fault(f"{path}.valuesFiles[{position}]", f"{place}: must be a map of keys to values"))
        texts.append(text)
    if source.values:
        texts.append(json.dumps(source.values))
    return tuple(texts), wrong


def _given(files: Files, values: tuple[str, ...]) -> Iterator[object]:
    """All values that a chart has, its own as well; a file that is no YAML has none."""
    own = (content.decode(errors="replace") for place, content in files.items() if place.endswith("values.yaml"))
    for text in (*values, *own):
        with suppress(DocumentError):
            yield load_yaml(text, what="values")


def _packed(tree: ProjectTree, source: ChartSource) -> tuple[str, Files]:
    """The files of a chart, and where among them it is. Raises FileError, DocumentError and ToolchainError."""
    if source.folder is None:
        return _PACKAGE, {_PACKAGE: package(source)}
    files = tree.files(source.folder)
    if not tree.is_folder(source.folder):
        require_digest(source, files[source.folder])
        return _PACKAGE, {_PACKAGE: files[source.folder]}
    if source.digest is not None:
        raise DocumentError("a folder has no digest; leave digest out, or name the package of the chart")
    if posixpath.join(source.folder, "Chart.yaml") not in files and source.folder != ".":
        raise FileError(f"{source.folder}: has no Chart.yaml; name the folder of a chart")
    return source.folder, files


@lru_cache(maxsize=32)
def _rendered(request: _Request) -> str:
    text = _template(request)
    # A package, of the chart or within it, is not looked into.
    suspect = any(place.endswith(".tgz") or _RANDOM.search(content) for place, content in request.files)
    if suspect and (again := _template(request)) != text:
        raise DocumentError(
            f"renders differently each time ({_difference(text, again)}), so that every run would change it; "
            "set the value that it makes up"
        )
    return text


def _difference(first: str, second: str) -> str:
    """Where two renderings begin to differ, without what differs, which may be a secret."""
    template = ""
    for one, other in zip(first.splitlines(), second.splitlines(), strict=False):
        if one.startswith("# Source: "):
            template = one.removeprefix("# Source: ")
        if one != other:
            return f"{template}: {one.partition(':')[0].strip()}"
    return "in length"


def _template(request: _Request) -> str:
    with private_folder() as folder:
        write_tree(dict(request.files), folder / "project")
        arguments = ["template", request.release, str(folder / "project" / request.chart)]
        arguments += ["--namespace", request.namespace, "--include-crds", "--kube-version", request.kubernetes]
        for version in request.api_versions:
            arguments += ["--api-versions", version]
        write_tree({f"{at}.yaml": text.encode() for at, text in enumerate(request.values)}, folder / "values")
        for at, _ in enumerate(request.values):
            arguments += ["--values", str(folder / "values" / f"{at}.yaml")]
        return run_renderer("helm", arguments, folder)
