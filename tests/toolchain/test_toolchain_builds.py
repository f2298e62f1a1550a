"""Tools are built once, whole, by whoever comes first, and again only when they have to be."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from meshfleet.errors import ToolchainError
from meshfleet.toolchain import ensure
from tests.toolchain.workshop import Heard, Workshop

pytestmark = pytest.mark.proof("the toolchain is built once, resumable and safe when two start at once", step=0)

# Builds the recipe "hello" of a workshop in another process; the folder is its argument.
_ELSEWHERE = """
import sys
from pathlib import Path
from meshfleet.toolchain import ensure
from meshfleet.workspace.cache import Cache
from meshfleet.toolchain.progress import Lines
from tests.toolchain.workshop import Workshop
folder = Path(sys.argv[1])
workshop = Workshop(folder, Cache(folder / "cache"))
ensure(Lines(sys.stdout), plan=workshop.plan(workshop.recipe()))
"""


def start_elsewhere(workshop: Workshop) -> subprocess.Popen[str]:
    """Another process that makes the same plan real."""
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", _ELSEWHERE, str(workshop.folder)],
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Return once `condition` holds; fails when that takes longer than `seconds`."""
    met = Retrying(stop=stop_after_delay(seconds), wait=wait_fixed(0.02), retry=retry_if_result(lambda it: not it))
    met(condition)


def run(program: Path) -> str:
    """What the program prints on standard error, where Go's println writes."""
    return subprocess.run([str(program)], capture_output=True, text=True, check=True).stderr


def test_only_the_products_remain_after_a_build(
    workshop: Workshop, heard: Heard, warm_builds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOCACHE")
    shutil.copytree(warm_builds, workshop.cache.go_build)
    first, second = workshop.recipe("hello"), workshop.recipe("other", 'println("other")')
    toolchain = ensure(heard, plan=workshop.plan(first, second))

    assert run(toolchain.bin / "hello") == "hello\n"
    assert run(toolchain.bin / "other") == "other\n"
    assert os.access(toolchain.bin / "hello-run", os.X_OK)
    assert (toolchain.charts / "base" / "Chart.yaml").read_text() == "name: base\n"
    assert (toolchain.bin.parent / "share" / "hello.json").read_text() == "{}\n"
    assert toolchain.versions == {"hello": "v1.2.3", "other": "v1.2.3"}
    assert sorted(path.name for path in workshop.cache.root.iterdir()) == ["logs", "toolchain"]
    assert not [path for path in workshop.cache.toolchain.iterdir() if path.name.startswith((".build", ".re"))]
    assert [line for line in heard.lines if line.startswith("hello")] == [
        "hello v1.2.3 building",
        next(line for line in heard.lines if line.startswith("hello v1.2.3 built in ")),
    ]


def test_several_programs_of_one_module_are_built_at_once_and_get_the_recipe_s_names(
    workshop: Workshop,
    heard: Heard,
    script: Callable[[str, str], Path],
    go_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    builds = workshop.folder / "builds"
    script("counting/go", f'[ "$1" = build ] && echo >> {builds}\nexec {go_folder}/go "$@"')
    monkeypatch.setenv("PATH", f"{workshop.folder}/counting:{os.environ['PATH']}")
    toolchain = ensure(heard, plan=workshop.plan(workshop.with_client(workshop.recipe())))
    assert sorted(path.name for path in toolchain.bin.iterdir()) == ["hello", "hello-client", "hello-run"]
    assert run(toolchain.bin / "hello") == "hello\n"
    assert run(toolchain.bin / "hello-client") == "client\n"
    assert builds.read_text() == "\n"


def test_nothing_is_run_when_everything_is_there(
    workshop: Workshop, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = workshop.plan(workshop.recipe())
    before = ensure(plan=plan)
    monkeypatch.setenv("PATH", "")
    assert ensure(heard, plan=plan) == before
    assert heard.lines == []


def test_a_user_s_own_go_caches_are_used_and_kept(workshop: Workshop, warm_builds: Path) -> None:
    ensure(plan=workshop.plan(workshop.recipe()))
    assert any(warm_builds.iterdir())
    assert not workshop.cache.go_build.exists()


@pytest.mark.parametrize("thorough", [False, True])
def test_a_damaged_tool_is_built_again_and_said_so(workshop: Workshop, heard: Heard, thorough: bool) -> None:
    plan = workshop.plan(workshop.recipe())
    program = ensure(plan=plan).bin / "hello"
    program.write_bytes(b"damaged")
    ensure(heard, plan=plan, thorough=thorough)
    assert run(program) == "hello\n"
    size = program.stat().st_size
    assert heard.lines[0] == (f"hello in the cache is damaged (bin/hello has 7 bytes, not {size}): making it again")


def test_a_program_missing_from_the_view_is_put_back_without_a_build(workshop: Workshop, heard: Heard) -> None:
    plan = workshop.plan(workshop.recipe())
    program = ensure(plan=plan).bin / "hello"
    program.unlink()
    ensure(heard, plan=plan)
    assert run(program) == "hello\n"
    assert heard.lines == ["hello v1.2.3 cached"]


def test_a_file_missing_from_the_view_is_put_back_and_a_strange_one_removed(workshop: Workshop) -> None:
    plan = workshop.plan(workshop.recipe())
    share = ensure(plan=plan).bin.parent / "share"
    (share / "hello.json").unlink()
    (share / "strange").touch()
    ensure(plan=plan)
    assert [path.name for path in share.iterdir()] == ["hello.json"]


def test_a_changed_module_is_built_beside_the_old_one(workshop: Workshop) -> None:
    old = workshop.plan(workshop.recipe())
    before = ensure(plan=old)
    recipe = workshop.recipe(source='println("newer")')
    module = recipe.directory / "go.mod"
    module.write_text(module.read_text() + "// changed\n")
    after = ensure(plan=workshop.plan(recipe))
    assert run(after.bin / "hello") == "newer\n"
    assert run(before.bin / "hello") == "hello\n"


def test_a_build_that_fails_shows_go_s_last_lines_and_leaves_nothing(workshop: Workshop, heard: Heard) -> None:
    with pytest.raises(ToolchainError) as caught:
        ensure(heard, plan=workshop.plan(workshop.recipe(source="undefined()")))
    text = str(caught.value)
    log = workshop.cache.logs / "hello.log"
    assert "hello could not be built" in text
    assert "undefined: undefined" in text
    assert f"Log: {log}" in text
    assert "undefined: undefined" in log.read_text()
    assert heard.lines[-1] == "hello v1.2.3 failed"
    assert not list(workshop.cache.toolchain.glob("hello-*"))
    assert not list(workshop.cache.toolchain.glob(".build*"))


def test_two_at_once_build_once(
    workshop: Workshop, script: Callable[[str, str], Path], go_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builds = workshop.folder / "builds"
    script("slow/go", f'[ "$1" = build ] && echo >> {builds} && sleep 2\nexec {go_folder}/go "$@"')
    monkeypatch.setenv("PATH", f"{workshop.folder}/slow:{os.environ['PATH']}")
    outputs = []
    for process in [start_elsewhere(workshop), start_elsewhere(workshop)]:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output
        outputs.append(output)
    assert builds.read_text() == "\n"
    pids = [line for output in outputs for line in output.splitlines() if line.startswith("waiting for process")]
    assert len(pids) == 1


def test_a_killed_build_is_ended_and_taken_up_again(
    workshop: Workshop,
    script: Callable[[str, str], Path],
    go_folder: Path,
    heard: Heard,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started = workshop.folder / "started"
    path = os.environ["PATH"]
    script("stuck/go", f'[ "$1" = build ] && echo $$ > {started} && exec sleep 600\nexec {go_folder}/go "$@"')
    monkeypatch.setenv("PATH", f"{workshop.folder}/stuck:{path}")
    process = start_elsewhere(workshop)
    # The record is complete when its text is: then the killed run can be told from another program.
    wait_until(
        lambda: (
            started.exists()
            and bool(started.read_text())
            and any(record.read_text() for record in workshop.cache.toolchain.glob(".build-hello-*.process"))
        )
    )
    orphan = psutil.Process(int(started.read_text()))
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    assert orphan.is_running()

    monkeypatch.setenv("PATH", path)
    toolchain = ensure(heard, plan=workshop.plan(workshop.recipe()))
    assert heard.lines[0] == f"ended process {orphan.pid}, a build that an interrupted run had left"
    assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE
    assert run(toolchain.bin / "hello") == "hello\n"
    assert not list(workshop.cache.toolchain.glob(".build*"))
