"""The shared process of a command's plugins: there while the command works, and gone with it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import psutil
import pytest

from meshfleet.automation.checkout import Checkout
from meshfleet.automation.engine.environment import Environment
from meshfleet.automation.engine.shared_plugins import VARIABLE, shared_plugins
from meshfleet.testing import settled
from tests.automation.stack_files import ROOT

pytestmark = pytest.mark.proof("plugins start quickly, speak plainly and never outlive the engine", step=0)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary folder of a stack that is held."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def environment(folder: Path, notice: str) -> Environment:
    return Environment(Checkout(ROOT, folder / "home"), {}, folder / "tools", notice)


@pytest.mark.parametrize(
    ("notice", "packages"),
    [("", {"meshfleet"}), ("it stands in", {"meshfleet", "kubernetes"})],
    ids=["official", "stand-in"],
)
def test_plugins_find_it_while_it_is_there_and_nothing_is_left_of_it(
    notice: str, packages: set[str], tmp_path: Path, temporary: Path
) -> None:
    with shared_plugins(environment(tmp_path, notice)):
        assert os.environ[VARIABLE] == str(temporary)
        assert {path.name for path in temporary.iterdir()} == packages
        processes = psutil.Process().children()
        # A process that has only just begun to be another program has no line yet.
        assert settled(lambda: all(process.cmdline() for process in processes), 10)
        assert {process.cmdline()[3] for process in processes} == packages
        # What the engine makes of it, with the plugin that is in every checkout.
        script = ROOT / "meshfleet" / "plugins" / "meshfleet" / "pulumi-resource-meshfleet"
        with subprocess.Popen([script, "127.0.0.1:1"], stdout=subprocess.PIPE, text=True) as plugin:
            assert plugin.stdout is not None
            assert int(plugin.stdout.readline()) > 0
            assert str(ROOT / "meshfleet" / "plugins" / "attach.py") in psutil.Process(plugin.pid).cmdline()
            plugin.kill()
    assert VARIABLE not in os.environ
    assert not any(process.is_running() for process in processes)
    assert list(temporary.iterdir()) == []


def test_where_the_address_is_too_long_for_a_socket_plugins_are_processes_of_their_own(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = temporary / ("long" * 30)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with shared_plugins(environment(tmp_path, "")):
        assert psutil.Process().children() == []


def test_an_exception_ends_it_too(tmp_path: Path, temporary: Path) -> None:
    with pytest.raises(KeyError), shared_plugins(environment(tmp_path, "")):
        raise KeyError
    assert VARIABLE not in os.environ
    assert psutil.Process().children() == []
