"""The scripts a person starts with: what they do before there is anything to do it with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ("up", "down", "check", "test", "test-versions", "lint", "env", "bootstrap", "lock-published")
# All that the scripts may take from a machine beside Python.
COMMANDS = ("sh", "dirname", "cat", "cmp", "cut", "find", "mktemp", "rm", "rmdir")

pytestmark = pytest.mark.proof("two commands on a fresh machine", step=0)

Script = Callable[[str, str], Path]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the scripts with a lock and a pyproject.toml."""
    folder = tmp_path / "checkout"
    shutil.copytree(ROOT / "scripts", folder / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A PATH with the commands the scripts need and no Python at all."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in COMMANDS:
        (folder / name).symlink_to(shutil.which(name) or name)
    return folder


def run(checkout: Path, name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The script's answer; it has no more of this environment than HOME and what `variables` say."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(checkout.parent / "home"), **variables}
    return subprocess.run(
        [str(checkout / "scripts" / name), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=checkout.parent,
    )


def pretend_environment(checkout: Path, script: Script, command: str = "exit 0") -> Path:
    """An environment that counts as made, whose programs write what they are called with to `calls`."""
    environment = checkout.parent / "environment"
    made_from = environment / "made-from"
    made_from.mkdir(parents=True)
    for name in ("requirements.lock", "pyproject.toml"):
        shutil.copy(checkout / name, made_from / name)
    (made_from / "checkout").write_text(f"{checkout.resolve()}\n")
    calls = checkout.parent / "calls"
    calls.touch()
    for name in ("python", "meshfleet", "ruff", "mypy", "lint-imports"):
        script(f"environment/bin/{name}", f'echo {name} "$@" >> {calls}\n{command}')
    (checkout / ".venv").symlink_to(environment)
    return calls


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_explains_itself_without_setting_up_anything(checkout: Path, bare_path: Path, name: str) -> None:
    answer = run(checkout, name, "--help", PATH=str(bare_path))
    assert answer.returncode == 0
    assert answer.stdout.startswith("usage: ")
    assert not (checkout / ".venv").is_symlink()


@pytest.mark.parametrize("name", ["up", "down", "lint", "env", "bootstrap", "lock-published"])
def test_a_wrong_argument_is_refused(checkout: Path, bare_path: Path, name: str) -> None:
    answer = run(checkout, name, "--wrong", PATH=str(bare_path))
    assert answer.returncode == 2
    assert "usage: " in answer.stderr


def test_a_python_that_is_too_old_is_named(checkout: Path, bare_path: Path, script: Script) -> None:
    script("bin/python3", "case $3 in *version_info*2*) echo 3.9 ;; *) exit 1 ;; esac")
    answer = run(checkout, "bootstrap", PATH=str(bare_path))
    assert answer.returncode == 1
    assert "Python 3.11 or later, with its venv module, is needed; none was found (python3 is 3.9)." in answer.stderr
    assert "apt install python3 python3-venv" in answer.stderr


def test_a_python_without_venv_is_named(checkout: Path, bare_path: Path, script: Script) -> None:
    script("bin/python3", "case $3 in *ensurepip*) exit 1 ;; *version_info*2*) echo 3.12 ;; esac")
    answer = run(checkout, "bootstrap", PATH=str(bare_path))
    assert answer.returncode == 1
    assert "(python3 3.12 has no venv or ensurepip)" in answer.stderr


def test_a_placeholder_that_does_not_run_is_passed_over(checkout: Path, bare_path: Path, script: Script) -> None:
    script("bin/python3.13", "echo not installed >&2; exit 127")
    script("bin/python3", 'case $3 in *version_info*2*) echo 3.11 ;; *) [ -n "$3" ] || echo made >&2 ;; esac')
    (checkout / "scripts" / "make_environment.py").unlink()
    answer = run(checkout, "bootstrap", "--environment", PATH=str(bare_path))
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == "made\n"


def test_an_environment_that_is_made_is_not_made_again(checkout: Path, bare_path: Path, script: Script) -> None:
    calls = pretend_environment(checkout, script)
    answer = run(checkout, "bootstrap", PATH=str(bare_path))
    assert answer.returncode == 0, answer.stderr
    assert calls.read_text() == "python -P -m meshfleet.toolchain\n"


def test_other_releases_are_built_beforehand_when_they_are_named(
    checkout: Path, bare_path: Path, script: Script
) -> None:
    calls = pretend_environment(checkout, script)
    words = ("--with", "kubernetes-v1.32.2", "--with", "istio-1.30")
    answer = run(checkout, "bootstrap", *words, PATH=str(bare_path))
    assert answer.returncode == 0, answer.stderr
    assert calls.read_text() == f"python -P -m meshfleet.toolchain {' '.join(words)}\n"
    for wrong in ((), ("",), ("$(touch x)",), ("a b",), ("--json",), ("*",)):
        refused = run(checkout, "bootstrap", "--with", *wrong, PATH=str(bare_path))
        assert (refused.returncode, refused.stdout) == (2, ""), wrong
        assert "usage: " in refused.stderr


def test_the_versions_are_run_in_the_environment_with_the_arguments(
    checkout: Path, bare_path: Path, script: Script
) -> None:
    calls = pretend_environment(checkout, script)
    answer = run(checkout, "test-versions", "newest", "--keep", "a b", PATH=str(bare_path))
    assert answer.returncode == 0, answer.stderr
    assert calls.read_text().splitlines()[-1] == "python -m scripts.versions newest --keep a b"


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml"])
def test_an_environment_is_made_again_when_what_it_is_made_from_changes(
    checkout: Path, bare_path: Path, script: Script, name: str
) -> None:
    pretend_environment(checkout, script)
    with (checkout / name).open("a") as file:
        file.write("# changed\n")
    answer = run(checkout, "bootstrap", PATH=str(bare_path))
    assert "Python 3.11 or later" in answer.stderr


@pytest.fixture
def debian(bare_path: Path, tmp_path: Path, script: Script) -> Callable[..., Path]:
    """Puts on PATH an `id` and an apt-get that answers as told; returns the file that its calls are written to."""

    def put(apt_get: str = "exit 0", user: int = 0) -> Path:
        calls = tmp_path / "apt-calls"
        calls.touch()
        script("bin/id", f"echo {user}")
        script("bin/apt-get", f'echo "$DEBIAN_FRONTEND $*" >> {calls}\n{apt_get}')
        (bare_path / "timeout").symlink_to(shutil.which("timeout") or "timeout")
        return calls

    return put


def test_root_on_debian_is_given_nft(
    checkout: Path, bare_path: Path, script: Script, debian: Callable[..., Path]
) -> None:
    calls = pretend_environment(checkout, script)
    asked = debian()
    answer = run(checkout, "bootstrap", PATH=str(bare_path))
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == "nft (Debian package nftables)       installing\n"
    (call,) = asked.read_text().splitlines()
    assert call.startswith("noninteractive -q -y ")
    assert call.endswith(" install nftables")
    assert calls.read_text() == "python -P -m meshfleet.toolchain\n"


@pytest.mark.parametrize(
    ("user", "nft", "arguments"),
    [(1000, False, []), (0, True, []), (0, False, ["--environment"])],
    ids=["not root", "nft is there", "the environment only"],
)
def test_nft_is_installed_only_where_it_is_wanted(
    checkout: Path,
    bare_path: Path,
    script: Script,
    debian: Callable[..., Path],
    user: int,
    nft: bool,
    arguments: list[str],
) -> None:
    pretend_environment(checkout, script)
    asked = debian(user=user)
    if nft:
        script("bin/nft", "exit 0")
    answer = run(checkout, "bootstrap", *arguments, PATH=str(bare_path))
    assert (answer.returncode, answer.stderr, asked.read_text()) == (0, "", "")


def test_where_there_is_no_apt_get_nothing_is_said_of_nft(checkout: Path, bare_path: Path, script: Script) -> None:
    pretend_environment(checkout, script)
    script("bin/id", "echo 0")
    answer = run(checkout, "bootstrap", PATH=str(bare_path))
    assert (answer.returncode, answer.stderr) == (0, "")


def test_a_missing_list_of_packages_is_fetched_for_nft(
    checkout: Path, bare_path: Path, script: Script, debian: Callable[..., Path], tmp_path: Path
) -> None:
    pretend_environment(checkout, script)
    lists = tmp_path / "lists"
    asked = debian(f'case "$*" in *update) : > {lists} ;; *) [ -e {lists} ] ;; esac')
    answer = run(checkout, "bootstrap", PATH=str(bare_path))
    assert answer.stderr.count("\n") == 1
    assert [call.split()[-1] for call in asked.read_text().splitlines()] == ["nftables", "update", "nftables"]


@pytest.mark.parametrize(
    ("apt_get", "timeout", "reason"),
    [
        ("echo reading lists; echo E: no such package; exit 100", None, "(E: no such package)"),
        ("exit 0", "exit 124", "(apt-get took longer than 90 s)"),
    ],
)
def test_an_nft_that_cannot_be_installed_is_said_in_one_line_and_stops_nothing(
    checkout: Path,
    bare_path: Path,
    script: Script,
    debian: Callable[..., Path],
    apt_get: str,
    timeout: str | None,
    reason: str,
) -> None:
    calls = pretend_environment(checkout, script)
    debian(apt_get)
    if timeout:
        (bare_path / "timeout").unlink()
        script("bin/timeout", timeout)
    answer = run(checkout, "bootstrap", PATH=str(bare_path))
    assert answer.returncode == 0
    _, line = answer.stderr.splitlines()
    assert line.startswith(f"nftables could not be installed {reason}; ")
    assert line.endswith(": apt-get install nftables")
    assert calls.read_text() == "python -P -m meshfleet.toolchain\n"


def test_a_venv_of_the_user_s_own_is_left_alone(checkout: Path) -> None:
    (checkout / ".venv").mkdir()
    answer = run(checkout, "bootstrap", PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert answer.returncode == 1
    assert "move it away and try again" in answer.stderr


def test_a_package_that_is_not_the_pinned_one_is_refused(checkout: Path, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (wheels / "pinned-1.0-py3-none-any.whl").write_bytes(b"another wheel")
    (checkout / "requirements.lock").write_text(f"pinned==1.0 \\\n    --hash=sha256:{'0' * 64}\n")
    answer = run(
        checkout,
        "bootstrap",
        "--environment",
        PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        MESHFLEET_CACHE=str(tmp_path / "cache"),
        PIP_NO_INDEX="1",
        PIP_FIND_LINKS=str(wheels),
    )
    assert answer.returncode == 1
    assert "a package is not the one pinned in requirements.lock, and was refused" in answer.stderr
    assert not (checkout / ".venv").exists()
    assert not list((tmp_path / "cache").glob("venvs/*/made-from"))


def test_up_draws_the_fleet_even_when_it_fails_a_question(checkout: Path, bare_path: Path, script: Script) -> None:
    calls = pretend_environment(checkout, script, '[ "$1" != verify ] || exit 1')
    answer = run(checkout, "up", "twin", PATH=str(bare_path))
    picture = checkout / ".meshfleet" / "twin.svg"
    assert answer.returncode == 1
    assert answer.stdout.endswith(f"picture: {picture}\n")
    assert calls.read_text().splitlines()[1:] == [
        "meshfleet up --stack twin",
        "meshfleet verify --stack twin",
        f"meshfleet graph --stack twin --out {picture}",
    ]


def test_down_needs_nothing_where_nothing_is(checkout: Path, bare_path: Path) -> None:
    (checkout / ".venv").symlink_to(checkout / "gone")
    answer = run(checkout, "down", PATH=str(bare_path))
    assert answer.returncode == 0, answer.stderr
    assert not (checkout / ".venv").is_symlink()


def test_down_destroys_every_stack_and_removes_what_up_made(checkout: Path, bare_path: Path, script: Script) -> None:
    calls = pretend_environment(checkout, script)
    (checkout / ".meshfleet" / "state").mkdir(parents=True)
    (checkout / "meshfleet" / "__pycache__").mkdir(parents=True)
    answer = run(checkout, "down", PATH=str(bare_path))
    assert answer.returncode == 0, answer.stderr
    assert calls.read_text().splitlines()[1:] == [
        "meshfleet destroy --all --yes",
        "python -P -m meshfleet.automation.removal",
    ]
    assert sorted(path.name for path in checkout.iterdir()) == [
        ".meshfleet",
        "meshfleet",
        "pyproject.toml",
        "requirements.lock",
        "scripts",
    ]
    assert not list((checkout / "meshfleet").iterdir())


def test_down_keeps_what_it_knows_when_something_is_left(checkout: Path, bare_path: Path, script: Script) -> None:
    pretend_environment(checkout, script, '[ "$1" != destroy ] || exit 1')
    (checkout / ".meshfleet" / "state").mkdir(parents=True)
    answer = run(checkout, "down", PATH=str(bare_path))
    assert answer.returncode == 1
    assert "is kept, because it knows what is left" in answer.stderr
    assert (checkout / ".meshfleet" / "state").is_dir()


def test_down_of_one_stack_leaves_the_others(checkout: Path, bare_path: Path, script: Script) -> None:
    calls = pretend_environment(checkout, script)
    (checkout / ".meshfleet" / "state").mkdir(parents=True)
    assert run(checkout, "down", "dev", PATH=str(bare_path)).returncode == 0
    assert calls.read_text().splitlines()[1:] == ["meshfleet destroy --stack=dev --yes"]
    assert (checkout / ".meshfleet" / "state").is_dir()


@pytest.mark.parametrize("name", ["up", "down"])
def test_an_empty_argument_is_no_stack_and_not_every_stack(
    name: str, checkout: Path, bare_path: Path, script: Script
) -> None:
    calls = pretend_environment(checkout, script)
    (checkout / ".meshfleet" / "state").mkdir(parents=True)
    answer = run(checkout, name, "", PATH=str(bare_path))
    assert answer.returncode == 2
    assert "usage: " in answer.stderr
    assert calls.read_text() == ""


def test_test_stops_at_lint_and_hands_its_arguments_to_pytest(checkout: Path, bare_path: Path, script: Script) -> None:
    calls = pretend_environment(checkout, script, '[ "$2" != pytest ] || exit 5')
    assert run(checkout, "test", "-k", "one", PATH=str(bare_path)).returncode == 5
    assert calls.read_text().splitlines()[1:] == [
        "ruff check .",
        "ruff format --check .",
        "mypy",
        "lint-imports",
        "python -m pytest -n 3 --no-loadscope-reorder --extended-minutes 20 -k one",
    ]
    script("environment/bin/mypy", "exit 3")
    calls.write_text("")
    assert run(checkout, "test", PATH=str(bare_path)).returncode == 3
    assert "pytest" not in calls.read_text()


def test_no_script_and_no_lock_names_a_package_index() -> None:
    names = [f"scripts/{name}" for name in SCRIPTS] + ["requirements.lock", "scripts/make_environment.py"]
    for name in names:
        text = (ROOT / name).read_text()
        assert "index-url" not in text, name
        assert "://" not in text, name


QUICK = (
    "python -m pytest -n 2 --no-loadscope-reorder --max-step 1 -m not sweep and not tools --hypothesis-profile quick"
)


def test_check_lints_and_runs_the_quick_tests_without_tools(checkout: Path, bare_path: Path, script: Script) -> None:
    calls = pretend_environment(checkout, script)
    answer = run(checkout, "check", "-k", "one", PATH=str(bare_path))
    assert (answer.returncode, answer.stderr) == (0, "")
    assert sorted(calls.read_text().splitlines()) == sorted(
        [f"{QUICK} -k one", "ruff check .", "ruff format --check .", "mypy", "lint-imports"]
    )


@pytest.mark.parametrize(
    ("fails", "code"),
    [('[ "$1" != check ] || { echo objects; exit 4; }', 4), ('[ "$2" != pytest ] || exit 5', 5)],
    ids=["lint", "tests"],
)
def test_check_fails_when_lint_or_a_test_does_and_shows_what_lint_says(
    checkout: Path, bare_path: Path, script: Script, fails: str, code: int
) -> None:
    calls = pretend_environment(checkout, script, fails)
    answer = run(checkout, "check", PATH=str(bare_path), TMPDIR=str(checkout))
    assert answer.returncode == code
    assert (answer.stdout == "objects\n") == (code == 4)
    assert QUICK in calls.read_text().splitlines()
    assert not list(checkout.glob("tmp.*"))
