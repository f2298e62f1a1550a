"""An installed tool is whole, or what is wrong with it is said."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshfleet.toolchain.installation import MANIFEST, Installation

pytestmark = pytest.mark.proof("a damaged tool cache is noticed and repaired", step=0)

PROGRAM = b"\x7fELF a program of some length"


def install(folder: Path) -> Installation:
    """One installation with a program and a chart."""
    place = Installation("tool", "v1.0.0", folder / "tool-0123")
    staging = folder / "staging"
    (staging / "bin").mkdir(parents=True)
    (staging / "charts" / "base").mkdir(parents=True)
    (staging / "bin" / "tool").write_bytes(PROGRAM)
    (staging / "charts" / "base" / "Chart.yaml").write_text("name: base\n")
    place.publish(staging)
    return place


def _truncate(place: Installation) -> None:
    os.truncate(place.bin / "tool", 3)


def _remove_program(place: Installation) -> None:
    (place.bin / "tool").unlink()


def _remove_chart(place: Installation) -> None:
    (place.path / "charts" / "base" / "Chart.yaml").unlink()


def _overwrite(place: Installation) -> None:
    (place.bin / "tool").write_bytes(PROGRAM[::-1])


def _break_manifest(place: Installation) -> None:
    (place.path / MANIFEST).write_text("{")


def _empty_manifest(place: Installation) -> None:
    (place.path / MANIFEST).write_text('{"files": {}}')


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_truncate, "bin/tool has 3 bytes, not 29"),
        (_remove_program, "bin/tool is missing"),
        (_remove_chart, "charts/base/Chart.yaml is missing"),
        (_overwrite, "bin/tool has other contents than were installed"),
        (_break_manifest, "manifest.json is missing or unreadable"),
        (_empty_manifest, "manifest.json is missing or unreadable"),
    ],
)
def test_damage_is_named(tmp_path: Path, damage: Callable[[Installation], None], words: str) -> None:
    place = install(tmp_path)
    assert place.faults() == []
    damage(place)
    assert place.faults() == [words]


def test_a_file_that_was_only_touched_is_whole(tmp_path: Path) -> None:
    place = install(tmp_path)
    os.utime(place.bin / "tool", ns=(1, 1))
    assert place.faults() == []


def test_nothing_there_is_not_called_damage(tmp_path: Path) -> None:
    assert Installation("tool", "v1.0.0", tmp_path / "none").faults() == ["not installed"]


def test_publishing_again_replaces_all_that_was_there(tmp_path: Path) -> None:
    place = install(tmp_path)
    (place.path / "stranger").write_text("x")
    install(tmp_path)
    assert place.faults(thorough=True) == []
    assert sorted(path.name for path in place.path.iterdir()) == ["bin", "charts", MANIFEST]
    assert [path.name for path in tmp_path.iterdir()] == ["tool-0123"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, len(PROGRAM) - 1), bit=st.integers(0, 7))
def test_one_flipped_bit_is_found_by_the_thorough_check(tmp_path: Path, position: int, bit: int) -> None:
    place = install(tmp_path)
    program = place.bin / "tool"
    state = program.stat()
    flipped = bytearray(PROGRAM)
    flipped[position] ^= 1 << bit
    program.write_bytes(flipped)
    # A failing disk changes no times, so the quick check cannot see it.
    os.utime(program, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert place.faults(thorough=True) == ["bin/tool has other contents than were installed"]
