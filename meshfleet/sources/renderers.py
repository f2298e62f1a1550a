"""How helm and kubectl are run: on copies in a folder of their own, with nothing of the user's settings and no network.

Both are the pinned ones of the toolchain.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from meshfleet.errors import DocumentError, ProcessError
from meshfleet.files import make_directory
from meshfleet.processes.bounded_run import OverdueError, run_bounded
from meshfleet.redaction.secret_text import redact
from meshfleet.toolchain.tools import tool

SECONDS: Final = 60.0
OUTPUT_LIMIT: Final = 16 * 1024 * 1024
# Where nothing is listening, should a renderer ask for anything over HTTP.
_NOWHERE: Final = "http://127.0.0.1:9"
# Helm's words on how to see more, which is not to be had here.
_ADVICE: Final = ("Use --debug flag", "WARNING:", "helm.go:")


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder of the owner's alone, which is removed."""
    with tempfile.TemporaryDirectory(prefix="meshfleet-sources-") as name:
        yield Path(name).resolve()


def run_renderer(
    name: str,
    arguments: Sequence[str],
    folder: Path,
    *,
    environment: Mapping[str, str] | None = None,
    seconds: float = SECONDS,
) -> str:
    """What a renderer prints, run in `folder` with `environment` in place of none.

    Raises DocumentError with its own words, redacted, and ToolchainError where it is not built.
    """
    program = tool(name)
    home = make_directory(folder / "home")
    own = {
        # Neither git nor plugins are to be found.
        "PATH": str(make_directory(folder / "path")),
        "HOME": str(home),
        "TMPDIR": str(make_directory(folder / "tmp")),
        "KUBECONFIG": "/dev/null",
        "LC_ALL": "C.UTF-8",
        **{f"HELM_{kind}_HOME": str(home / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")},
        "HELM_PLUGINS": str(home / "plugins"),
    }
    closed = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), _NOWHERE)
    chosen = {**(closed if environment is None else environment), **own}
    try:
        ended = run_bounded(
            [str(program), *arguments],
            seconds=seconds,
            environment=chosen,
            directory=folder,
            limit=OUTPUT_LIMIT,
        )
    except OverdueError:
        raise DocumentError(
            f"{name} did not end within {seconds:g} s and was terminated; simplify what it is given"
        ) from None
    except ProcessError as error:
        raise DocumentError(str(error)) from None
    if ended.code != 0:
        raise DocumentError(f"{name}: {_said(ended.err, folder) or f'exit code {ended.code}'}")
    return ended.out


def _said(errors: str, folder: Path) -> str:
    lines = [line.strip() for line in errors.splitlines()]
    words = " ".join(line for line in lines if line and not line.startswith(_ADVICE))
    text = words.removeprefix("Error: ").removeprefix("error: ")
    return redact(text.replace(f"{folder}/project/", "").replace(f"{folder}/", ""))
