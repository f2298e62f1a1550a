"""Pulumi gets a stack file with the salt in it; the user's own file is never changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshfleet.automation.checkout import Checkout
from meshfleet.automation.state.stack_configuration import configuration_file, keep_salt, private_copy
from meshfleet.topology import StackFile

pytestmark = pytest.mark.proof("the stack file under version control is never changed by a run", step=0)

TEXT = "# ours\nconfig:\n  meshfleet:host: west\n"
SALT = "encryptionsalt: v1:salt:v1:check\n"


@pytest.fixture
def file(tmp_path: Path) -> StackFile:
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return StackFile("dev", path, {})


def initialised(tmp_path: Path, text: str = SALT) -> Path:
    """What `pulumi stack init` leaves in the folder it ran in."""
    path = tmp_path / "initialised.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_without_a_salt_is_copied_and_left_alone(checkout: Checkout, file: StackFile) -> None:
    copy = configuration_file(checkout, file)
    assert copy == private_copy(checkout, "dev")
    assert copy.read_text(encoding="utf-8") == TEXT == file.path.read_text(encoding="utf-8")
    assert copy.stat().st_mode & 0o777 == 0o600


def test_the_copy_keeps_the_salt_and_follows_the_file(checkout: Checkout, file: StackFile, tmp_path: Path) -> None:
    keep_salt(configuration_file(checkout, file), initialised(tmp_path))
    assert configuration_file(checkout, file).read_text(encoding="utf-8") == TEXT + SALT
    file.path.write_text("config:\n  meshfleet:host: east", encoding="utf-8")
    copy = configuration_file(checkout, file)
    assert copy.read_text(encoding="utf-8") == "config:\n  meshfleet:host: east\n" + SALT
    assert "salt" not in file.path.read_text(encoding="utf-8")


def test_a_copy_that_is_up_to_date_is_not_written_again(checkout: Checkout, file: StackFile, tmp_path: Path) -> None:
    keep_salt(configuration_file(checkout, file), initialised(tmp_path))
    before = configuration_file(checkout, file).stat()
    after = configuration_file(checkout, file).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


@pytest.mark.parametrize("own", [SALT, "secretsprovider: awskms://alias/x\n", "encryptedkey: abc\n"])
def test_a_file_with_a_secrets_provider_of_its_own_is_used_as_it_is(
    own: str, checkout: Checkout, file: StackFile
) -> None:
    file.path.write_text(own + TEXT, encoding="utf-8")
    assert configuration_file(checkout, file) == file.path
    assert not private_copy(checkout, "dev").exists()


def test_a_comment_or_a_nested_key_is_no_secrets_provider(checkout: Checkout, file: StackFile) -> None:
    file.path.write_text("# secretsprovider: x\nconfig:\n  a:encryptionsalt: x\n", encoding="utf-8")
    assert configuration_file(checkout, file) != file.path


def test_a_backend_that_needs_no_salt_adds_none(checkout: Checkout, file: StackFile, tmp_path: Path) -> None:
    copy = configuration_file(checkout, file)
    keep_salt(copy, initialised(tmp_path, "config: {}\n"))
    keep_salt(copy, tmp_path / "not-there.yaml")
    assert copy.read_text(encoding="utf-8") == TEXT


def test_a_salt_is_added_once(checkout: Checkout, file: StackFile, tmp_path: Path) -> None:
    copy = configuration_file(checkout, file)
    keep_salt(copy, initialised(tmp_path))
    keep_salt(copy, initialised(tmp_path, "encryptionsalt: v1:another\n"))
    assert copy.read_text(encoding="utf-8").count("encryptionsalt") == 1
    assert SALT in copy.read_text(encoding="utf-8")
