"""What publishers say of their files' SHA-256, in the forms that they use. Pure.

A lone digest (`kube-apiserver.sha256`), lines of `sha256sum` (`SHA256SUMS`), or the JSON of a release at GitHub, which
computes digests of the files of a release (https://docs.github.com/en/rest/releases/assets).
"""

from __future__ import annotations

import re
from typing import Final

from meshfleet.files.json_text import parse_json

_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")


def digest_of(name: str, text: str) -> str:
    """The SHA-256 of the file `name`, in lower case, that a publisher's text states.

    Raises ValueError when it states none, or two that differ.
    """
    found = _of_release(name, text) if text.lstrip().startswith("{") else _of_lines(name, text)
    if len(found) != 1:
        raise ValueError(f"{len(found)} SHA-256 digests of {name}, not one")
    return found.pop()


def _of_lines(name: str, text: str) -> set[str]:
    lines = [line.split() for line in text.splitlines() if line.strip()]
    if len(lines) == 1 and len(lines[0]) == 1 and _SHA256.fullmatch(lines[0][0]):
        return {lines[0][0].lower()}
    # `*` marks a file that was read as binary.
    return {
        words[0].lower()
        for words in lines
        if len(words) == 2 and _SHA256.fullmatch(words[0]) and words[1].removeprefix("*").removeprefix("./") == name
    }


def _of_release(name: str, text: str) -> set[str]:
    release = parse_json(text)
    assets = release.get("assets") if isinstance(release, dict) else None
    found = set()
    for asset in assets if isinstance(assets, list) else ():
        if isinstance(asset, dict) and asset.get("name") == name:
            kind, _, digest = str(asset.get("digest")).partition(":")
            if kind == "sha256" and _SHA256.fullmatch(digest):
                found.add(digest.lower())
    return found
