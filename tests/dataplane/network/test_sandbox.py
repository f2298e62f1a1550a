"""What a program of a pod can see and do: its own files and processes, as a user of its own, and nothing else."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshfleet.dataplane.network import namespaces
from meshfleet.dataplane.network.sandbox import NET_ADMIN, NET_RAW, Bind, Sandbox, run
from meshfleet.dataplane.network.users import COUNT, EARLIER, FIRST, Users, users_of
from meshfleet.errors import EmbeddedError

pytestmark = [
    pytest.mark.proof("pods are kept apart from each other and from the machine", step=2),
    pytest.mark.root("namespaces"),
]

# Tests of this file run in several processes at once.
NAMESPACE = f"mf-test-{os.getpid()}"
USER = FIRST + 4


@pytest.fixture(scope="module")
def namespace() -> Iterator[str]:
    namespaces.create(NAMESPACE)
    yield NAMESPACE
    namespaces.remove(NAMESPACE)


def did(namespace: str, folder: Path, script: str, *binds: Bind, **more: object) -> str:
    """What a shell in a sandbox prints."""
    top = folder / "top"
    top.mkdir(exist_ok=True)
    settings: dict[str, object] = {"environment": {}, "binds": binds, "groups": [USER], **more}
    done = run(Sandbox(namespace, top, "web-1", USER, "/bin/sh", ["-c", script], **settings))  # type: ignore[arg-type]
    assert done.code == 0, done.err
    return done.out.strip()


def test_a_program_is_its_pods_user_without_any_privilege(namespace: str, tmp_path: Path) -> None:
    found = did(namespace, tmp_path, "id -u; id -g; grep -E '^(Cap|NoNewPrivs)' /proc/self/status | cut -f2; hostname")
    assert found.split() == [str(USER), str(USER), *["0000000000000000"] * 5, "1", "web-1"]


def test_the_writer_of_rules_has_the_right_to_write_rules_and_no_other(namespace: str, tmp_path: Path) -> None:
    script = "grep -E '^CapEff' /proc/self/status | cut -f2"
    found = did(namespace, tmp_path, script, capabilities=[NET_ADMIN, NET_RAW])
    assert int(found, 16) == 1 << NET_ADMIN | 1 << NET_RAW


def test_nothing_of_the_machine_is_seen_but_its_programs(namespace: str, tmp_path: Path) -> None:
    seen = did(namespace, tmp_path, "ls -A /; ls -A /run /tmp /var/").split()
    assert set(seen) <= {"bin", "dev", "etc", "lib", "lib32", "lib64", "proc", "run", "sbin", "tmp", "usr", "var"} | {
        "/run:",
        "/tmp:",
        "/var/:",
    }
    assert did(namespace, tmp_path, "ls -d /root /home /work /run/meshfleet /run/netns /.old 2>/dev/null; true") == ""


def test_it_sees_no_process_but_its_own(namespace: str, tmp_path: Path) -> None:
    numbers = [int(name) for name in did(namespace, tmp_path, "ls /proc").split() if name.isdecimal()]
    assert numbers
    assert max(numbers) < 10


def test_no_environment_but_the_programs_own_reaches_it(
    namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_AGENT", "1")
    found = did(namespace, tmp_path, "env", environment={"OWN": "2"})
    assert "OWN=2" in found
    assert "SECRET" not in found


@pytest.mark.parametrize("name", ["PATH", "LD_PRELOAD", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONSTARTUP", "BASH_ENV"])
def test_no_environment_of_a_pod_reaches_a_process_of_root(name: str, namespace: str, tmp_path: Path) -> None:
    planted = tmp_path / "planted"
    planted.mkdir()
    for program in ("nsenter", "unshare", "python", "sh", "mount", "id"):
        (planted / program).write_text(f"#!/bin/sh\nid -u > {planted}/ran\n", encoding="utf-8")
        (planted / program).chmod(0o755)
    (planted / "sitecustomize.py").write_text(f"open('{planted}/ran', 'w')\n", encoding="utf-8")
    did(namespace, tmp_path, "/usr/bin/id -u", environment={name: str(planted)})
    assert not (planted / "ran").exists()


def test_its_secrets_are_on_no_command_line(tmp_path: Path) -> None:
    sandbox = Sandbox(NAMESPACE, tmp_path, "h", USER, "/bin/sh", ["ARGUMENT-SECRET"], {"A": "SECRET"})
    assert "SECRET" not in " ".join(sandbox.command())
    assert json.loads(sandbox.description())["environment"]["A"] == "SECRET"
    assert "'SECRET'" not in repr(sandbox)


def test_what_it_is_given_to_read_it_cannot_change(namespace: str, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    given.chmod(0o777)
    (given / "f").write_text("kept", encoding="utf-8")
    script = "cat /given/f; echo x > /given/f; rm /given/f; echo y > /usr/y; echo z > /z; echo; echo end"
    assert did(namespace, tmp_path, f"({script}) 2>/dev/null", Bind(given, "/given")).split() == ["kept", "end"]
    assert (given / "f").read_text(encoding="utf-8") == "kept"


def test_a_link_that_a_pod_plants_leads_root_nowhere(namespace: str, tmp_path: Path) -> None:
    outside, own, other = tmp_path / "outside", tmp_path / "own", tmp_path / "other"
    for folder in (outside, own, other):
        folder.mkdir()
    os.chown(own, USER, USER)
    (own / "link").symlink_to(outside)
    (own / "up").symlink_to("/.old")
    top = tmp_path / "top"
    top.mkdir()
    for name in ("link", "up"):
        binds = [Bind(own, "/own", writable=True), Bind(other, f"/own/{name}/made")]
        done = run(Sandbox(namespace, top, "h", USER, "/bin/true", [], {}, binds))
        assert done.code == 125
    assert list(outside.iterdir()) == []


def test_no_path_of_a_mount_leads_upwards(namespace: str, tmp_path: Path) -> None:
    (tmp_path / "top").mkdir()
    binds = [Bind(tmp_path, "/a/../../etc")]
    done = run(Sandbox(namespace, tmp_path / "top", "h", USER, "/bin/true", [], {}, binds))
    assert done.code == 125
    assert "leads upwards" in done.err


def holder(run_folder: Path, name: str) -> Path:
    folder = run_folder / "fleet" / "pods" / "west" / name
    folder.mkdir(parents=True)
    return folder


def test_no_two_pods_have_a_user_in_common(tmp_path: Path) -> None:
    found = [users_of(holder(tmp_path, f"p{number}"), run=tmp_path) for number in range(40)]
    numbers = [number for users in found for number in (users.proxy, users.application)]
    assert len(set(numbers)) == 80
    assert all(FIRST <= number < FIRST + COUNT for number in numbers)


def test_a_pod_keeps_its_users(tmp_path: Path) -> None:
    folder = holder(tmp_path, "p")
    assert users_of(folder, run=tmp_path) == users_of(folder, began_earlier=True, run=tmp_path)


def test_a_pod_of_an_earlier_version_keeps_those_that_its_rules_pass_by(tmp_path: Path) -> None:
    assert users_of(holder(tmp_path, "p"), began_earlier=True, run=tmp_path) == EARLIER == Users(1337, 65534)


def test_a_damaged_number_stops_its_own_pod_alone(tmp_path: Path) -> None:
    damaged = holder(tmp_path, "damaged")
    (damaged / "user").write_text("0", encoding="utf-8")
    with pytest.raises(EmbeddedError, match="names no user of a pod; delete the pod"):
        users_of(damaged, run=tmp_path)
    assert users_of(holder(tmp_path, "other"), run=tmp_path)
