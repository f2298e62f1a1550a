"""The contract of the command: exit codes, one line a fault, JSON and nothing else, nothing touched when wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from meshfleet.cli.command import app
from meshfleet.errors import EngineError, MeshfleetError, ToolchainError
from tests.automation.commands import commands
from tests.automation.stack_files import ROOT, Command

pytestmark = pytest.mark.proof("the command's answers, exit codes and JSON", step=0)

COMMANDS = (
    *("up", "preview", "verify", "status", "drift", "destroy", "render", "validate", "graph", "collect", "env"),
    *("placement", "reconcile", "kubeconfig", "who-can", "schema", "vm bundle", "vm list", "vm start", "vm stop"),
)
OF_A_STACK = (
    *("up", "preview", "verify", "status", "drift", "render", "validate", "graph", "collect"),
    *("placement", "reconcile", "kubeconfig", "who-can", "vm bundle", "vm list", "vm start", "vm stop"),
)
WORDS = {
    "vm bundle": ["billing"],
    "vm start": ["billing"],
    "vm stop": ["billing"],
    "kubeconfig": ["carla"],
    "who-can": ["get", "pods"],
}
WRONG_PATHS = ["clusters.east.colour", "clusters.west.network", "host"]


def of_stack(command: str, stack: str, out: Path) -> list[str]:
    extra = ["--out", str(out)] if command in ("render", "collect", "vm bundle") else []
    name = WORDS.get(command, [])
    return [*command.split(), *name, "--stack", stack, *extra]


def test_the_commands_are_those_of_the_documentation() -> None:
    assert sorted(commands()) == sorted(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_every_option_of_it_says_what_it_is_for(command: str, meshfleet: Command) -> None:
    result = meshfleet(*command.split(), "--help")
    assert result.exit_code == 0
    parameters = commands()[command].params
    # An argument has no name by which it is given.
    options = [parameter for parameter in parameters if parameter.opts[0].startswith("-")]
    assert all(parameter.help for parameter in parameters)  # type: ignore[attr-defined]
    assert all(parameter.opts[0] in result.output for parameter in options)


def test_help_names_every_command_and_the_exit_codes(meshfleet: Command) -> None:
    output = meshfleet("--help").output
    assert all(command.split()[0] in output for command in COMMANDS)
    assert "2 invalid stack file" in " ".join(output.split())


def test_a_valid_stack_is_reported_with_the_model_of_each_mesh(meshfleet: Command) -> None:
    result = meshfleet("validate", "--stack", "examples/two-meshes")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "development: multi-primary, several networks (control, test)" in result.stderr
    answer = json.loads(meshfleet("validate", "--stack", "dev", "--json").stdout)
    assert answer == {
        "ok": True,
        "clusters": ["host", "west", "east"],
        "meshes": {"mesh1": "multi-primary, several networks"},
    }


def test_a_valid_stack_is_reported_with_the_direction_of_its_discovery(meshfleet: Command) -> None:
    lines = [line.strip() for line in meshfleet("validate", "--stack", "examples/hub-and-spoke").stderr.splitlines()]
    model = "multi-primary, several networks, restricted discovery"
    assert f"mesh: {model} (central, edge1, edge2)" in lines
    assert "central discovers edge1, edge2" in lines
    assert {"edge1 discovers no other cluster", "edge2 discovers no other cluster"} <= set(lines)


def test_a_valid_stack_is_reported_with_the_networks_that_no_gateway_leads_into(meshfleet: Command) -> None:
    lines = [line.strip() for line in meshfleet("validate", "--stack", "examples/machine-network").stderr.splitlines()]
    told = (
        "branch has no gateway: till can call other networks, and nothing there can call it; networks.branch.gateways"
    )
    assert f"{told} opens it" in lines
    answer = json.loads(meshfleet("validate", "--stack", "examples/machine-network", "--json").stdout)
    assert answer["closedNetworks"] == {"branch": ["till"]}


@pytest.mark.parametrize("command", OF_A_STACK)
def test_a_wrong_stack_file_is_exit_2_with_a_line_for_each_fault_and_nothing_is_touched(
    command: str, meshfleet: Command, home: Path, tmp_path: Path
) -> None:
    result = meshfleet(*of_stack(command, "wrong", tmp_path / "out"))
    assert (result.exit_code, result.stdout) == (2, "")
    assert [line.partition(": ")[0] for line in result.stderr.splitlines()] == WRONG_PATHS
    assert not home.exists()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", OF_A_STACK)
def test_with_json_the_faults_are_all_that_is_on_standard_output(
    command: str, meshfleet: Command, tmp_path: Path
) -> None:
    result = meshfleet(*of_stack(command, "wrong", tmp_path / "out"), "--json")
    answer = json.loads(result.stdout)
    assert result.exit_code == 2
    assert answer["ok"] is False
    assert [fault["path"] for fault in answer["faults"]] == WRONG_PATHS
    assert all(fault.keys() == {"path", "message"} for fault in answer["faults"])


def test_an_unknown_stack_is_exit_2_and_those_there_are_are_named(meshfleet: Command, home: Path) -> None:
    result = meshfleet("validate", "--stack", "nowhere")
    assert result.exit_code == 2
    assert result.stderr.startswith("--stack: there is no stack 'nowhere'; there are dev, examples/")
    assert "examples/two-meshes" in result.stderr
    assert not home.exists()


@pytest.mark.parametrize("stack", ["../dev", "/etc/passwd", "", "examples", "dev.yaml", "examples/../dev"])
def test_a_stack_is_only_ever_a_file_of_the_folder_of_stacks(stack: str, meshfleet: Command) -> None:
    assert meshfleet("validate", "--stack", stack).exit_code == 2


@pytest.mark.parametrize("command", OF_A_STACK)
def test_a_command_without_a_stack_is_a_wrong_use(command: str, meshfleet: Command) -> None:
    assert meshfleet(*command.split()).exit_code == 2


@pytest.mark.parametrize("error", [MeshfleetError, EngineError, ToolchainError])
def test_every_other_error_of_ours_is_exit_1_and_a_sentence(
    error: type[MeshfleetError], meshfleet: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(stack: str, *, quiet: bool) -> None:
        raise error(f"{stack} did not work; try again")

    monkeypatch.setattr("meshfleet.cli.deployment.open_session", fail)
    result = meshfleet("up", "--stack", "dev")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "error: dev did not work; try again\n"
    result = meshfleet("up", "--stack", "dev", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"ok": False, "errors": ["dev did not work; try again"]}


def test_a_file_that_cannot_be_written_is_a_sentence_and_no_traceback(meshfleet: Command, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("", encoding="utf-8")
    result = meshfleet("graph", "--stack", "dev", "--out", str(tmp_path / "taken" / "fleet.svg"))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {tmp_path / 'taken'}")
    assert "Traceback" not in result.stderr


def test_graph_draws_a_fleet_that_is_not_up(meshfleet: Command, home: Path, tmp_path: Path) -> None:
    out = tmp_path / "pictures" / "fleet.svg"
    assert meshfleet("graph", "--stack", "dev", "--out", str(out)).exit_code == 0
    assert out.read_text(encoding="utf-8").startswith("<svg")
    assert not home.exists()
    answer = json.loads(meshfleet("graph", "--stack", "dev", "--json").stdout)
    assert Path(answer["file"]).is_relative_to(home)
    assert Path(answer["file"]).read_bytes() == out.read_bytes()


def test_destroy_prompts_first_and_does_nothing_when_there_is_nothing(meshfleet: Command, home: Path) -> None:
    assert meshfleet("destroy").exit_code == 2
    assert meshfleet("destroy", "--stack", "dev", typed="n\n").exit_code == 1
    result = meshfleet("destroy", "--stack", "dev", "--yes")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "nothing to destroy\n"
    result = meshfleet("destroy", "--all", "--yes", "--json")
    assert json.loads(result.stdout) == {"ok": True, "removed": []}
    assert not home.exists()


def test_checking_and_rendering_start_without_the_engines_libraries(home: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from meshfleet.cli.command import app\n"
        "def run(*arguments):\n"
        "    try: app(arguments)\n"
        "    except SystemExit as end: assert end.code == 0\n"
        "run('validate', '--stack', 'dev')\n"
        "run('render', '--stack', 'dev', '--out', sys.argv[1])\n"
        "run('graph', '--stack', 'dev', '--out', sys.argv[1] + '.svg')\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "out")],
        cwd=ROOT,
        env={"PATH": os.defpath, "MESHFLEET_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    loaded = set(json.loads(found.stdout.splitlines()[-1].replace("'", '"')))
    assert not loaded & {"pulumi", "pulumi_kubernetes", "grpc", "google", "lightkube", "httpx2", "cryptography"}
    # Of the locks, the tables and the processes of other commands neither.
    assert not loaded & {"filelock", "rich", "psutil"}
    assert not home.exists()


def test_main_is_what_pyproject_calls_meshfleet() -> None:
    assert CliRunner().invoke(app, ["--help"]).exit_code == 0
    assert 'meshfleet = "meshfleet.cli.entry_point:main"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize(("of", "key"), [("status", "clusters"), ("stack", "config")])
def test_a_schema_is_the_only_thing_on_standard_output(
    meshfleet: Command, of: str, key: str, options: list[str]
) -> None:
    result = meshfleet("schema", of, *options)
    assert (result.exit_code, result.stderr) == (0, "")
    schema = json.loads(result.stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert key in schema["properties"]
    assert result.stdout == (ROOT / "docs" / "schemas" / f"{of}.json").read_text(encoding="utf-8")


def test_a_schema_of_nothing_that_there_is_exits_2(meshfleet: Command) -> None:
    result = meshfleet("schema", "fleet")
    assert result.exit_code == 2
    assert "'status', 'stack'" in result.stderr
