"""What is accepted of a stack file is what Pulumi itself reads, asked of Pulumi."""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from meshfleet.toolchain import Toolchain
from meshfleet.topology import StackFile, TopologyError, read_stack_file
from tests.topology.pulumi_cases import CASES, PIECES

pytestmark = pytest.mark.proof("a stack file means the same to Pulumi, or is refused", step=2)

SCALARS = 500


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, toolchain: Toolchain) -> Project:
    return Project(tmp_path_factory.mktemp("pulumi"), toolchain.bin / "pulumi")


class Project:
    """A project with a stack in it, whose configuration the real `pulumi` is asked for."""

    def __init__(self, folder: Path, program: Path) -> None:
        self.folder, self._program = folder, program
        (folder / "Pulumi.yaml").write_text("name: meshfleet\nruntime: python\n", encoding="utf-8")
        (folder / "state").mkdir()
        self._run("stack", "init", "dev")
        self.salt = (folder / "Pulumi.dev.yaml").read_text(encoding="utf-8")

    def config(self, text: str, *, salted: bool = True) -> dict[str, Any]:
        """What Pulumi reads, section by section; values that are objects as such, others as texts."""
        (self.folder / "Pulumi.dev.yaml").write_bytes(text.encode() + (self.salt.encode() if salted else b""))
        found = json.loads(self._run("config", "--json", "--stack", "dev"))
        return {
            key.removeprefix("meshfleet:"): value.get("objectValue", value.get("value"))
            for key, value in found.items()
            if key.startswith("meshfleet:")
        }

    def file(self, text: str) -> StackFile:
        """What is read here. Raises TopologyError."""
        (self.folder / "Pulumi.dev.yaml").write_bytes(text.encode())
        return read_stack_file(self.folder, "dev")

    def _run(self, *arguments: str) -> str:
        variables = {
            "PATH": os.defpath,
            "HOME": str(self.folder),
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "x",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        done = subprocess.run(
            [self._program, *arguments],
            check=False,
            cwd=self.folder,
            env=variables,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def test_every_accepted_form_is_read_alike(project: Project) -> None:
    """Each of its own, since a form may be of the whole file; those with nothing but values go in one."""
    accepted = [case for case in CASES if not case.fault]
    assert len(accepted) >= 15
    values: dict[str, str] = {}
    for number, case in enumerate(accepted):
        own, *_, rest = case.text.partition("config:\n  meshfleet:x: ")
        if not own and "meshfleet:" not in rest and "\r" not in rest and "..." not in rest:
            values[f"n{number}"] = rest
            continue
        end = "" if case.text.endswith("...\n") else case.text
        assert project.config(case.text, salted=bool(end)) == _plain(project.file(case.text).config), case.title
    text = "config:\n" + "".join(f"  meshfleet:{name}: {value}" for name, value in values.items())
    assert project.config(text) == _plain(project.file(text).config)


def test_every_accepted_scalar_is_read_alike(project: Project) -> None:
    """Scalars made of pieces that some reader takes for a number, a date, a boolean or nothing, as value and as key."""
    pick = random.Random(20260101)
    made = {"".join(pick.choices(PIECES, k=pick.randint(1, 4))) for _ in range(SCALARS)}
    lines: list[str] = []
    for number, scalar in enumerate(sorted(made)):
        for line in (f"a{number}: {scalar}", f"b{number}: {{{scalar}: 1}}", f"c{number}: ['{scalar}', {scalar}]"):
            try:
                project.file(f"config:\n  meshfleet:x:\n    {line}\n")
            except TopologyError:
                continue
            lines.append(line)
    assert len(lines) > SCALARS
    text = "config:\n  meshfleet:x:\n" + "".join(f"    {line}\n" for line in lines)
    theirs, ours = project.config(text)["x"], _plain(project.file(text).config)["x"]
    assert [key for key in ours if theirs.get(key) != ours[key]] == []
    assert theirs.keys() == ours.keys()


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration as JSON has it; a section that is no object is a text to Pulumi."""
    return {
        section: json.loads(json.dumps(value)) if isinstance(value, dict | list) else str(value)
        for section, value in config.items()
    }
