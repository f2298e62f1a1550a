"""A support bundle of a fleet that is half dead: what answers is in it, and no secret is."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator

import pytest

from meshfleet.testing import FleetUnderTest, kill
from tests.integration.dev.test_secrecy import leaks, secrets

pytestmark = pytest.mark.proof("a support bundle holds what is needed and no secret", step=3)

__all__ = ["secrets"]


@pytest.fixture(scope="module")
def members(dev_fleet: FleetUnderTest, secrets: dict[str, bytes]) -> Iterator[dict[str, bytes]]:
    """The members of a bundle, made while the API server of `east` and the istiod of `west` are dead."""
    sandbox, out = dev_fleet.sandbox, dev_fleet.sandbox.folder / "bundle.tar.gz"
    assert secrets, "taken while every API server still responds"
    kill(sandbox.program("dev", "clusters/east", "kube-apiserver"))
    kill(sandbox.program("dev", "istiods/west.default", "pilot-discovery"))
    try:
        told = sandbox.meshfleet("collect", "--stack", "dev", "--out", str(out), "--seconds", "2", "--json").report
        assert told["ok"]
        with tarfile.open(fileobj=io.BytesIO(out.read_bytes())) as archive:
            yield {
                member.name.partition("/")[2]: file.read()
                for member in archive
                if (file := archive.extractfile(member))
            }
    finally:
        sandbox.meshfleet("up", "--stack", "dev")


def test_what_answers_is_there_and_what_does_not_is_in_the_manifest(members: dict[str, bytes]) -> None:
    missing = json.loads(members["MANIFEST.json"])["missing"]
    assert set(members) >= {
        *("versions.json", "toolchain.json", "stack-file.yaml", "state.json", "processes.json", "status.json"),
        *("verify.json", "clusters/host/events.json", "clusters/west/pods.json"),
        *(f"istiods/host.default/{page}.json" for page in ("syncz", "clusterz", "networkz", "endpointShardz")),
    }
    assert not json.loads(members["verify.json"])["ok"]
    assert {"clusters/east", "istiods/west.default/syncz"} <= set(missing)
    logs = [name for name in members if name.startswith("logs/")]
    assert {name.rpartition("/")[2] for name in logs} >= {"istiod.log", "kube-apiserver.log", "etcd.log"}
    assert json.loads(members["clusters/host/events.json"])


def test_no_member_holds_a_secret_of_the_fleet(
    members: dict[str, bytes], dev_fleet: FleetUnderTest, secrets: dict[str, bytes]
) -> None:
    passphrase = (dev_fleet.sandbox.home / "passphrase").read_bytes().strip()
    assert len(members) > 20
    assert leaks(secrets, members.items()) == []
    assert [name for name, text in members.items() if passphrase in text] == []
