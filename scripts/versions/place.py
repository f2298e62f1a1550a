"""A home and stack files of their own, in which commands run; nothing of them is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from meshfleet.dataplane.sweep import sweep
from scripts.versions.plan import stack_text

THIS_CHECKOUT: Final = (sys.executable, "-c", "from meshfleet.cli.entry_point import main; main()")
"""What starts `meshfleet` in the checkout that one stands in, whatever is installed."""
_SECONDS: Final = 900.0
_SHOWN_LINES: Final = 30
# What would make a command behave as the owner of this shell set it up; the cache stays theirs.
_SETTINGS: Final = ("PULUMI_", "MESHFLEET_", "KUBE", "HELM_")
_KEPT: Final = ("MESHFLEET_CACHE",)


class FailedError(Exception):
    """A command that failed, or a version that is not the one expected; the text says what was seen."""


@dataclass(frozen=True)
class Place:
    """`home` is MESHFLEET_HOME; `command` starts `meshfleet`, in `folder`, with `more` variables beside the shell's."""

    home: Path
    folder: Path
    command: tuple[str, ...]
    without: tuple[str, ...] = ()

    @property
    def environment(self) -> dict[str, str]:
        """What commands see."""
        shell = {
            name: value
            for name, value in os.environ.items()
            if name in _KEPT or not name.startswith((*_SETTINGS, *self.without))
        }
        return shell | {"MESHFLEET_HOME": str(self.home), "MESHFLEET_STACKS": str(self.home.parent / "stacks")}

    def meshfleet(self, *arguments: str) -> str:
        """Run the command to its end; what it printed. Raises FailedError with the end of all it said."""
        shown = " ".join(("meshfleet", *arguments))
        return run([*self.command, *arguments], self.folder, self.environment, shown)


def run(command: Sequence[str], folder: Path, environment: dict[str, str], shown: str = "") -> str:
    """Run a program to its end, in a quarter of an hour at most; what it printed.

    Raises FailedError with the end of all it said; `shown` is what it is called there, itself unless given.
    """
    name = shown or " ".join((Path(command[0]).name, *command[1:]))
    try:
        done = subprocess.run(
            list(command),
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise FailedError(f"{name}: did not end within {_SECONDS / 60:.0f} minutes") from None
    if done.returncode != 0:
        said = (done.stderr + done.stdout).strip().splitlines()[-_SHOWN_LINES:]
        raise FailedError("\n".join([f"{name}: exit {done.returncode}", *(f"  {line}" for line in said)]))
    return done.stdout


@contextmanager
def place(
    stack: str,
    config: dict[str, Any],
    keep: Path,
    *,
    command: tuple[str, ...] = THIS_CHECKOUT,
    folder: Path | None = None,
    without: tuple[str, ...] = (),
) -> Iterator[Place]:
    """A place with one stack file; of a failure a support bundle goes to the folder `keep`."""
    with tempfile.TemporaryDirectory(prefix="meshfleet-versions-") as made:
        home, stacks = Path(made) / "home", Path(made) / "stacks"
        stacks.mkdir()
        (stacks / f"Pulumi.{stack}.yaml").write_text(json.dumps(stack_text(config)), encoding="utf-8")
        here = Place(home, folder or Path.cwd(), command, without)
        try:
            yield here
        except FailedError as error:
            raise FailedError(f"{error}\n{_collected(here, stack, keep)}") from None
        finally:
            sweep(stack, home)


def _collected(here: Place, stack: str, keep: Path) -> str:
    keep.mkdir(parents=True, exist_ok=True)
    bundle = keep / f"{stack}.tar.gz"
    try:
        here.meshfleet("collect", "--stack", stack, "--out", str(bundle))
    except FailedError as error:
        return f"no support bundle: {error}"
    return f"support bundle: {bundle}"


def say(text: str) -> None:
    """A line of progress, with the time."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
