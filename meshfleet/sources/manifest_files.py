"""Objects of manifests in the project: a file, or the files of a folder in the order of their names."""

from __future__ import annotations

from typing import Final

from meshfleet.errors import FileError
from meshfleet.errors.faults import Fault
from meshfleet.sources.documents import documents
from meshfleet.sources.project_tree import ProjectTree, joined
from meshfleet.topology.propagation.contents import Content, Found

ENDINGS: Final = (".yaml", ".yml", ".json")
KUSTOMIZATIONS: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")


def manifests(tree: ProjectTree, place: str, path: str) -> Content:
    """The objects of a file or a folder; `path` is that of the entry in the stack file."""
    try:
        files = _files(tree, place)
    except FileError as error:
        return Content(faults=(Fault(path, str(error)),))
    found: list[Found] = []
    wrong: list[Fault] = []
    for file in files:
        try:
            text = tree.text(file)
        except FileError as error:
            wrong.append(Fault(path, str(error)))
            continue
        objects, faults = documents(text, what=file)
        wrong += (Fault(path, fault) for fault in faults)
        found += (Found(f"{file}:{one.line}", one.body) for one in objects)
    if not found and not wrong:
        wrong.append(Fault(path, f"{place}: contains no object; write one, or leave the entry out"))
    return Content(tuple(found), tuple(wrong))


def _files(tree: ProjectTree, place: str) -> list[str]:
    if not tree.is_folder(place):
        return [place]
    names = tree.names(place)
    if own := next((name for name in names if name in KUSTOMIZATIONS), None):
        raise FileError(f"{joined(place, own)}: is a kustomization; name the folder as kustomize in place of file")
    # Folders within it are left alone, as `kubectl apply -f` does.
    listed = [joined(place, name) for name in names if name.endswith(ENDINGS)]
    return [one for one in listed if not tree.is_folder(one)]
