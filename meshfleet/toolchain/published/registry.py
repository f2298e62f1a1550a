"""Reads images from a registry, without a container runtime: documents and layers by digest.

Source: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pull
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from urllib.parse import urlencode

from meshfleet.errors import UnpublishedError
from meshfleet.toolchain.published.downloads import Downloads, Wanted, refused
from meshfleet.toolchain.published.images import ACCEPT, Layer, challenge, is_index, layers_of, manifest_of, token_of
from meshfleet.toolchain.published.mirrors import is_safe
from meshfleet.toolchain.published.requests import Page, Requests, shown_url


@dataclass(frozen=True)
class Image:
    """An image of one platform: SHA-256 and bytes of what its tag names, and its layers, the lowest first."""

    sha256: str
    size: int
    layers: tuple[Layer, ...]


@dataclass(frozen=True)
class _Token:
    """What is sent until `renew`, a time of `time.monotonic`; then the same `page` gives another."""

    text: str
    page: str
    renew: float


class Registry:
    """Images of one publisher."""

    def __init__(self, requests: Requests, downloads: Downloads, publisher: str) -> None:
        self._requests = requests
        self._downloads = downloads
        self._publisher = publisher
        self._tokens: dict[str, _Token] = {}
        self._lock = Lock()

    def image(self, name: str, tag: str, platform: tuple[str, str], known: str | None = None) -> Image:
        """What is to be had of an image: of the index with the SHA-256 `known`, or of what the tag names now.

        Raises UnpublishedError, and ToolchainError when a document is not the one that its digest names.
        """
        top = self._document(name, f"sha256:{known}" if known else tag, known)
        found = hashlib.sha256(top.content).hexdigest()
        try:
            manifest = top.content
            if is_index(top.content):
                digest = manifest_of(top.content, platform)
                manifest = self._document(name, f"sha256:{digest}", digest).content
            return Image(found, len(top.content), layers_of(manifest))
        except (ValueError, KeyError, TypeError) as error:
            raise UnpublishedError(f"{shown_url(top.url)}: {error}") from None

    def layer(self, name: str, layer: Layer, report: Callable[[int], None]) -> Path:
        """A layer as a file. Raises ToolchainError and UnpublishedError as `Downloads.fetch`."""
        self._renew(name)
        url = self._url(name, f"blobs/sha256:{layer.sha256}")
        wanted = Wanted(url, f"a layer of {name}", layer.sha256, layer.size, self._authorization(name))
        return self._downloads.fetch(wanted, report)

    def _document(self, name: str, reference: str, sha256: str | None) -> Page:
        url = self._url(name, f"manifests/{reference}")
        page = self._requests.tried(lambda: self._page(name, url))
        declared = page.headers.get("docker-content-digest", "")
        found = hashlib.sha256(page.content).hexdigest()
        wanted = sha256 or declared.removeprefix("sha256:") or found
        if found != wanted:
            raise refused(Wanted(url, f"the manifest of {name}", wanted), f"has the SHA-256 {found}, not {wanted}")
        return page

    def _page(self, name: str, url: str) -> Page:
        page = self._requests.page(url, {"Accept": ACCEPT, **self._authorization(name)})
        if page.status == 401 and name not in self._tokens:
            self._log_in(name, url, page.headers)
            page = self._requests.page(url, {"Accept": ACCEPT, **self._authorization(name)})
        if page.status == 401:
            raise UnpublishedError(f"{shown_url(url)}: HTTP 401")
        return page

    def _log_in(self, name: str, url: str, headers: Mapping[str, str]) -> None:
        """Take the token that a registry gives to everyone."""
        asked = challenge(headers.get("www-authenticate", ""))
        realm = asked.get("realm", "")
        if not is_safe(realm) or (url.startswith("https:") and not realm.startswith("https:")):
            raise UnpublishedError(f"{shown_url(url)}: HTTP 401")
        query = {"service": asked.get("service", ""), "scope": f"repository:{name}:pull"}
        self._take_token(name, f"{realm}?{urlencode({key: text for key, text in query.items() if text})}")

    def _renew(self, name: str) -> None:
        """Another token before the one there is has run out, which takes minutes."""
        with self._lock:
            held = self._tokens.get(name)
        if held and time.monotonic() > held.renew:
            self._requests.tried(lambda: self._take_token(name, held.page))

    def _take_token(self, name: str, url: str) -> None:
        page = self._requests.page(url)
        try:
            token, seconds = token_of(b"" if page.status == 401 else page.content)
        except ValueError:
            raise UnpublishedError(f"{shown_url(url)}: gives no token for {name}") from None
        with self._lock:
            self._tokens[name] = _Token(token, url, time.monotonic() + seconds / 2)

    def _authorization(self, name: str) -> dict[str, str]:
        with self._lock:
            held = self._tokens.get(name)
        return {"Authorization": f"Bearer {held.text}"} if held else {}

    def _url(self, name: str, path: str) -> str:
        return self._requests.addresses.url(self._publisher, f"v2/{name}/{path}")
