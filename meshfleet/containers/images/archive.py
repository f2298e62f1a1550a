"""An image of one layer as the archive that `docker save` writes and containerd imports.

Source: https://github.com/moby/docker-image-spec/blob/main/spec.md#combined-image-json--filesystem-changeset-format
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

# The same inputs give the same bytes.
_TIME: Final = 0
_CREATED: Final = "1970-01-01T00:00:00Z"


@dataclass(frozen=True)
class ImageFile:
    """A file that is put into a root: where it is on this machine, and the mode that it gets."""

    source: Path
    mode: int = 0o755


@dataclass(frozen=True)
class Content:
    """What is in an image: a folder that is its root (None: an empty one), files by path in it, and how it is run.

    `texts` are small files by path. `user` is as in a Dockerfile; files belong to root all the same.
    """

    base: Path | None = None
    files: Mapping[str, ImageFile] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, int] = field(default_factory=dict)
    owned: Mapping[str, int] = field(default_factory=dict)
    entrypoint: Sequence[str] = ()
    user: str = ""
    environment: Sequence[str] = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",)


def write_layer(content: Content, layer: Path) -> str:
    """Write the layer of an image as a tar file; its SHA-256. Raises OSError."""
    with layer.open("wb") as file, tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        if content.base is not None:
            tar.add(content.base, arcname=".", filter=_plain)
        for folder, mode in content.folders.items():
            tar.addfile(_entry(folder, tarfile.DIRTYPE, mode, content.owned.get(folder, 0)))
        for path, text in content.texts.items():
            data = text.encode()
            entry = _entry(path, tarfile.REGTYPE, 0o644, content.owned.get(path, 0))
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
        for path, source in content.files.items():
            entry = _entry(path, tarfile.REGTYPE, source.mode, content.owned.get(path, 0))
            entry.size = source.source.stat().st_size
            with source.source.open("rb") as data_file:
                tar.addfile(entry, data_file)
    with layer.open("rb") as written:
        return hashlib.file_digest(written, "sha256").hexdigest()


def image_config(content: Content, layer_digest: str, architecture: str) -> dict[str, Any]:
    """The image's configuration (https://github.com/opencontainers/image-spec/blob/main/config.md)."""
    return {
        "architecture": architecture,
        "os": "linux",
        "created": _CREATED,
        "config": {
            "Env": list(content.environment),
            **({"Entrypoint": list(content.entrypoint)} if content.entrypoint else {}),
            **({"User": content.user} if content.user else {}),
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_digest}"]},
        "history": [{"created": _CREATED, "created_by": "meshfleet"}],
    }


def write_archive(
    images: Mapping[str, Content], target: IO[bytes], *, staging: Path, architecture: str
) -> dict[str, str]:
    """Write one archive of several images (name with tag → content); name → the ID of each.

    `staging` is an existing folder on a disk with room for the largest of them. Raises OSError.
    """
    manifest: list[dict[str, Any]] = []
    found: dict[str, str] = {}
    with tarfile.open(fileobj=target, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for name, content in images.items():
            layer = staging / "layer.tar"
            digest = write_layer(content, layer)
            config = json.dumps(image_config(content, digest, architecture), sort_keys=True).encode()
            identity = hashlib.sha256(config).hexdigest()
            _add_bytes(tar, f"{identity}.json", config)
            tar.add(layer, arcname=f"{digest}/layer.tar", filter=_plain)
            layer.unlink()
            manifest.append({"Config": f"{identity}.json", "RepoTags": [name], "Layers": [f"{digest}/layer.tar"]})
            found[name] = f"sha256:{identity}"
        _add_bytes(tar, "manifest.json", json.dumps(manifest).encode())
    return found


def _add_bytes(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = _entry(name, tarfile.REGTYPE, 0o644, 0)
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))


def _entry(path: str, kind: bytes, mode: int, owner: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path.lstrip("/"))
    entry.type = kind
    entry.mode = mode
    entry.mtime = _TIME
    entry.uid = entry.gid = owner
    return entry


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.mtime = _TIME
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry
