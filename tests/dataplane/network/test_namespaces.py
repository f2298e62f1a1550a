"""Namespaces that other processes remove at the same moment."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from pyroute2 import netns

from meshfleet.dataplane.network import namespaces
from meshfleet.errors import NetworkError

pytestmark = pytest.mark.proof("links and addresses that other programs remove at the same moment", step=0)


@pytest.fixture
def seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a namespace that is there when it is looked for."""
    monkeypatch.setattr(namespaces, "NAMED", tmp_path)
    monkeypatch.setattr(namespaces, "exists", lambda _: True)
    (tmp_path / "mf-gone").touch()
    return "mf-gone"


def refused(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def remove(name: str) -> None:
        (namespaces.NAMED / name).unlink()
        raise OSError(code, "as the kernel says it")

    monkeypatch.setattr(netns, "remove", remove)


def test_one_that_was_removed_meanwhile_is_no_error(seen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(monkeypatch, errno.ENOENT)
    namespaces.remove(seen)
    assert namespaces.names("mf-") == ()


def test_a_removal_that_is_refused_is_an_error_with_its_name(seen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(monkeypatch, errno.EPERM)
    with pytest.raises(NetworkError, match="mf-gone: cannot be removed"):
        namespaces.remove(seen)
