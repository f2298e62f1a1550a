"""Debian packages come from where the machine's own apt or its owner says, and from nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from meshfleet.containers import packages
from meshfleet.containers.packages import MIRROR_VARIABLE, SUITE, mirror
from meshfleet.errors import ContainersError
from meshfleet.processes.bounded_run import Ended

pytestmark = pytest.mark.proof("images of containers from packages alone", step=0)


@pytest.fixture
def apt(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """`sources` are the repositories that apt has, by what they are asked for."""
    sources: dict[str, str] = {}

    def run(command: Sequence[str], **_: Any) -> Ended:
        asked = next(word for word in command if word.startswith("Codename: "))
        return Ended(0, sources.get(asked.removeprefix("Codename: "), ""), "")

    monkeypatch.setattr(packages, "run_program", run)
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)
    return sources


def test_the_mirror_is_that_of_the_machine_for_the_suite(apt: dict[str, str]) -> None:
    apt |= {
        "noble": "http://ubuntu.example/ubuntu/\n",
        SUITE: "http://one.example/debian/\nhttp://two.example/debian/\n",
    }
    assert mirror() == "http://one.example/debian"


def test_a_mirror_that_is_given_goes_before_that_of_the_machine(
    apt: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    apt[SUITE] = "http://one.example/debian/\n"
    monkeypatch.setenv(MIRROR_VARIABLE, "http://given.example/debian")
    assert mirror() == "http://given.example/debian"


def test_a_machine_without_the_suite_learns_how_to_name_a_mirror(apt: dict[str, str]) -> None:
    apt["noble"] = "http://ubuntu.example/ubuntu/\n"
    with pytest.raises(ContainersError, match=rf"Debian {SUITE}; set {MIRROR_VARIABLE} to a mirror of Debian"):
        mirror()
