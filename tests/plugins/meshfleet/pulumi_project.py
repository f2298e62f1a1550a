"""A Pulumi project with its own state whose program uses the plugin's SDK, driven by the real engine."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from meshfleet.toolchain import Toolchain
from meshfleet.workspace.cache import locate_cache

CHECKOUT = Path(__file__).resolve().parents[3]
_PLUGIN = CHECKOUT / "meshfleet" / "plugins" / "meshfleet"


@dataclass(frozen=True)
class Project:
    """A Pulumi project of its own, with its own state."""

    directory: Path
    home: Path
    environment: dict[str, str]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin a pulumi command and go on."""
        return subprocess.Popen(
            ["pulumi", *arguments, "--stack", "dev", "--non-interactive", "--color=never"],
            cwd=self.directory,
            env=self.environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run a pulumi command; its exit code and all it printed."""
        with self.start(*arguments) as command:
            output, _ = command.communicate(timeout=240)
            return command.returncode, output

    def succeed(self, *arguments: str) -> str:
        """Run a pulumi command that must succeed."""
        code, output = self.run(*arguments)
        assert code == 0, output
        return output


def new_project(folder: Path, toolchain: Toolchain, program: str) -> Project:
    """A project with this program in subfolders of `folder`, and the stack `dev` without a resource."""
    directory, home, state = (folder / name for name in ("project", "home", "state"))
    for path in (directory, home, state):
        path.mkdir()
    (directory / "Pulumi.yaml").write_text(
        f"name: engine-tests\nruntime: python\nplugins: {{providers: [{{name: meshfleet, path: {_PLUGIN}}}]}}\n",
        encoding="utf-8",
    )
    (directory / "__main__.py").write_text(program, encoding="utf-8")
    environment = {
        "HOME": str(state),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), str(toolchain.bin), os.environ["PATH"]]),
        "PYTHONPATH": str(CHECKOUT),
        "PULUMI_HOME": str(state / "pulumi"),
        # As `local_backend_of` has it, and for its reason: an engine is killed here.
        "PULUMI_BACKEND_URL": f"{state.as_uri()}?metadata=skip",
        "PULUMI_CONFIG_PASSPHRASE": "only for this test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "MESHFLEET_HOME": str(home),
        # Where homes of tests that run at the same time see which ports this one has reserved.
        "MESHFLEET_CACHE": str(locate_cache().root),
        "MESHFLEET_TOOLS": str(toolchain.bin),
        "MESHFLEET_PYTHON": sys.executable,
    }
    project = Project(directory, home, environment)
    project.succeed("stack", "init")
    return project
