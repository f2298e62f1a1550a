"""A checkout in a folder with spaces and letters beyond ASCII is found in every locale."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.make_environment import path_line

pytestmark = pytest.mark.proof("a checkout may lie in a folder with spaces and umlauts", step=0)

ROOT = Path(__file__).parents[2]
LOCALES = (
    {"LC_ALL": "C.UTF-8"},
    {"LC_ALL": "C"},
    {"LC_ALL": "POSIX", "PYTHONUTF8": "1"},
    # The encoding is ASCII then, as it is that of the locale on systems with older ones.
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
)


def run(program: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        env={"PATH": os.defpath, **variables},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("name", ["plain", "with a space", "mein Öfchen & 'Söhne'", "\udcff no UTF-8"])
@pytest.mark.parametrize("variables", LOCALES, ids=str)
def test_the_environment_finds_its_checkout(name: str, variables: dict[str, str], tmp_path: Path) -> None:
    checkout = tmp_path / name
    checkout.mkdir()
    (checkout / "of_the_checkout.py").write_text("print('found')\n", encoding="utf-8")
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "_meshfleet.pth").write_text(path_line(checkout), encoding="ascii")
    program = "import site, sys; site.addsitedir(sys.argv[1]); import of_the_checkout"
    ran = run(program, packages, **variables)
    assert (ran.stdout, ran.returncode) == ("found\n", 0), ran.stderr


def test_a_path_in_ascii_is_a_plain_line_which_other_tools_read_too() -> None:
    assert path_line(Path("/with a space/checkout")) == "/with a space/checkout\n"


@pytest.mark.parametrize("variables", LOCALES, ids=str)
def test_the_command_names_files_in_utf_8_in_every_locale(variables: dict[str, str]) -> None:
    program = "from meshfleet.cli.entry_point import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", program, "status", "--stack", "dev"],
        env={"PATH": os.defpath, "MESHFLEET_HOME": "/Häuser\n", **variables},
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )
    assert ran.returncode == 2
    assert "/Häuser" in ran.stderr
