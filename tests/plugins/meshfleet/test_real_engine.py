"""The plugin under the real Pulumi engine: clusters in parallel, a killed engine, dead processes, secrets, removal."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshfleet.dataplane.sweep import sweep
from meshfleet.embedded.cluster_spec import COMPONENTS
from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.toolchain import Toolchain
from meshfleet.workspace import fleet_processes as processes
from meshfleet.workspace.home import Workspace
from tests.plugins.meshfleet.pulumi_project import Project, new_project

pytestmark = pytest.mark.proof("native resources under the real engine, killed and repaired", step=2)

FLEET = "engine-tests"
PROGRAM = f"""
import pulumi
from meshfleet.plugins.meshfleet import sdk

for name in ("west", "east"):
    cluster = sdk.EmbeddedCluster(name, fleet="{FLEET}", name=name, kubernetes_version="v1.35.4")
    sdk.IstiodAddress(name, fleet="{FLEET}", cluster=name)
    pulumi.export(name, cluster.kubeconfig)
"""


def components(project: Project) -> dict[str, list[str]]:
    """Cluster → its running components, twice if one runs twice."""
    return {
        name: sorted(program for program, same in processes.find(cluster(project, name)).items() for _ in same)
        for name in ("east", "west")
    }


def cluster(project: Project, name: str) -> Path:
    return Workspace(FLEET, project.home).cluster(name)


@pytest.fixture(scope="module")
def project(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("project")
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MESHFLEET_HOME", str(folder / "home"))
            yield new_project(folder, toolchain, PROGRAM)
    finally:
        sweep(FLEET, folder / "home")


def test_an_engine_killed_in_the_middle_of_a_create_is_made_good_by_the_next_up(project: Project) -> None:
    half_made = cluster(project, "west") / "kwok" / "clusters" / "west" / "pki" / "ca.crt"

    def begun() -> None:
        if not half_made.exists():
            raise NotYetError(f"no {half_made.name}")

    with project.start("up", "--yes", "--skip-preview") as killed:
        wait_until(begun, "the first cluster to be half made", 60, "run the test alone", every=0.01)
        killed.send_signal(signal.SIGKILL)
    assert not (cluster(project, "west") / "cluster.json").exists()

    project.run("cancel", "--yes")
    project.succeed("up", "--yes", "--skip-preview")
    assert components(project) == {"east": sorted(COMPONENTS), "west": sorted(COMPONENTS)}


def test_an_unchanged_stack_has_no_changes(project: Project) -> None:
    project.succeed("preview", "--expect-no-changes")
    project.succeed("refresh", "--preview-only", "--expect-no-changes")


def test_no_key_is_in_the_state_or_in_what_is_printed(project: Project) -> None:
    shown = project.succeed("up", "--yes") + project.succeed("stack", "output", "--json")
    state = project.succeed("stack", "export")
    key = (cluster(project, "west") / "kubeconfig").read_text(encoding="utf-8").split("client-key-data: ")[1]
    for text in (shown, state):
        assert key.strip() not in text
        assert "client-key-data" not in text
    assert str(project.home) not in state


def test_a_dead_process_is_shown_by_preview_and_mended_by_up(project: Project) -> None:
    west = processes.find(cluster(project, "west"))
    processes.end([*west["kube-apiserver"], *west["kwok-controller"]], grace=0)
    code, preview = project.run("preview", "--expect-no-changes")
    assert code != 0
    assert "meshfleet:index:EmbeddedCluster west" in preview
    assert "[diff: ~state]" in preview
    assert "EmbeddedCluster east" not in preview

    refreshed = project.succeed("refresh", "--yes", "--skip-preview")
    assert "[diff: ~state]" in refreshed
    assert "stopped: kube-apiserver, kwok-controller" in project.succeed("stack", "export")
    project.succeed("up", "--yes", "--skip-preview")
    assert components(project)["west"] == sorted(COMPONENTS)
    project.succeed("preview", "--expect-no-changes")


def test_a_wrong_input_stops_the_run_with_one_plain_sentence(project: Project) -> None:
    program = project.directory / "__main__.py"
    program.write_text(PROGRAM.replace("v1.35.4", "newest"), encoding="utf-8")
    code, output = project.run("preview")
    program.write_text(PROGRAM, encoding="utf-8")
    assert code != 0
    assert "'newest' is not a version; write it as in v1.35.4" in output


def test_destroy_leaves_no_process_and_no_file(project: Project) -> None:
    project.succeed("destroy", "--yes", "--skip-preview")
    assert components(project) == {"east": [], "west": []}
    # Of the fleet only that it is one, until its stack goes.
    left = {path.name for path in (project.home / "fleets").rglob("*") if path.is_file()}
    assert left <= {".meshfleet", "reservations.json"}
