"""Which Kubernetes plugin a checkout gets: the official one wherever it can be had, else the stand-in."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest

from meshfleet.automation.checkout import Checkout
from meshfleet.automation.engine import kubernetes_plugin
from meshfleet.automation.engine.kubernetes_plugin import NAME, KubernetesPlugin, install
from meshfleet.errors import EngineError, FileError
from meshfleet.workspace.project_folder import CODE

pytestmark = pytest.mark.proof("the official Kubernetes plugin is used wherever it can be had", step=0)

WANTED = f"resource-kubernetes-v{version('pulumi-kubernetes')}"
OFFICIAL = b"\x7fELF the official one"
Script = Callable[[Path, str], Path]


@pytest.fixture(autouse=True)
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a user who has no plugin."""
    monkeypatch.delenv("PULUMI_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    return tmp_path / "user"


@pytest.fixture
def variables(tmp_path: Path, checkout: Checkout) -> dict[str, str]:
    return {
        "PATH": f"{tmp_path / 'tools'}{os.pathsep}{os.defpath}",
        "PULUMI_HOME": str(checkout.pulumi_home),
    }


@pytest.fixture
def pulumi(tmp_path: Path, script: Script) -> Callable[..., Path]:
    """A `pulumi` that does as the text says and lists one plugin; it notes its arguments in the returned file."""

    def make(text: str, listed: str = WANTED) -> Path:
        calls = tmp_path / "calls"
        kind, name, number = listed.replace("-v", "-").split("-")
        answer = json.dumps([{"kind": kind, "name": name, "version": number}])
        listing = f"[ \"$2\" != ls ] || {{ echo '{answer}'; exit; }}"
        script(tmp_path / "tools" / "pulumi", f'echo "$@" >> "{calls}"\n{listing}\n{text}')
        return calls

    return make


@pytest.fixture
def python(tmp_path: Path, script: Script) -> Path:
    """A Python that says what it was asked, in a place that a shell would stumble over."""
    return script(tmp_path / "it's a $HOME" / "python", 'echo "$PYTHONPATH|$*"')


def put(folder: Path, content: bytes = OFFICIAL) -> Path:
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(content)
    (folder / NAME).chmod(0o755)
    return folder


@dataclass
class Publisher:
    """The toolchain, in which the plugin is at `program` once it has been downloaded, if it can be."""

    program: Path
    downloads: int = 0
    available: bool = True
    present: bool = False

    def __call__(self, *, fetch: bool) -> Path | None:
        if fetch and not self.present:
            self.downloads += 1
            self.present = self.available
        return self.program if self.present else None


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    return Publisher(put(tmp_path / "toolchain" / "plugin") / NAME)


def official(plugin: KubernetesPlugin) -> bool:
    return plugin.official and plugin.notice == "" and (plugin.folder / NAME).read_bytes() == OFFICIAL


def test_the_one_the_user_has_is_taken_without_a_download(
    checkout: Checkout,
    user: Path,
    variables: dict[str, str],
    pulumi: Callable[..., Path],
    python: Path,
    publisher: Publisher,
) -> None:
    pulumi("exit 1")
    theirs = put(user / ".pulumi" / "plugins" / WANTED)
    plugin = install(checkout, python, variables, publisher)
    assert official(plugin)
    assert plugin.folder == checkout.pulumi_home / "plugins" / WANTED
    assert (plugin.folder / NAME).resolve() == (theirs / NAME).resolve()
    assert not plugin.folder.is_symlink()
    assert publisher.downloads == 0


def test_a_pulumi_home_of_the_user_is_looked_at_first(
    checkout: Checkout,
    tmp_path: Path,
    user: Path,
    variables: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    python: Path,
) -> None:
    put(user / ".pulumi" / "plugins" / WANTED, b"\x7fELF another")
    put(tmp_path / "theirs" / "plugins" / WANTED)
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "theirs"))
    assert official(install(checkout, python, variables))


def test_a_script_in_the_users_home_is_no_official_plugin(
    checkout: Checkout, user: Path, variables: dict[str, str], pulumi: Callable[..., Path], python: Path
) -> None:
    pulumi("exit 1")
    put(user / ".pulumi" / "plugins" / WANTED, b"#!/bin/sh\n")
    assert not install(checkout, python, variables).official


def test_the_published_one_is_downloaded_once(
    checkout: Checkout, variables: dict[str, str], pulumi: Callable[..., Path], python: Path, publisher: Publisher
) -> None:
    calls = pulumi("exit 1")
    for _ in range(2):
        plugin = install(checkout, python, variables, publisher)
        assert official(plugin)
        assert (plugin.folder / NAME).resolve() == publisher.program.resolve()
    assert publisher.downloads == 1
    assert calls.read_text(encoding="utf-8").splitlines() == ["plugin ls --json --non-interactive"]


def test_the_stand_in_gives_way_once_the_toolchain_has_the_published_one(
    checkout: Checkout, variables: dict[str, str], pulumi: Callable[..., Path], python: Path, publisher: Publisher
) -> None:
    pulumi("exit 1")
    publisher.available = False
    for _ in range(2):
        assert not install(checkout, python, variables, publisher).official
    assert publisher.downloads == 1
    publisher.present = True
    assert official(install(checkout, python, variables, publisher))


def test_where_it_cannot_be_downloaded_the_stand_in_takes_its_place_and_says_so(
    tmp_path: Path,
    checkout: Checkout,
    variables: dict[str, str],
    pulumi: Callable[..., Path],
    python: Path,
) -> None:
    pulumi("exit 1")
    plugin = install(checkout, python, variables)
    assert not plugin.official
    assert "using meshfleet's own Kubernetes plugin" in plugin.notice
    assert "\n" not in plugin.notice
    program = plugin.folder / NAME
    assert program.stat().st_mode & 0o777 == 0o700
    said = subprocess.run([program, "127.0.0.1:1"], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout == f"{CODE}|-m meshfleet.plugins.kubernetes 127.0.0.1:1\n"
    with socket.socket(socket.AF_UNIX) as shared:
        shared.bind(str(tmp_path / "kubernetes"))
    found = os.environ | {"MESHFLEET_PLUGINS": str(tmp_path)}
    said = subprocess.run([program, "127.0.0.1:1"], env=found, capture_output=True, text=True, check=True, timeout=60)
    attach = f"-I -S {CODE}/meshfleet/plugins/attach.py {tmp_path}/kubernetes {program} 127.0.0.1:1\n"
    assert said.stdout.partition("|")[2] == attach
    assert install(checkout, python, variables) == plugin
    assert sorted(path.name for path in plugin.folder.iterdir()) == [NAME]


def test_a_stand_in_of_another_version_or_place_is_written_anew_and_a_script_of_others_is_left(
    checkout: Checkout, variables: dict[str, str], pulumi: Callable[..., Path], python: Path
) -> None:
    pulumi("exit 1")
    program = install(checkout, python, variables).folder / NAME
    wanted = program.read_text(encoding="utf-8")
    program.write_text(f"#!/bin/sh\n{kubernetes_plugin.STAND_IN}\nexit 1\n", encoding="utf-8")
    install(checkout, python, variables)
    assert program.read_text(encoding="utf-8") == wanted
    theirs = "#!/bin/sh\nexec /elsewhere\n"
    program.write_text(theirs, encoding="utf-8")
    install(checkout, python, variables)
    assert program.read_text(encoding="utf-8") == theirs


def test_without_a_pulumi_the_stand_in_is_there_all_the_same(
    checkout: Checkout, variables: dict[str, str], python: Path, tmp_path: Path
) -> None:
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    assert not install(checkout, python, variables | {"PATH": str(nothing)}).official


def test_the_official_plugin_is_never_replaced(
    checkout: Checkout, variables: dict[str, str], pulumi: Callable[..., Path], python: Path, publisher: Publisher
) -> None:
    pulumi("exit 1")
    put(checkout.pulumi_home / "plugins" / WANTED)
    assert official(install(checkout, python, variables, publisher))
    assert publisher.downloads == 0


def test_one_on_path_is_what_pulumi_uses_so_none_is_installed(
    checkout: Checkout, variables: dict[str, str], pulumi: Callable[..., Path], tmp_path: Path, python: Path
) -> None:
    calls = pulumi("exit 1")
    (put(tmp_path / "bin") / NAME).chmod(0o755)
    plugin = install(checkout, python, variables | {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{variables['PATH']}"})
    assert official(plugin)
    assert not (checkout.pulumi_home / "plugins" / WANTED).exists()
    assert not calls.exists()


def test_the_stand_in_gives_way_once_the_user_has_the_official_plugin(
    checkout: Checkout, user: Path, variables: dict[str, str], pulumi: Callable[..., Path], python: Path
) -> None:
    pulumi("exit 1")
    assert not install(checkout, python, variables).official
    theirs = put(user / ".pulumi" / "plugins" / WANTED)
    assert official(install(checkout, python, variables))
    # And comes back when they remove it: the link that leads nowhere is replaced.
    (theirs / NAME).unlink()
    assert not install(checkout, python, variables).official


def test_a_download_of_the_user_that_has_not_ended_is_not_taken(
    checkout: Checkout, user: Path, variables: dict[str, str], pulumi: Callable[..., Path], python: Path
) -> None:
    pulumi("exit 1")
    theirs = put(user / ".pulumi" / "plugins" / WANTED)
    theirs.with_name(f"{WANTED}.partial").touch()
    assert not install(checkout, python, variables).official


def test_pulumi_is_queried_once_and_again_only_after_a_change(
    checkout: Checkout, user: Path, variables: dict[str, str], pulumi: Callable[..., Path], python: Path
) -> None:
    calls = pulumi("exit 1")
    theirs = put(user / ".pulumi" / "plugins" / WANTED)
    for _ in range(3):
        install(checkout, python, variables)
    assert calls.read_text(encoding="utf-8").splitlines() == ["plugin ls --json --non-interactive"]
    (theirs / NAME).write_bytes(b"\x7fELF a later build")
    install(checkout, python, variables)
    assert len(calls.read_text(encoding="utf-8").splitlines()) == 2


def test_what_pulumi_does_not_list_is_an_error_and_not_a_success(
    checkout: Checkout, variables: dict[str, str], pulumi: Callable[..., Path], python: Path
) -> None:
    pulumi("exit 1", listed="resource-random-v1.0.0")
    with pytest.raises(EngineError, match=r"does not list it .*resource-random-v1\.0\.0.*remove that directory"):
        install(checkout, python, variables)


def test_a_plugins_folder_that_is_a_file_is_refused_in_one_sentence(
    checkout: Checkout, variables: dict[str, str], python: Path
) -> None:
    checkout.pulumi_home.mkdir(parents=True)
    (checkout.pulumi_home / "plugins").touch()
    with pytest.raises(FileError, match="plugins"):
        install(checkout, python, variables)
