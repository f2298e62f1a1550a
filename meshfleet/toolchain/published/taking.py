"""Takes the pieces of one tool from where they are published: downloaded by their digests, unpacked, tried out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from meshfleet.errors import ProcessError, UnpublishedError
from meshfleet.processes.bounded_run import run_bounded
from meshfleet.toolchain.published.choice import Order
from meshfleet.toolchain.published.digests import digest_of
from meshfleet.toolchain.published.downloads import Downloads, Wanted
from meshfleet.toolchain.published.hearing import Hearing
from meshfleet.toolchain.published.records import Record, Records
from meshfleet.toolchain.published.registry import Registry
from meshfleet.toolchain.published.requests import Requests, shown_url
from meshfleet.toolchain.published.table import ITSELF, Piece
from meshfleet.toolchain.published.unpacking import make_executable, put, take
from meshfleet.toolchain.recipes import go_platform

_START_SECONDS: Final = 30.0


class Taker:
    """Makes what an installation holds in a folder; used by several threads at once."""

    def __init__(
        self,
        requests: Requests,
        downloads: Downloads,
        known: Records,
        started: Mapping[str, Mapping[str, tuple[str, ...]]],
        platform: tuple[str, str] | None = None,
    ) -> None:
        self._requests = requests
        self._downloads = downloads
        self._known = known
        self._started = started
        self._platform = platform or go_platform()
        self._registries: dict[str, Registry] = {
            name: Registry(requests, downloads, name) for name in requests.addresses.bases
        }

    def take(self, order: Order, staging: Path, hearing: Hearing) -> dict[str, Record]:
        """Put the order's files into `staging`; a record of each piece.

        Raises UnpublishedError when something cannot be had or does not run here, ToolchainError, OSError.
        """
        staging.mkdir(parents=True)
        records = {piece.id: self._piece(order, piece, staging, hearing) for piece in order.pieces}
        for name, text in order.texts.items():
            path = staging / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        make_executable(staging)
        self._try_out(order, staging)
        return records

    def _piece(self, order: Order, piece: Piece, staging: Path, hearing: Hearing) -> Record:
        return (
            self._image(order, piece, staging, hearing) if piece.image else self._file(order, piece, staging, hearing)
        )

    def _file(self, order: Order, piece: Piece, staging: Path, hearing: Hearing) -> Record:
        record = self._known.get(piece.id)
        name = piece.path.rpartition("/")[2]
        url = self._requests.addresses.url(piece.publisher, piece.path)
        sha256 = record.sha256 if record else self._published_digest(piece, name)
        file = self._downloads.fetch(Wanted(url, name, sha256, record.size if record else None), hearing.of(piece.id))
        if ITSELF in piece.members.values():
            target, _ = next(iter(piece.members.items()))
            with file.open("rb") as source:
                put(source, staging / target)
        else:
            _require_all(name, piece, take(file, name, piece.members, staging).found)
        return Record(name, order.version, url, file.stat().st_size, sha256)

    def _published_digest(self, piece: Piece, name: str) -> str:
        assert piece.digest is not None
        url = self._requests.addresses.url(piece.digest.publisher, piece.digest.path)
        page = self._requests.tried(lambda: self._requests.page(url))
        try:
            return digest_of(name, page.text)
        except ValueError as error:
            raise UnpublishedError(f"{shown_url(url)}: {error}") from None

    def _image(self, order: Order, piece: Piece, staging: Path, hearing: Hearing) -> Record:
        """From the topmost layer down, until all that is wanted was found or is known to be gone."""
        registry, record = self._registries[piece.publisher], self._known.get(piece.id)
        image = registry.image(piece.image, piece.path, self._platform, record.sha256 if record else None)
        wanted, found = dict(piece.members), set()
        for layer in reversed(image.layers):
            if not wanted:
                break
            file = registry.layer(piece.image, layer, hearing.of(layer.sha256))
            taken = take(file, f"layer {layer.sha256[:12]} of {piece.image}", wanted, staging)
            found |= taken.found
            wanted = {path: source for path, source in wanted.items() if path not in taken.found | taken.hidden}
        _require_all(piece.id, piece, found)
        source = self._requests.addresses.url(piece.publisher, f"{piece.image}:{piece.path}")
        return Record(piece.image, order.version, source, image.size, image.sha256)

    def _try_out(self, order: Order, staging: Path) -> None:
        """Start the programs that need more of a machine than Go's do, such as a C library that is new enough."""
        for program, arguments in self._started.get(order.tool, {}).items():
            try:
                ended = run_bounded([str(staging / program), *arguments], seconds=_START_SECONDS)
            except ProcessError as error:
                raise UnpublishedError(f"{Path(program).name} does not run here: {error}") from None
            if ended.code != 0:
                last = (ended.err.strip() or ended.out.strip()).splitlines()[-1:]
                raise UnpublishedError(
                    f"{Path(program).name} does not run here: exit code {ended.code} {''.join(last)}"
                )


def _require_all(name: str, piece: Piece, found: set[str]) -> None:
    for target, source in piece.members.items():
        if target not in found and not (target.endswith("/") and any(one.startswith(target) for one in found)):
            raise UnpublishedError(f"{name} has no {source}")
