"""How the engine is set up, and how what it leaves is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.containers import remains
from meshfleet.containers.daemon_settings import daemon_settings, network_arguments
from meshfleet.containers.engine import Engine, find_engine
from meshfleet.containers.machine_settings import Machine
from meshfleet.containers.place import Place
from meshfleet.containers.remains import cgroups_of, contained_processes, mounts_below, remove_root
from meshfleet.errors import ContainersError
from meshfleet.workspace.cache import Cache

pytestmark = pytest.mark.proof("an engine of containers that leaves no trace", step=0)

PLACE = Place(Path("/cache/containers"))


def test_nothing_of_the_machine_s_network_is_touched() -> None:
    settings = daemon_settings(PLACE, restricted=True)
    off = {name: settings[name] for name in ("iptables", "ip6tables", "ip-forward", "ip-masq")}
    assert off == dict.fromkeys(off, False)
    assert settings["bridge"] == "none"
    assert "com.docker.network.bridge.enable_ip_masquerade=false" in network_arguments(PLACE)
    assert f"com.docker.network.bridge.name={PLACE.bridge}" in network_arguments(PLACE)
    # IFNAMSIZ, with the closing zero.
    assert len(PLACE.bridge) < 16


def test_no_socket_of_the_network_and_no_folder_but_its_own() -> None:
    settings = daemon_settings(PLACE, restricted=False)
    assert settings["hosts"] == ["unix:///cache/containers/engine/docker.sock"]
    assert {settings["data-root"], settings["exec-root"]} == {
        "/cache/containers/engine/data",
        "/cache/containers/engine/exec",
    }
    assert settings["pidfile"].startswith("/cache/containers/engine/")


def test_containers_are_in_one_place_whoever_starts_the_engine() -> None:
    # https://docs.docker.com/reference/cli/dockerd/#default-cgroup-parent
    assert daemon_settings(PLACE, restricted=False)["cgroup-parent"] == f"/{PLACE.identity}"


def test_only_a_machine_without_the_capability_gets_the_other_runtime() -> None:
    assert "default-runtime" not in daemon_settings(PLACE, restricted=False)
    assert daemon_settings(PLACE, restricted=True)["default-runtime"] == "restricted"


def test_programs_see_this_engine_and_no_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("KIND_EXPERIMENTAL_PROVIDER", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "https_proxy", "KUBECONFIG"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("DOCKER_HOST", "tcp://elsewhere.test")
    engine = find_engine(Cache(tmp_path))
    environment = engine.environment()
    assert environment["DOCKER_HOST"] == f"unix://{tmp_path}/containers/engine/docker.sock"
    assert "x" not in environment.values()
    first, second, *_ = environment["PATH"].split(":")
    assert Path(first) == engine.kind.parent
    assert Path(second) == engine.programs / "usr/sbin"


def test_the_daemon_has_no_folder_of_the_command_that_starts_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("TMPDIR", "HOME", "DOCKER_TMPDIR", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, "/a/fleet/that/is/destroyed")
    engine = find_engine(Cache(tmp_path))
    environment = engine._daemon_environment()
    assert "/a/fleet/that/is/destroyed" not in environment.values()
    assert Path(environment["TMPDIR"]).parent == Path(environment["HOME"]) == engine.place.engine


def test_two_caches_are_two_identities() -> None:
    one, other = Place(Path("/a")), Place(Path("/b"))
    assert one.identity != other.identity
    assert one.bridge != other.bridge
    assert one == Place(Path("/a"))


def test_without_root_no_engine_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshfleet.containers.engine.os.geteuid", lambda: 1000)
    engine = Engine(Place(tmp_path), tmp_path, tmp_path, Machine(tmp_path, tmp_path / "notes"))
    with pytest.raises(ContainersError, match="needs root"):
        engine.start()
    assert not list(tmp_path.iterdir())


def test_stop_of_an_engine_that_never_was_does_nothing(tmp_path: Path) -> None:
    boot = tmp_path / "proc/sys/kernel/random/boot_id"
    boot.parent.mkdir(parents=True)
    boot.write_text("x\n")
    Engine(Place(tmp_path / "place"), tmp_path, tmp_path, Machine(tmp_path, tmp_path / "notes")).stop()
    assert not (tmp_path / "place").exists()


def test_mounts_of_the_engine_alone_are_found_deepest_first() -> None:
    text = "\n".join(
        f"{number} 1 0:1 / {point} rw - ext4 /dev/vda rw"
        for number, point in enumerate(
            [
                "/",
                "/cache/engine/data",
                "/cache/engine/data/overlay2/a\\040b/merged",
                "/cache/engineer",
                "/cache/engine",
            ]
        )
    )
    found = mounts_below(Path("/cache/engine"), text)
    assert found == ["/cache/engine/data/overlay2/a b/merged", "/cache/engine/data"]


@given(text=st.text())
def test_any_text_in_place_of_mounts_is_read(text: str) -> None:
    assert isinstance(mounts_below(Path("/cache/engine"), text), list)


@pytest.mark.parametrize(
    "hierarchies",
    [["."], ["cpu", "memory", "systemd"], ["cpu", "memory/user.slice/session-1.scope"]],
    ids=["version 2", "version 1", "of an engine that was started in a session"],
)
def test_processes_of_containers_are_found_in_every_hierarchy(tmp_path: Path, hierarchies: list[str]) -> None:
    wanted = set()
    for number, name in enumerate(hierarchies):
        ours = tmp_path / name / PLACE.identity / "abc/kubelet.slice"
        ours.mkdir(parents=True)
        (ours / "cgroup.procs").write_text(f"{100 + number}\n0\n{200 + number}\n")
        wanted |= {100 + number, 200 + number}
        other = tmp_path / name / "docker/def"
        other.mkdir(parents=True)
        (other / "cgroup.procs").write_text("1\n")
    assert contained_processes(PLACE.identity, tmp_path) == wanted
    assert len(cgroups_of(PLACE.identity, tmp_path)) == len(hierarchies)


def test_iptables_of_the_cache_finds_its_own_libraries(tmp_path: Path) -> None:
    libraries = tmp_path / "usr/lib/x86_64-linux-gnu"
    libraries.mkdir(parents=True)
    engine = Engine(PLACE, tmp_path, tmp_path)
    assert engine._libraries() == {"LD_LIBRARY_PATH": str(libraries), "XTABLES_LIBDIR": f"{libraries}/xtables"}
    assert not set(engine._libraries()) & set(engine.environment())


def test_a_root_with_anything_mounted_in_it_is_never_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "root"
    (root / "proc").mkdir(parents=True)
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"1 1 0:1 / {root}/proc rw - proc proc rw\n")
    monkeypatch.setattr(remains, "_MOUNTS", mounts)
    with pytest.raises(ContainersError, match=r"proc: is mounted, so .* is not removed"):
        remove_root(root)
    assert root.is_dir()
    mounts.write_text("")
    remove_root(root)
    remove_root(root)
    assert not root.exists()
