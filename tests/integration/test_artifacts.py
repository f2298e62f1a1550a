"""A test run that fails leaves what is known of its fleets, and says where."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from meshfleet.redaction.secret_text import HIDDEN
from meshfleet.testing.artifacts import SETTING
from tests.integration.clone import CHECKOUT

pytestmark = pytest.mark.proof("a failed test leaves logs, status and events of its fleets", step=0)

CONFTEST = """\
from meshfleet.testing.fixtures import pytest_runtest_makereport
"""
# A fleet whose command does not work, as after a fault of it; the log repeats the passphrase and a token.
FLEET = """
import contextlib, pathlib, pytest
from meshfleet.testing import artifacts as module
from tests.integration.clone import Clone

@contextlib.contextmanager
def a_fleet(folder, does="echo broken >&2; exit 1"):
    with Clone(folder, folder / "plugins").sandbox() as sandbox:
        sandbox.prefix = ("sh", "-c", does)
        (sandbox.home / "passphrase").write_text("opaque-0815")
        logs = sandbox.home / "fleets" / "dev" / "clusters" / "west" / "logs"
        logs.mkdir(parents=True)
        (logs / "etcd.log").write_text("ready\\nBearer abcdefghijkl\\nopaque-0815\\n")
        sandbox.printed.append("meshfleet up")
        yield sandbox
"""


def run(folder: Path, tests: str, **settings: str) -> tuple[str, list[Path]]:
    """What pytest prints of a run of these tests, which fail, and the folders that it names."""
    (folder / "temporary").mkdir()
    (folder / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (folder / "test_made_up.py").write_text(FLEET + tests, encoding="utf-8")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-c", os.devnull),
            *("--rootdir", str(folder), "--basetemp", str(folder / "base"), str(folder / "test_made_up.py")),
        ],
        cwd=CHECKOUT,
        env=os.environ | {"PYTHONPATH": str(CHECKOUT), "TMPDIR": str(folder / "temporary"), SETTING: ""} | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    named = re.findall(r"^logs, status and events of the fleet: (.+)$", done.stdout, re.MULTILINE)
    return done.stdout, [Path(path) for path in named]


def missing(folder: Path) -> dict[str, str]:
    """What is not in a folder, and why."""
    found: dict[str, str] = json.loads((folder / "dev" / "MANIFEST.json").read_text(encoding="utf-8"))["missing"]
    return found


TEST_FAILS = """
def test_fails(tmp_path):
    with a_fleet(tmp_path):
        assert 1 == 2
"""
ALL_FAIL = f"""
{TEST_FAILS}
@pytest.fixture
def fleet(tmp_path):
    with a_fleet(tmp_path) as sandbox:
        pytest.fail("up failed")
        yield sandbox

def test_has_no_fleet(fleet):
    pass

@pytest.fixture
def left(tmp_path):
    with a_fleet(tmp_path) as sandbox:
        yield sandbox
        assert sandbox.remains("dev") == []

def test_leaves_a_fleet(left):
    pass

@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with a_fleet(tmp_path_factory.mktemp("shared")) as sandbox:
        yield sandbox

def test_passes(shared):
    pass

@pytest.mark.parametrize("n", range(3))
def test_breaks_a_shared_fleet(shared, n):
    assert 1 == 2
"""


def test_the_output_names_folders_with_logs_and_no_secret(tmp_path: Path) -> None:
    said, folders = run(tmp_path, ALL_FAIL)
    assert all(folder.is_relative_to(tmp_path / "temporary") for folder in folders), said
    assert [re.sub(r"^.*py-(\w+).*$", r"\1", folder.name) for folder in folders] == [
        # Errors of fixtures come first in what pytest prints.
        *("test_has_no_fleet", "test_leaves_a_fleet", "test_fails"),
        *(["test_breaks_a_shared_fleet"] * 3),
    ]
    for folder in folders:
        log = folder / "dev" / "logs" / "clusters" / "west" / "logs" / "etcd.log"
        assert log.read_text(encoding="utf-8") == f"ready\nBearer {HIDDEN}\n{HIDDEN}\n"
        assert log.stat().st_mode & 0o077 == 0
        assert (folder / "dev" / "commands.txt").read_text(encoding="utf-8") == "meshfleet up"
        assert "`status` ended with 1: broken" in missing(folder)["status"]


def test_a_setting_says_where_they_are_and_their_number_is_limited(tmp_path: Path) -> None:
    said, folders = run(tmp_path, f"module.FOLDERS = 2\n{ALL_FAIL}", **{SETTING: str(tmp_path / "mine")})
    assert {folder.parent for folder in folders} == {tmp_path / "mine"}
    assert len(folders) == 2
    assert said.count(f"not collected: 2 failed tests before it left theirs in {tmp_path / 'mine'}\n") == 4


def test_a_command_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    hanging = TEST_FAILS.replace("a_fleet(tmp_path)", 'a_fleet(tmp_path, "sleep 50 & exec sleep 50")')
    started = time.monotonic()
    _, (folder,) = run(tmp_path, f"module.SECONDS = 1.0\n{hanging}")
    assert time.monotonic() - started < 30
    assert "`status` did not end within" in missing(folder)["status"]
    assert "1 s have passed" in missing(folder)["clusters"]
    assert (folder / "dev" / "logs" / "clusters" / "west" / "logs" / "etcd.log").is_file()


def test_logs_beyond_the_limit_are_left_out_and_named(tmp_path: Path) -> None:
    _, (folder,) = run(tmp_path, f"module.CHARACTERS = 5\n{TEST_FAILS}")
    assert "there are 5 characters already" in missing(folder)["logs"]
