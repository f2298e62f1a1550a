"""The tools that were built here, as their publishers would have them: files with digests, and images.

    python -m tests.toolchain.published.built FOLDER [--registry PROGRAM]

serves them on loopback until it is interrupted and writes FOLDER/mirrors.json, for MESHFLEET_PUBLISHERS. With
`--registry` the images are in a registry of that program (Debian's docker-registry), else in the tests' own.
"""

from __future__ import annotations

import argparse
import json
import signal
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from meshfleet.toolchain.plan import Plan, make_plan
from meshfleet.toolchain.published.table import ITSELF, Piece, published_version
from meshfleet.toolchain.recipes import go_platform
from tests.toolchain.published.debian_registry import push, registry
from tests.toolchain.published.publishers import Publishers, serving


def publish(shop: Publishers, plan: Plan, folder: Path) -> dict[tuple[str, str], dict[str, Path]]:
    """Publish every file of the table that the plan's installations can be taken for; archives lie in `folder`.

    Returns the images, by name and tag: what is in each, by its path in the image.
    """
    versions = {part.tool: part.version for part, _ in plan.parts}
    archives: dict[str, tuple[Piece, dict[str, Path]]] = {}
    for part, place in plan.parts:
        version = published_version(part.tool, part.version, versions)
        for piece in shop.table.pieces(part.tool, version, go_platform()):
            # Two tools may be in one archive; what is wanted of it is in it for both.
            archives.setdefault(piece.id, (piece, {}))[1].update(_files(piece, place.path, folder))
    images = {}
    for piece, files in archives.values():
        if piece.image.endswith("/proxyv2"):
            # Istio's own is built from no module; the upstream one is as large.
            files["usr/local/bin/envoy"] = plan.programs["envoy"]
        if piece.image:
            images[piece.image, piece.path] = files
            continue
        assert piece.digest is not None
        if ITSELF in files:
            source = files[ITSELF]
        else:
            source = folder / piece.path.rpartition("/")[2]
            pack(source, files)
        digest = shop.file(piece.publisher, piece.path, source)
        _state(shop, piece, digest)
    return images


def pack(target: Path, files: Mapping[str, Path]) -> None:
    """A gzipped archive of files, by their paths in it."""
    with tarfile.open(target, "w:gz", compresslevel=1) as archive:
        for name, path in sorted(files.items()):
            archive.add(path, name)


@contextmanager
def publishers(folder: Path, program: Path | None = None) -> Iterator[Path]:
    """Serve what was built here; the file of mirrors."""
    with ExitStack() as stack:
        shop = stack.enter_context(serving(Publishers()))
        images = publish(shop, make_plan(), folder)
        bases = {name: f"{shop.url}/{name}" for name in shop.table.publishers}
        if program:
            bases["istio-images"] = stack.enter_context(registry(program, folder))
        for (name, tag), files in images.items():
            layers = []
            # A layer each, as images are made, with one of a base below them.
            for number, (path, source) in enumerate(sorted(files.items())):
                layer = folder / f"{name.replace('/', '-')}-{number}.tar.gz"
                pack(layer, {path: source})
                layers.append(layer)
            if program:
                push(bases["istio-images"], name, tag, layers)
            else:
                shop.image("istio-images", name, tag, *(layer.read_bytes() for layer in layers))
        mirrors = folder / "mirrors.json"
        mirrors.write_text(json.dumps({"publishers": bases}))
        yield mirrors


def _files(piece: Piece, installation: Path, folder: Path) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for target, source in piece.members.items():
        path = installation / target
        if target.endswith("/"):
            files |= {source + str(one.relative_to(path)): one for one in path.rglob("*") if one.is_file()}
        elif path.exists():
            files[source] = path
        elif path.parent.is_dir():
            # The definitions of the Gateway API are one file where they are published.
            joined = folder / path.name
            joined.write_bytes(b"---\n".join(one.read_bytes() for one in sorted(path.parent.glob("*.yaml"))))
            files[source] = joined
    return files


def _state(shop: Publishers, piece: Piece, digest: str) -> None:
    """Have the publisher say what the digest is, in its form."""
    assert piece.digest is not None
    name, path = piece.path.rpartition("/")[2], f"/{piece.digest.publisher}/{piece.digest.path}"
    known = shop.files.get(path, b"")
    assert isinstance(known, bytes)
    if piece.digest.publisher == "github-api":
        assets = json.loads(known or b'{"assets": []}')["assets"]
        shop.files[path] = json.dumps({"assets": [*assets, {"name": name, "digest": f"sha256:{digest}"}]}).encode()
    elif name in piece.digest.path:
        shop.files[path] = digest.encode()
    else:
        shop.files[path] = known + f"{digest}  {name}\n".encode()


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--registry", type=Path)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with publishers(options.folder, options.registry) as mirrors:
        print(mirrors, flush=True)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
