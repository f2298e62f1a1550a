"""The two commands on a machine: from a fresh clone to a verified fleet, and back to a fresh clone.

The clone lies in a folder with spaces and umlauts, in a locale of the oldest kind; the shell is full of settings that
would lead programs astray; the user is root, root with a container's capabilities, or an ordinary one.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from meshfleet.testing import CommandResult, Sandbox, small_fleet
from tests.integration.clone import Clone, git, make_clone
from tests.processes.hostile_shell import HOSTILE

pytestmark = pytest.mark.proof("scripts/up and scripts/down from a fresh clone with an empty HOME", step=3)

STACK = "one"


FOLDER = "mein Öfchen & Söhne"
# Root of the machine without its capabilities: as an ordinary user, who still owns what root made here.
ORDINARY = ("unshare", "--user", "--map-user=1000", "--map-group=1000") if os.geteuid() == 0 else ()


@pytest.fixture
def fresh(clone: Clone) -> Iterator[Clone]:
    """A clone of its own, whose folder can be looked at as a whole."""
    with tempfile.TemporaryDirectory(prefix="mf-") as folder:
        place = Path(folder) / FOLDER
        place.mkdir()
        made = make_clone(place)
        yield Clone(made.root, clone.plugins)


def ignored(clone: Clone) -> set[str]:
    """What lies in the clone beside the files under version control."""
    listed = git(clone.root, "status", "--porcelain", "--ignored", "--untracked-files=all", "-z").split("\0")
    return {line[3:] for line in listed if line}


def shell(sandbox: Sandbox) -> dict[str, str]:
    """Settings that no script is to notice."""
    foreign = sandbox.folder / "foreign"
    foreign.mkdir()
    # Of the standard library too: an interpreter that saw this folder could not even start.
    for module in ("pydantic", "yaml", "topology", "typing", "json"):
        (foreign / f"{module}.py").write_text("raise SystemExit('a foreign module was imported')\n", encoding="utf-8")
    python = {"PYTHONPATH": str(foreign), "PYTHONINSPECT": "1", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    # The loader itself complains of a library that is not there, in every program.
    kept = {name: value for name, value in HOSTILE.items() if not name.startswith("LD_")}
    return kept | python | {"LC_ALL": "C", "CDPATH": str(foreign)}


@pytest.mark.parametrize(
    ("at_home", "prefix"),
    [
        pytest.param(True, (), id="in the clone"),
        pytest.param(False, ORDINARY, id="in a folder of the user's, as an ordinary user"),
    ],
)
def test_up_verifies_and_draws_a_second_up_changes_nothing_and_down_leaves_nothing(
    fresh: Clone, at_home: bool, prefix: tuple[str, ...]
) -> None:
    with fresh.sandbox(home=fresh.root / ".meshfleet" if at_home else None) as sandbox:
        sandbox.prefix = prefix
        sandbox.hostile.update(shell(sandbox))
        fresh.write_stack(STACK, small_fleet("only"))
        fresh.make_environment()
        first = run(sandbox, "up", STACK)
        assert "checks passed" in first.out + first.err
        picture = Path(first.out.strip().splitlines()[-1].removeprefix("picture: "))
        assert picture.read_text(encoding="utf-8").lstrip().startswith(("<?xml", "<svg"))
        assert "no changes" in run(sandbox, "up", STACK).err
        running = sandbox.processes()
        assert {process.name() for process in running} >= {"etcd", "kube-apiserver", "pilot-discovery"}
        run(sandbox, "down")
        assert [one for one in running if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []
        assert sandbox.processes() == []
        assert not sandbox.home.exists() or list(sandbox.home.iterdir()) == []
        # `.venv` is a folder of these tests' making here; what scripts/bootstrap makes is a link, which goes.
        left = {path for path in ignored(fresh) if not path.startswith(".venv/")}
        assert left == {f"stacks/Pulumi.{STACK}.yaml"}


def run(sandbox: Sandbox, script: str, *arguments: str) -> CommandResult:
    return sandbox.run([*sandbox.prefix, str(sandbox.project / "scripts" / script), *arguments], more=sandbox.hostile)
