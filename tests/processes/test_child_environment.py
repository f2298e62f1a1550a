"""No program that is started sees a setting of the shell that was not chosen for it."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from meshfleet.processes import child_environment
from meshfleet.processes.child_environment import (
    chart_environment,
    client_environment,
    download_environment,
    engine_environment,
    system_environment,
)
from tests.processes.hostile_shell import HOSTILE
from tests.syntax_trees import nodes

pytestmark = pytest.mark.proof("programs see a chosen environment, whatever the shell has", step=0)

ROOT = Path(__file__).parents[2]
ROOMS = ("meshfleet", "components", "scripts", "docs")
STARTS = {"run", "Popen", "call", "check_call", "check_output"}
EVERY: tuple[Callable[[], dict[str, str]], ...] = (
    system_environment,
    client_environment,
    engine_environment,
    download_environment,
    lambda: chart_environment("api.example"),
)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell full of settings."""
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("shell")
@pytest.mark.parametrize("chosen", EVERY)
def test_what_is_not_listed_passes_to_no_program(chosen: object) -> None:
    assert callable(chosen)
    found = chosen()
    passed = {name for name in HOSTILE if name in found}
    assert passed <= {"https_proxy", "HTTPS_PROXY", "all_proxy"}
    assert found["PATH"]
    # Past a proxy go connections on this machine, in either spelling.
    if passed:
        assert all(
            {"localhost", "127.0.0.1", "::1"} <= set(found[name].split(",")) for name in ("no_proxy", "NO_PROXY")
        )


@pytest.mark.usefixtures("shell")
def test_clients_and_tools_of_the_system_know_no_proxy() -> None:
    assert not {name for name in (*system_environment(), *client_environment()) if name.lower().endswith("_proxy")}
    assert "api.example" in chart_environment("api.example")["no_proxy"].split(",")


def test_what_is_documented_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "PULUMI_BACKEND_URL",
        "PULUMI_ACCESS_TOKEN",
        "PULUMI_CONFIG_PASSPHRASE",
        "AWS_PROFILE",
        "AZURE_TENANT",
    ):
        monkeypatch.setenv(name, "x")
        assert engine_environment()[name] == "x"
    for name in ("GOPROXY", "PIP_INDEX_URL", "GOMODCACHE"):
        monkeypatch.setenv(name, "x")
        assert download_environment()[name] == "x"
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "x")
    assert client_environment()["GOOGLE_APPLICATION_CREDENTIALS"] == "x"
    assert client_environment({"A": "b"})["A"] == "b"
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "corp.example")
    assert engine_environment()["NO_PROXY"] == "corp.example,localhost,127.0.0.1,::1"


@pytest.mark.usefixtures("shell")
def test_go_collects_garbage_as_suits_each_program_whatever_the_shell_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOGC", "1")
    assert client_environment()["GOGC"] == chart_environment("api.example")["GOGC"] == "400"
    assert engine_environment()["GOGC"] == "200"
    assert "GOGC" not in {**system_environment(), **download_environment()}


def test_a_command_and_a_plugin_are_rid_of_the_rest_themselves() -> None:
    program = (
        "import json, os; from meshfleet.processes.child_environment import clean_command, clean_plugin; "
        "clean_plugin(); plugin = dict(os.environ); clean_command(); print(json.dumps([plugin, dict(os.environ)]))"
    )
    variables = {
        **{name: value for name, value in HOSTILE.items() if not name.startswith(("LD_", "PYTHON"))},
        "PATH": os.defpath,
        "PULUMI_RUNTIME_X": "said by the engine",
    }
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=variables, capture_output=True, text=True, check=True, timeout=60
    )
    plugin, command = json.loads(done.stdout)
    assert "HELM_KUBEAPISERVER" not in plugin
    assert plugin["PULUMI_RUNTIME_X"] == "said by the engine"
    assert not {"HELM_KUBEAPISERVER", "KUBECONFIG", "PULUMI_EXPERIMENTAL", "PULUMI_RUNTIME_X", "GOFLAGS"} & set(command)


def test_every_start_of_a_program_names_its_environment() -> None:
    starts = list(_starts())
    assert len(starts) >= 10
    assert [f"{path}:{line}" for path, line, given in starts if not given] == []


def test_nothing_hands_its_own_environment_on() -> None:
    """As a whole: `os.environ` is read by name elsewhere, and copied by the one module that chooses."""
    own = Path(child_environment.__file__).relative_to(ROOT)
    copied = [
        f"{path}: {ast.unparse(node)}"
        for path in _sources()
        if path != own and path.parts[:2] != ("meshfleet", "testing")
        for node in nodes(ROOT / path)
        if _copies_environment(node)
    ]
    assert copied == []


def _starts() -> Iterator[tuple[Path, int, bool]]:
    for path in _sources():
        for node in nodes(ROOT / path):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            module = node.func.value
            if isinstance(module, ast.Name) and module.id == "subprocess" and node.func.attr in STARTS:
                yield path, node.lineno, any(keyword.arg == "env" for keyword in node.keywords)


def _copies_environment(node: ast.AST) -> bool:
    def whole(part: ast.AST | None) -> bool:
        return isinstance(part, ast.Attribute) and part.attr == "environ"

    match node:
        case ast.Dict():
            return any(key is None and whole(value) for key, value in zip(node.keys, node.values, strict=True))
        case ast.BinOp():
            return whole(node.left) or whole(node.right)
        case ast.Call():
            if isinstance(node.func, ast.Name):
                return node.func.id == "dict" and any(map(whole, node.args))
            return isinstance(node.func, ast.Attribute) and node.func.attr == "copy" and whole(node.func.value)
        case ast.keyword():
            return node.arg == "env" and whole(node.value)
    return False


def _sources() -> Iterator[Path]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield path.relative_to(ROOT)
