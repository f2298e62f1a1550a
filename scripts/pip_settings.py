"""Where packages come from, as uv takes it from pip's settings; needs the standard library alone.

uv installs requirements.lock in a second or two where pip takes twenty, but reads neither pip.conf nor PIP_*, by which
people choose an index. Only what is known to mean the same to both is translated; with any other setting, such as a
client's certificate, pip installs everything itself.

Sources: https://pip.pypa.io/en/stable/topics/configuration/ and
https://docs.astral.sh/uv/reference/environment/
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

# What says nothing of where packages come from.
_OF_NO_MATTER = frozenset(
    (
        *("cache-dir", "default-timeout", "disable-pip-version-check", "no-cache-dir", "no-color", "no-input"),
        *("no-warn-script-location", "progress-bar", "quiet", "require-virtualenv", "retries", "root-user-action"),
        *("timeout", "verbose", "no-compile", "prefer-binary", "break-system-packages"),
    )
)
_VARIABLES = {
    "cert": ("SSL_CERT_FILE", None),
    "index-url": ("UV_DEFAULT_INDEX", None),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
}
"""Variables of uv by settings of pip, with what several values are joined by; None where there is one."""


def uv_variables(listed: str, environment: Mapping[str, str]) -> dict[str, str] | None:
    """The environment of `uv pip install`, made from what `pip config list` prints and from pip's own environment.

    None where a setting has no counterpart. uv's own variables are left out: one of them turns hashes off. Values stay
    out of the arguments, which everybody on the machine may read: an address of an index may hold a password.
    """
    found = {name: value for name, value in environment.items() if not name.startswith("UV_")}
    settings: dict[str, str] = {}
    # Later files and then variables win, in the order of the list but for these: `install.` is for the command used.
    for line in sorted(listed.splitlines(), key=_rank):
        place, separator, written = line.partition("=")
        section, _, key = place.rpartition(".")
        if not separator or section not in ("global", "install", ":env:"):
            continue
        if key in _OF_NO_MATTER:
            continue
        value = _value(written)
        if key not in _VARIABLES or value is None:
            return None
        settings[key] = value
    for key, value in settings.items():
        variable, joint = _VARIABLES[key]
        values = value.split()
        if not values or (joint is None and len(values) != 1) or (joint and any(joint in one for one in values)):
            return None
        found[variable] = (joint or "").join(values)
    # As pip does, which takes a version from whichever index has it; the hashes say which files will do.
    return found | {"UV_INDEX_STRATEGY": "unsafe-best-match", "UV_NO_CONFIG": "1"}


def _rank(line: str) -> int:
    return 2 if line.startswith(":env:") else int(line.startswith("install."))


def _value(written: str) -> str | None:
    """A value as pip prints it, quoted as Python quotes."""
    try:
        value = ast.literal_eval(written)
    except (ValueError, SyntaxError):
        return None
    return value if isinstance(value, str) else None
