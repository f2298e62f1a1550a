"""No private key, token or kubeconfig credential is in plain text where it does not belong.

The secrets looked for are the fleet's real ones, as they are and in base64 at every alignment, and besides
whatever looks like a private key or a token.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from meshfleet.testing import FleetUnderTest
from tests.integration.dev import CLUSTERS

pytestmark = pytest.mark.proof("no key, token or kubeconfig in plain text in state, logs or output", step=3)

PRIVATE_KEY = re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----")
TOKEN = re.compile(rb"eyJ[A-Za-z0-9_-]{16,}\.eyJ[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}")
# The same words in base64, in the alignment they have at the start of a text.
ENCODED_KEY = re.compile(b"|".join(
    re.escape(base64.b64encode(f"-----BEGIN {kind}PRIVATE".encode())[:-4]) for kind in ("", "EC ", "RSA ")
))  # fmt: skip
SHAPES = {"a private key": PRIVATE_KEY, "a private key in base64": ENCODED_KEY, "a token": TOKEN}


@pytest.fixture(scope="module")
def secrets(dev_fleet: FleetUnderTest) -> dict[str, bytes]:
    """The fleet's secrets by what they are: taken from the clusters and, the root's key, from the state."""
    sandbox = dev_fleet.sandbox
    status = sandbox.meshfleet("status", "--stack", "dev", "--json").report
    found: dict[str, bytes] = {}
    for cluster in status["clusters"]:
        name = cluster["name"]
        kubeconfig = Path(cluster["kubeconfig"]).read_text(encoding="utf-8")
        (encoded,) = re.findall(r'client-key-data"?: *"?([A-Za-z0-9+/=]+)', kubeconfig)
        found[f"client key of {name}"] = base64.b64decode(encoded)
        for secret, key in (
            ("cacerts", "ca-key.pem"),
            ("istio-reader-service-account-istio-remote-secret-token", "token"),
        ):
            data = sandbox.kubectl(
                "dev", name, "get", "secret", secret, "--namespace", "istio-system", "-o", "json"
            ).report["data"]
            found[f"{key} of {secret} in {name}"] = base64.b64decode(data[key])
    exported = sandbox.run(
        ["env", "pulumi", "stack", "export", "--stack", "dev", "--show-secrets"], more=sandbox.exports()
    )
    keys = re.findall(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[A-Za-z0-9+/=]|\\+n)+", exported.out)
    for number, key in enumerate(sorted(set(keys))):
        found[f"private key {number} of the state"] = re.sub(r"\\+n", "\n", key).encode()
    assert len(keys) >= 1 + len(CLUSTERS)
    return found


def forms(secret: bytes) -> Iterator[bytes]:
    """The part that gives a secret away, in plain and in base64 at each of the three alignments."""
    lines = [line for line in secret.splitlines() if line and not line.startswith(b"-----")]
    # Any one line of a key is too much; the first line of one is mostly its algorithm.
    core = lines[min(1, len(lines) - 1)]
    yield core
    whole = secret.strip()
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + whole)
        yield encoded[60:120]


def leaks(secrets: dict[str, bytes], texts: Iterable[tuple[str, bytes]]) -> list[str]:
    """Which secret is where."""
    wanted = {name: tuple(forms(secret)) for name, secret in secrets.items()}
    found = []
    for place, text in texts:
        found += [f"{name} in {place}" for name, shapes in wanted.items() if any(s in text for s in shapes)]
        found += [f"{name} in {place}" for name, shape in SHAPES.items() if shape.search(text)]
    return found


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file with its content, unpacked where it is compressed."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            yield str(path), gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def test_the_search_finds_a_secret_that_is_there(dev_fleet: FleetUnderTest, secrets: dict[str, bytes]) -> None:
    kubeconfigs = dev_fleet.sandbox.home / "fleets" / "dev" / "kubeconfigs"
    found = leaks(secrets, files(kubeconfigs))
    for cluster in CLUSTERS:
        assert f"client key of {cluster} in {kubeconfigs / cluster}.yaml" in found
    packed = base64.b64encode(b"x" + b'{"token": "' + secrets[next(n for n in secrets if "token" in n)] + b'"}')
    assert leaks(secrets, [("a text", packed)])


def test_the_state_its_history_and_its_backups_hold_no_secret_in_plain(
    dev_fleet: FleetUnderTest, secrets: dict[str, bytes]
) -> None:
    state = list(files(dev_fleet.sandbox.home / "state"))
    assert any(path.endswith("dev.json") for path, _ in state)
    assert leaks(secrets, state) == []


def test_nothing_a_command_says_holds_a_secret(dev_fleet: FleetUnderTest, secrets: dict[str, bytes]) -> None:
    sandbox = dev_fleet.sandbox
    for command in ("up", "preview", "status", "verify", "drift"):
        for form in ((), ("--json",)):
            sandbox.meshfleet(command, "--stack", "dev", *form)
    sandbox.meshfleet("graph", "--stack", "dev", "--out", str(sandbox.folder / "dev.svg"))
    out = sandbox.folder / "rendered"
    sandbox.meshfleet("render", "--stack", "dev", "--out", str(out))
    # The first one is the `up` that brought the fleet up.
    said = [(text.partition("\n")[0], text.encode()) for text in sandbox.printed]
    drawn = [("dev.svg", (sandbox.folder / "dev.svg").read_bytes())]
    assert leaks(secrets, [*said, *drawn, *files(out)]) == []


def test_the_event_stream_of_the_engine_holds_no_secret(dev_fleet: FleetUnderTest, secrets: dict[str, bytes]) -> None:
    sandbox, events = dev_fleet.sandbox, dev_fleet.sandbox.folder / "events.json"
    # Something to do, so that the stream has changes in it and not only what stays.
    sandbox.kubectl("dev", "east", "delete", "secret", "istio-remote-secrets", "--namespace", "istio-system")
    # The Automation API, and with it the command, reads the engine's events through this option.
    shell = sandbox.exports() | {"PULUMI_DEBUG_COMMANDS": "true"}
    copy = sandbox.home / "fleets" / "dev" / "Pulumi.dev.yaml"
    command = ["env", "pulumi", "up", "--stack", "dev", "--yes", "--refresh", "--json", "--non-interactive"]
    told = sandbox.run([*command, "--config-file", str(copy), "--event-log", str(events)], more=shell)
    stream = events.read_bytes()
    operations = {
        json.loads(line).get("resOutputsEvent", {}).get("metadata", {}).get("op") for line in stream.splitlines()
    }
    assert "create" in operations
    assert leaks(secrets, [("events", stream), ("output", told.out.encode()), ("errors", told.err.encode())]) == []


def test_no_log_holds_a_secret(dev_fleet: FleetUnderTest, secrets: dict[str, bytes]) -> None:
    logs = [(path, text) for path, text in files(dev_fleet.sandbox.home) if ".log" in Path(path).name]
    assert {Path(path).name for path, _ in logs} >= {"istiod.log", "kube-apiserver.log", "etcd.log"}
    assert leaks(secrets, logs) == []


def test_every_file_that_holds_a_secret_is_its_owners_alone_in_private_folders(
    dev_fleet: FleetUnderTest, secrets: dict[str, bytes]
) -> None:
    home = dev_fleet.sandbox.home
    holders = {Path(found.rpartition(" in ")[2]) for found in leaks(secrets, files(home / "fleets"))}
    assert {path.name for path in holders} >= {"kubeconfig", "ca-key.pem", "admin.key"}
    holders.add(home / "passphrase")
    open_to_others: list[Any] = [
        (path, oct(stat.S_IMODE(path.stat().st_mode))) for path in sorted(holders) if path.stat().st_mode & 0o077
    ]
    folders = {parent for path in holders for parent in path.parents if parent.is_relative_to(home)}
    open_to_others += [
        (path, oct(stat.S_IMODE(path.stat().st_mode))) for path in sorted(folders) if path.stat().st_mode & 0o077
    ]
    assert open_to_others == []
