"""A bundle in a folder is read back as what it was made for, and what is none is said to be none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from meshfleet.dataplane.machine.bundle_folder import bundle_of, read_bundle
from meshfleet.errors import EmbeddedError
from meshfleet.manifests.bundle import FILES
from tests.dataplane.machine.bundles import ENDS, files, made, token

pytestmark = pytest.mark.proof("virtual machines join their mesh from their bundle alone", step=0)


def folder_of(content: dict[str, str], folder: Path) -> Path:
    for name, text in content.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_what_a_bundle_is_for_is_read_from_its_files(tmp_path: Path) -> None:
    found = read_bundle(folder_of(files(), tmp_path))
    assert (found.cluster, found.network, found.workload) == ("west", "coast", "billing")
    assert (found.namespace, found.account, found.address) == ("orders", "clerk", "")
    assert found.istiod == ("198.18.0.9", "istiod.istio-system.svc")
    assert found.token_ends() == ENDS
    assert found.files == files()


def test_the_address_of_a_fixed_machine_is_in_its_bundle() -> None:
    assert made("ledger", address="10.30.0.8").address == "10.30.0.8"


def test_values_are_read_as_a_shell_reads_them() -> None:
    text = "ISTIO_A='it'\"'\"'s; $HOME'\nISTIO_B=plain\n\n"
    variables = bundle_of({**files(), "cluster.env": text}).variables
    assert variables == {"ISTIO_A": "it's; $HOME", "ISTIO_B": "plain"}


@pytest.mark.parametrize("missing", FILES)
def test_a_folder_without_one_of_the_files_is_no_bundle(tmp_path: Path, missing: str) -> None:
    folder = folder_of({name: text for name, text in files().items() if name != missing}, tmp_path)
    with pytest.raises(EmbeddedError, match=f"{missing}: there is none, so this is no bundle; create a bundle with"):
        read_bundle(folder)


def test_what_is_no_token_is_reported_and_never_shown() -> None:
    for text in ("CONFIDENTIAL", "a.CONFIDENTIAL.b", "a.e30.CONFIDENTIAL"):
        with pytest.raises(EmbeddedError, match="contains no Kubernetes token") as told:
            bundle_of({**files(), "istio-token": text}).token_ends()
        assert "CONFIDENTIAL" not in str(told.value)


def test_a_bundle_that_is_shown_keeps_its_token() -> None:
    assert token() not in repr(made())


def test_damaged_files_are_named() -> None:
    with pytest.raises(EmbeddedError, match=r"the file cluster\.env of the bundle is damaged"):
        bundle_of({**files(), "cluster.env": "A='never closed\n"})
    with pytest.raises(EmbeddedError, match="the file hosts of the bundle names no gateway"):
        _ = bundle_of({**files(), "hosts": "127.0.0.1 localhost\n"}).istiod


@pytest.mark.parametrize("name", ["PATH", "LD_PRELOAD", "LD_LIBRARY_PATH", "PYTHONPATH", "GODEBUG", "HOME", "A", "B C"])
def test_a_bundle_sets_nothing_but_settings_of_istios_sidecar(name: str) -> None:
    text = f"{files()['cluster.env']}{name}='/tmp/evil'\n"
    with pytest.raises(EmbeddedError, match=r"cluster\.env of the bundle sets .* no setting of Istio's sidecar"):
        bundle_of({**files(), "cluster.env": text})


def test_no_link_of_a_bundle_is_followed_and_no_pipe_waited_for(tmp_path: Path) -> None:
    for name, plant in (
        ("link", lambda path: path.symlink_to("/etc/shadow")),
        ("pipe", os.mkfifo),
        ("device", lambda path: path.symlink_to("/dev/zero")),
        ("large", lambda path: path.write_bytes(b"x" * (1 << 21))),
        ("folder", lambda path: path.mkdir()),
    ):
        folder = tmp_path / name
        folder.mkdir()
        folder_of(files(), folder)
        (folder / "mesh.yaml").unlink()
        plant(folder / "mesh.yaml")
        with pytest.raises(EmbeddedError, match=r"mesh\.yaml"):
            read_bundle(folder)
