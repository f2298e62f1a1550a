"""Where others read a state too, its secrets have a passphrase that they can have, or nothing is begun."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from meshfleet.automation.checkout import Checkout
from meshfleet.automation.engine.environment import local_backend_of
from meshfleet.automation.state.shared_backend import is_local, require_shared_secrets
from meshfleet.topology import StackFile, TopologyError
from tests.automation.stack_files import Command

pytestmark = pytest.mark.proof("a shared state has no secret that one machine alone knows", step=0)

SHARED = ["s3://bucket", "gs://bucket", "azblob://x", "file:///srv/shared", "file://~/state", "postgres://db"]
NEEDS = ("up", "preview", "verify", "status", "drift", "destroy", "vm list")


@pytest.fixture(autouse=True)
def no_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_BACKEND_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("url", SHARED)
@pytest.mark.parametrize("command", NEEDS)
def test_a_shared_backend_without_a_passphrase_is_refused_before_anything_is_made(
    command: str, url: str, meshfleet: Command, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", url)
    result = meshfleet(*command.split(), "--stack", "dev", *(["--yes"] if command == "destroy" else []))
    assert result.exit_code == 2
    assert "set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE" in result.output
    assert not home.exists()


@pytest.fixture
def stack_file(tmp_path: Path) -> Callable[[str], StackFile]:
    def make(text: str) -> StackFile:
        path = tmp_path / "Pulumi.dev.yaml"
        path.write_text(text + "\nconfig: {}\n", encoding="utf-8")
        return StackFile("dev", path, {})

    return make


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("secretsprovider: awskms://alias/x", True),
        ('secretsprovider: "gcpkms://x"', True),
        ("encryptedkey: abc", True),
        ("secretsprovider: passphrase", False),
        ("secretsprovider: 'passphrase'", False),
        ("encryptionsalt: v1:x", False),
        ("", False),
    ],
)
def test_another_provider_of_secrets_is_as_good(
    text: str, fine: bool, checkout: Checkout, stack_file: Callable[[str], StackFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://bucket")
    if fine:
        require_shared_secrets(checkout, stack_file(text))
    else:
        with pytest.raises(TopologyError):
            require_shared_secrets(checkout, stack_file(text))


@pytest.mark.parametrize("name", ["PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"])
def test_a_passphrase_that_is_given_is_taken(
    name: str, checkout: Checkout, stack_file: Callable[[str], StackFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://bucket")
    monkeypatch.setenv(name, "x")
    require_shared_secrets(checkout, stack_file(""))


@pytest.mark.parametrize("folder", ["home", "a folder", "ümlaut", "100%", "it's", "a#b", "a?b"])
def test_the_backend_of_the_home_is_known_wherever_it_is(folder: str, tmp_path: Path) -> None:
    checkout = Checkout(tmp_path, tmp_path / folder)
    assert is_local(checkout, "")
    assert is_local(checkout, local_backend_of(checkout))
    for url in SHARED:
        assert not is_local(checkout, url)
    # As earlier versions printed it.
    if "?" not in folder:
        assert is_local(checkout, f"file://{checkout.state}?metadata=skip")
