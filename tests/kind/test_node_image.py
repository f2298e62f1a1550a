"""What a node has before anything is installed on it: every image, unpacked, under the names that are asked for."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshfleet.containers.engine import Engine
from meshfleet.containers.images import Images, build
from meshfleet.containers.images.component import components
from meshfleet.errors import ContainersError
from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.workspace.cache import locate_cache

pytestmark = pytest.mark.proof("images of containers from packages alone", step=5)

NAME = "mf-node-image"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def node(engine: Engine, images: Images) -> Iterator[Engine]:
    """A container of the node image with its containerd alone."""
    # A fleet that was destroyed since has ended an engine without containers.
    with engine.in_use():
        engine.run(
            *("run", "--detach", "--privileged", "--name", NAME, "--entrypoint=sleep", images.node, "600"), seconds=120
        )
        try:
            engine.run("exec", "--detach", NAME, "containerd", seconds=30)

            def answers() -> None:
                try:
                    engine.run("exec", NAME, "ctr", "version", seconds=30)
                except ContainersError as error:
                    raise NotYetError(str(error)) from error

            wait_until(answers, "containerd", 30, "see its output", failure=ContainersError)
            yield engine
        finally:
            engine.run("rm", "--force", "--volumes", NAME, seconds=120)


def test_every_image_of_the_table_is_in_a_node(node: Engine) -> None:
    programs, versions = build._programs(locate_cache())
    wanted = {one.name for one in components(programs, Path("/nowhere"), versions)}
    listed = node.run("exec", NAME, "ctr", "--namespace=k8s.io", "images", "list", "--quiet", seconds=30).out.split()
    assert {name for name in listed if not name.startswith("sha256:")} == wanted


def test_kubeadm_asks_for_no_other_image(node: Engine, images: Images) -> None:
    words = ("kubeadm", "config", "images", "list", "--kubernetes-version", images.kubernetes)
    asked = {line for line in node.run("exec", NAME, *words, seconds=60).out.split() if "/pause:" not in line}
    listed = node.run("exec", NAME, "ctr", "--namespace=k8s.io", "images", "list", "--quiet", seconds=30).out.split()
    assert asked
    assert asked <= set(listed)


def test_containerd_s_pause_is_there(node: Engine) -> None:
    config = node.run("exec", NAME, "cat", "/etc/containerd/config.toml", seconds=30).out
    [line] = [line for line in config.splitlines() if "sandbox_image" in line]
    pause = line.split('"')[1]
    found = json.loads(node.run("exec", NAME, "crictl", "inspecti", pause, seconds=60).out)
    assert found["status"]["repoTags"] == [pause]
    assert found["status"]["id"].startswith("sha256:")


def test_kind_learns_that_an_image_is_missing(node: Engine) -> None:
    with pytest.raises(ContainersError, match="no such image"):
        node.run("exec", NAME, "crictl", "inspecti", "example.test/none:1", seconds=60)


def test_layers_are_unpacked_and_not_kept_twice(node: Engine) -> None:
    words = ("du", "--summarize", "--bytes", "/var/lib/containerd/io.containerd.content.v1.content")
    assert int(node.run("exec", NAME, *words, seconds=60).out.split()[0]) < 10**7
    unpacked = node.run("exec", NAME, "ctr", "--namespace=k8s.io", "snapshots", "list", seconds=30).out.splitlines()
    assert len(unpacked) > 5


def test_the_programs_are_of_the_pinned_release(node: Engine, images: Images) -> None:
    assert node.run("exec", NAME, "kubelet", "--version", seconds=30).out.strip() == f"Kubernetes {images.kubernetes}"
    assert images.kubernetes in node.run("exec", NAME, "cat", "/kind/version", seconds=30).out


def test_a_second_run_does_nothing_in_a_second(engine: Engine, images: Images) -> None:
    del engine
    since = time.monotonic()
    command = [sys.executable, "-m", "meshfleet.containers"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == images.node
    assert "made already" in ended.stderr
    # A third of a second; a machine under load takes its time.
    assert time.monotonic() - since < 3
