"""User data: what cloud-init is told to do on a new machine."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from meshfleet.manifests.bundle import FILES
from meshfleet.manifests.cloud_init import HEAD, PLACES, user_data

pytestmark = pytest.mark.proof("virtual machines: user data that sets a new one up", step=0)

CONTENT = {name: f"first line of {name}\nsecond: '$(id)' \"quoted\"\n" for name in FILES}
DEBIAN, RED_HAT = "https://packages.example/istio-sidecar.deb", "https://packages.example/a/istio-sidecar-1.31.rpm"


def read(text: str) -> dict[str, Any]:
    assert text.startswith("#cloud-config\n")
    found: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return found


def test_every_file_waits_for_the_package_where_only_root_reads_it_and_then_goes_to_its_place() -> None:
    found = read(user_data(CONTENT))
    written = {file["path"]: file for file in found["write_files"]}
    for name, place in PLACES.items():
        file = written[f"/var/lib/meshfleet/{name}"]
        assert (file["owner"], file["permissions"], file["content"]) == ("root:root", "0600", CONTENT[name])
        moved = [command for command in found["runcmd"] if command[-1] == place]
        assert [command[-2] for command in moved] == [file["path"]]
    assert written["/etc/hosts"] == {"path": "/etc/hosts", "append": True, "content": CONTENT["hosts"]}
    # Else the line would be gone at the next start.
    assert found["manage_etc_hosts"] is False


def test_the_places_are_those_of_istios_documentation() -> None:
    assert PLACES == {
        "root-cert.pem": "/etc/certs/root-cert.pem",
        "istio-token": "/var/run/secrets/tokens/istio-token",
        "cluster.env": "/var/lib/istio/envoy/cluster.env",
        "mesh.yaml": "/etc/istio/config/mesh",
    }


def test_no_command_is_read_by_a_shell() -> None:
    for package in ("", DEBIAN, RED_HAT):
        commands = read(user_data(CONTENT, package))["runcmd"]
        assert all(isinstance(command, list) for command in commands)
        assert all(isinstance(part, str) for command in commands for part in command)


@pytest.mark.parametrize(
    ("package", "program"),
    [(DEBIAN, ["apt-get", "install", "--assume-yes"]), (RED_HAT, ["dnf", "install", "--assumeyes"])],
)
def test_a_package_is_fetched_by_https_alone_and_installed_before_anything_is_put_in_its_place(
    package: str, program: list[str]
) -> None:
    found = read(user_data(CONTENT, package))
    fetched, installed, *others = found["runcmd"]
    assert found["packages"] == ["curl"]
    assert fetched[0] == "curl"
    assert fetched[-1] == package
    assert "=https" in fetched
    assert installed == [*program, fetched[-2]]
    assert others[-1] == ["systemctl", "enable", "--now", "istio"]
    # The token does not stay where nobody needs it.
    assert others[-2] == ["rm", "--recursive", "/var/lib/meshfleet"]


def test_without_a_package_it_comes_from_the_package_sources_of_the_machine() -> None:
    found = read(user_data(CONTENT))
    assert found["packages"] == ["istio-sidecar"]
    assert [command for command in found["runcmd"] if command[0] == "curl"] == []


@given(st.text(st.characters(codec="utf-8")))
def test_whatever_a_file_holds_is_what_is_written(text: str) -> None:
    found = read(user_data(CONTENT | {"mesh.yaml": text}))
    assert text in [file["content"] for file in found["write_files"]]
    assert user_data(CONTENT | {"mesh.yaml": text}).startswith(HEAD)
