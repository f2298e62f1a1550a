"""`scripts/release` leaves a commit, a tag, a changelog and packages of one version, or changes nothing."""

from __future__ import annotations

import subprocess
import zipfile

import pytest

from tests.integration.clone import Clone, git, make_clone

pytestmark = pytest.mark.proof("a release is made by one script", step=0)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    made = make_clone(tmp_path_factory.mktemp("release"))
    git(made.root, "branch", "--move", "main")
    made.make_environment()
    return made


def release(clone: Clone, *arguments: str) -> subprocess.CompletedProcess[str]:
    author = {f"GIT_{who}_{what}": "x@example.invalid" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return subprocess.run(
        [str(clone.root / "scripts" / "release"), *arguments],
        env={"PATH": "/usr/bin:/bin", "HOME": str(clone.root.parent), **author},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


WRONG = ["", "1", "1.2", "1.2.3.4", "v1.2.3", "1.2.3-rc1", "1..2", "1.2.3\n", "$(id)", "--x"]


@pytest.mark.parametrize("version", WRONG)
def test_what_is_no_version_changes_nothing(clone: Clone, version: str) -> None:
    made = release(clone, version)
    assert made.returncode == 2
    assert git(clone.root, "status", "--porcelain") == ""


def test_a_checkout_with_changes_or_another_branch_is_refused(clone: Clone) -> None:
    (clone.root / "new").touch()
    assert "commit or stash them first" in release(clone, "7.8.9").stderr
    (clone.root / "new").unlink()
    git(clone.root, "switch", "--quiet", "--create", "feature")
    assert "run git switch main" in release(clone, "7.8.9").stderr
    git(clone.root, "switch", "--quiet", "main")
    assert git(clone.root, "tag") == ""


def test_the_commit_the_tag_the_changelog_and_the_packages_are_of_one_version(clone: Clone) -> None:
    (clone.root / "changes" / "7.fixed.md").write_text("A fault of the test is fixed.\n", encoding="utf-8")
    git(clone.root, "add", "--all")
    git(clone.root, "commit", "--quiet", "--message", "a change")
    made = release(clone, "7.8.9")
    assert made.returncode == 0, made.stdout + made.stderr
    assert git(clone.root, "describe", "--exact-match").strip() == "v7.8.9"
    assert git(clone.root, "status", "--porcelain") == ""
    changelog = (clone.root / "CHANGELOG.md").read_text(encoding="utf-8")
    assert changelog.index("## [7.8.9] - ") < changelog.index("## Before the first release")
    assert "- A fault of the test is fixed. (#7)" in changelog
    assert [path.name for path in (clone.root / "changes").iterdir()] == ["README.md"]
    wheel, archive = sorted((clone.root / "dist").iterdir(), key=lambda path: path.suffix, reverse=True)
    assert (wheel.name, archive.name) == ("meshfleet-7.8.9-py3-none-any.whl", "meshfleet-7.8.9.tar.gz")
    with zipfile.ZipFile(wheel) as packed:
        assert b'__version__ = "7.8.9"' in packed.read("meshfleet/__init__.py")
        assert {"meshfleet/components/fleet.py", "meshfleet/Pulumi.yaml"} <= set(packed.namelist())
    again = release(clone, "7.8.9")
    assert (again.returncode, "choose the next version" in again.stderr) == (1, True)
