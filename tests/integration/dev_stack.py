"""The stack `dev`, which each of two folders brings up once, so that two processes share their tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from meshfleet.testing import FleetUnderTest, Sandbox, bring_up
from tests.integration.clone import Clone
from tests.processes.hostile_shell import HOSTILE


def hostile_shell(sandbox: Sandbox) -> dict[str, str]:
    """What no command is to notice; the interpreter's own settings are those that this one survives."""
    foreign = sandbox.folder / "foreign"
    foreign.mkdir()
    for module in ("pydantic", "yaml", "meshfleet"):
        (foreign / f"{module}.py").write_text("raise SystemExit('a foreign module was imported')\n", encoding="utf-8")
    kept = {name: value for name, value in HOSTILE.items() if not name.startswith(("PYTHON", "LD_"))}
    return kept | {"PYTHONPATH": f"{sandbox.project}:{foreign}", "PYTHONSTARTUP": str(foreign / "yaml.py")}


@contextmanager
def dev_stack(clone: Clone) -> Iterator[FleetUnderTest]:
    """Three clusters in one mesh; afterwards destroyed, with a look at what is left.

    The command has a shell full of settings that would lead its programs astray.
    """
    with clone.sandbox() as sandbox:
        sandbox.hostile.update(hostile_shell(sandbox))
        with bring_up(sandbox, "dev") as fleet:
            # Whichever test comes first: what it breaks is to be what is broken, and no pod that was not ready yet.
            fleet.verify()
            yield fleet
        assert clone.changed_files() == []
