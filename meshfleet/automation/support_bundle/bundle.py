"""The archive: texts by name, each within a bound and without a secret, and a manifest of them."""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from meshfleet.redaction.secret_text import HIDDEN, redact

MANIFEST: Final = "MANIFEST.json"
MEMBER_LIMIT: Final = 4 * 1024 * 1024
"""Characters of one member; of a longer one the end is kept, where a log says how it ended."""
BUNDLE_LIMIT: Final = 256 * 1024 * 1024
"""Characters of all members; what comes later is left out, and the manifest says so."""
SHORTEST: Final = 8
"""Characters of a secret that is looked for as it is; a shorter one would take innocent words with it."""


@dataclass(frozen=True)
class Entry:
    """A line of the manifest: a member that is there (`error` empty), or why a part is not."""

    name: str
    characters: int = 0
    cut: bool = False
    error: str = ""


@dataclass
class Bundle:
    """Collects members. `secrets` are values that must not be in any, besides all that looks like one."""

    secrets: frozenset[str] = frozenset()
    entries: list[Entry] = field(default_factory=list)
    _members: dict[str, bytes] = field(default_factory=dict, repr=False)
    _size: int = 0

    def hide(self, secrets: Iterable[str]) -> None:
        """Leave these values out of all that is added from now on."""
        self.secrets |= {one for one in secrets if len(one) >= SHORTEST}

    def add(self, name: str, content: object) -> None:
        """Add a text, or a value as JSON."""
        text = content if isinstance(content, str) else json.dumps(plain(content), indent=2)
        text = self.without_secrets(text)
        cut = len(text) > MEMBER_LIMIT
        text = text[-MEMBER_LIMIT:]
        if self._size + len(text) > BUNDLE_LIMIT:
            self.failed(name, f"left out: the bundle has {BUNDLE_LIMIT} characters already")
            return
        self._size += len(text)
        self._members[name] = text.encode("utf-8", errors="replace")
        self.entries.append(Entry(name, len(text), cut))

    def failed(self, name: str, error: str) -> None:
        """Note why a part is not there."""
        self.entries.append(Entry(name, error=self.without_secrets(error)))

    def without_secrets(self, text: str) -> str:
        """The text without the known secrets, and without all that looks like one."""
        # The longest first: one may hold another.
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return redact(text)

    def files(self) -> dict[str, bytes]:
        """Every member by its name, the manifest first."""
        manifest = {
            "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "members": [asdict(entry) for entry in self.entries if not entry.error],
            "missing": {entry.name: entry.error for entry in self.entries if entry.error},
        }
        return {MANIFEST: json.dumps(manifest, indent=2).encode(), **self._members}

    def as_tar(self) -> bytes:
        """The archive of `files`; every member is its owner's alone."""
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w:gz", compresslevel=6) as archive:
            for name, text in self.files().items():
                member = tarfile.TarInfo(f"meshfleet-support/{name}")
                member.size, member.mode, member.mtime = len(text), 0o600, int(time.time())
                archive.addfile(member, io.BytesIO(text))
        return content.getvalue()


# Keys of JSON whose value is a secret whatever it looks like, in the spellings of Kubernetes, Envoy and Pulumi.
SECRET_KEYS: Final = frozenset(
    (
        *("token", "password", "passphrase", "client-key-data", "clientkeydata", "ciphertext", "plaintext"),
        *("privatekey", "private_key", "inline_bytes", "inlinebytes", "session_ticket_keys", "sessionticketkeys"),
    )
)


def plain(value: Any) -> Any:
    """A value of JSON with what its keys name as a secret left out. Pure."""
    if isinstance(value, Mapping):
        # Of Envoy's secrets no more than that they are there.
        if str(value.get("@type", "")).endswith("SecretsConfigDump"):
            return {"@type": value["@type"], "secrets": HIDDEN}
        return {
            str(key): HIDDEN if str(key).lower() in SECRET_KEYS and inner else plain(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
