"""MESHFLEET_GOGC reaches the components of embedded clusters, and nothing but a number does."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from meshfleet.embedded import garbage_collection
from meshfleet.embedded.garbage_collection import ROOMY, collection
from meshfleet.errors import ProcessError

pytestmark = pytest.mark.proof("programs see a chosen environment, whatever the shell has", step=0)


def test_where_there_is_memory_enough_collections_are_rarer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MESHFLEET_GOGC", raising=False)
    monkeypatch.setenv("GOGC", "1")
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(garbage_collection, "_LIMITS", (tmp_path / "none", limit))
    memory = SimpleNamespace(available=ROOMY)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    for text in ("max\n", "", f"{ROOMY}\n", "9" * 30):
        limit.write_text(text)
        assert collection() == {"GOGC": "200"}, text
    limit.write_text(f"{ROOMY - 1}\n")
    assert collection() == {}
    limit.unlink()
    memory.available = ROOMY - 1
    assert collection() == {}


@pytest.mark.parametrize("percent", ["10", "100", "400", "9999"])
def test_a_number_of_per_cent_is_handed_on(monkeypatch: pytest.MonkeyPatch, percent: str) -> None:
    monkeypatch.setenv("MESHFLEET_GOGC", percent)
    assert collection() == {"GOGC": percent}


@pytest.mark.parametrize("wrong", ["off", "0", "5", "-100", "400 ", "400\n", "1e3", "10000", "0x64", "٤٠٠"])
def test_anything_else_is_refused_with_what_is_allowed(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("MESHFLEET_GOGC", wrong)
    with pytest.raises(ProcessError, match="MESHFLEET_GOGC must be a number of per cent from 10 to 9999"):
        collection()
