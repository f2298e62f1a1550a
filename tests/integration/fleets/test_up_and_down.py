"""The two commands on a machine: from a fresh clone to a verified fleet, and back to a fresh clone."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.clone import Clone, git, make_clone
from tests.integration.faults.stacks import small_fleet
from tests.integration.world import Ran, World, make_world

pytestmark = pytest.mark.proof("scripts/up and scripts/down from a fresh clone with an empty HOME", step=3)

STACK = "one"


@pytest.fixture
def fresh(clone: Clone) -> Iterator[Clone]:
    """A clone of its own, whose folder can be looked at as a whole."""
    with tempfile.TemporaryDirectory(prefix="mf-") as folder:
        made = make_clone(Path(folder))
        yield Clone(made.root, clone.plugins)


def ignored(clone: Clone) -> set[str]:
    """What lies in the clone beside the files under version control."""
    listed = git(clone.root, "status", "--porcelain", "--ignored", "--untracked-files=all").splitlines()
    return {line[3:] for line in listed}


@pytest.mark.parametrize("at_home", [True, False], ids=["in the clone", "in a folder of the user's"])
def test_up_verifies_and_draws_a_second_up_changes_nothing_and_down_leaves_nothing(fresh: Clone, at_home: bool) -> None:
    with make_world(fresh, at_home=at_home) as world:
        fresh.write_stack(STACK, small_fleet("only"))
        fresh.make_environment()
        first = run(world, "up", STACK)
        assert "checks hold" in first.out + first.err
        picture = Path(first.out.strip().splitlines()[-1].removeprefix("picture: "))
        assert picture.read_text(encoding="utf-8").lstrip().startswith(("<?xml", "<svg"))
        assert "nothing changed" in run(world, "up", STACK).err
        run(world, "down")
        assert world.processes() == []
        assert not world.home.exists() or list(world.home.iterdir()) == []
        # `.venv` is a folder of these tests' making here; what scripts/bootstrap makes is a link, which goes.
        left = {path for path in ignored(fresh) if not path.startswith(".venv/")}
        assert left == {f"stacks/Pulumi.{STACK}.yaml"}


def run(world: World, script: str, *arguments: str) -> Ran:
    return world.run([str(world.clone.root / "scripts" / script), *arguments])
