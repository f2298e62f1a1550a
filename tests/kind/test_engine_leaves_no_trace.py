"""A real engine with a real cluster in it: the machine is afterwards what it was before, however the engine ended.

One cluster lives through the file: it runs, loses its engine to kill -9, returns with the next one, and is deleted.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshfleet.containers.engine import Engine, find_engine
from meshfleet.containers.images import Images
from meshfleet.containers.machine_settings import INOTIFY, INOTIFY_NEEDED, Machine
from meshfleet.containers.remains import contained_processes, processes_of
from meshfleet.errors import ContainersError
from meshfleet.processes.bounded_run import run_bounded
from meshfleet.processes.waiting import NotYetError, wait_until
from tests.kind.machine_snapshot import Snapshot, differences, take

pytestmark = pytest.mark.proof("an engine of containers that leaves no trace", step=5)

CLUSTER = "mf-trace"
NODE = f"{CLUSTER}-control-plane"
PODS = "10.60.0.0/24"
CONFIG = """\
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
networking: {{disableDefaultCNI: true, podSubnet: {pods}}}
nodes:
- role: control-plane
  image: {image}
  extraMounts: [{{hostPath: {network}, containerPath: /etc/cni/net.d/10-meshfleet.conflist}}]
kubeadmConfigPatches:
- |
  kind: KubeletConfiguration
  failCgroupV1: false
  imagePullCredentialsVerificationPolicy: NeverVerify
"""
NETWORK = """\
{{"cniVersion": "0.4.0", "name": "pods", "plugins": [
 {{"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
   "ipam": {{"type": "host-local", "ranges": [[{{"subnet": "{pods}"}}]], "routes": [{{"dst": "0.0.0.0/0"}}]}}}},
 {{"type": "portmap", "capabilities": {{"portMappings": true}}}}]}}
"""
ECHO = """\
apiVersion: v1
kind: Pod
metadata: {{name: echo}}
spec:
  tolerations: [{{operator: Exists}}]
  containers:
  - {{name: app, image: "{image}", imagePullPolicy: Never, args: ["--port=8080"]}}
"""


@pytest.fixture(scope="module")
def stopped(images: Images) -> Iterator[Engine]:
    """The engine, which must not run: these tests are about how it starts and ends."""
    del images
    engine = find_engine()
    # Other tests of this run leave it running, without containers.
    if not engine.stop_if_unused():
        pytest.fail(f"the engine in {engine.place.engine} runs; scripts/kind-images --engine stop, and run this again")
    yield engine
    engine.start()
    for name in engine.run("ps", "--all", "--quiet", "--filter", f"name=^{NODE}$", seconds=60).out.split():
        engine.run("rm", "--force", "--volumes", name, seconds=120)
    engine.stop()


@pytest.fixture(scope="module")
def before(stopped: Engine) -> Snapshot:
    found = take(stopped.place.engine)
    assert not found.processes
    return found


@pytest.fixture(scope="module")
def cluster(stopped: Engine, before: Snapshot, images: Images, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cluster with a pod that responds; its kubeconfig."""
    del before
    stopped.start()
    folder = tmp_path_factory.mktemp("cluster")
    network, config, kubeconfig = folder / "network.conflist", folder / "cluster.yaml", folder / "kubeconfig"
    network.write_text(NETWORK.format(pods=PODS))
    config.write_text(CONFIG.format(pods=PODS, image=images.node, network=network))
    words = ("create", "cluster", "--name", CLUSTER, "--config", str(config), "--kubeconfig", str(kubeconfig))
    _kind(stopped, *words, "--wait", "180s")
    echo = ECHO.format(image=f"{images.istio_hub}/app:{images.istio_tag}")

    def applied() -> None:
        try:
            stopped.run("exec", "--interactive", NODE, *_KUBECTL, "apply", "-f", "-", seconds=60, stdin=echo)
        except ContainersError as error:
            # The service account of a namespace is there a moment after the node is Ready.
            raise NotYetError(str(error)) from error

    wait_until(applied, "a pod to be accepted", 60, "see what is said", every=0.5, failure=ContainersError)
    stopped.run("exec", NODE, *_KUBECTL, "wait", "--for=condition=Ready", "pod/echo", "--timeout=120s", seconds=130)
    return kubeconfig


_KUBECTL = ("kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf")


def test_a_start_that_is_killed_leaves_nothing_after_a_stop(stopped: Engine, before: Snapshot) -> None:
    child = os.fork()
    if child == 0:
        # A process of its own, killed as soon as the daemon is there.
        stopped.start()
        os._exit(0)

    def started() -> None:
        if not processes_of(stopped.place.identity):
            raise NotYetError("no daemon")

    wait_until(started, "the daemon", 30, "see its log", every=0.001, failure=ContainersError)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert Machine().record() is not None
    stopped.stop()
    assert differences(before, take(stopped.place.engine)) == []


def test_a_running_cluster_changes_only_what_was_recorded(stopped: Engine, before: Snapshot, cluster: Path) -> None:
    assert cluster.exists()
    during = take(stopped.place.engine)
    assert before.tables == during.tables
    changed = {line.split(" = ")[0].replace("/", ".") for line in before.settings - during.settings}
    record = Machine().record()
    assert record is not None
    # What a node changes is what was recorded; the kernel derives the limit of a namespace.
    assert changed - {"user.max_inotify_instances"} <= set(record.settings)
    assert Machine().setting(INOTIFY) == str(INOTIFY_NEEDED)
    assert Machine().setting("net.ipv4.ip_forward") == "0"
    # Nodes find each other by name, as `kubeadm join` does: through rules that dockerd writes in the node's namespace.
    assert NODE in stopped.run("exec", NODE, "getent", "hosts", NODE, seconds=30).out
    rules = stopped.run("exec", NODE, "iptables-save", "-t", "nat", seconds=30).out
    assert rules.count("DNAT --to-destination 127.0.0.11") == 2, rules
    with pytest.raises(ContainersError, match=f"runs {NODE}; remove these clusters"):
        stopped.stop()


def test_the_machine_is_restored_after_kill_9_and_the_cluster_returns(
    stopped: Engine, before: Snapshot, cluster: Path
) -> None:
    assert cluster.exists()
    for process in processes_of(stopped.place.identity):
        if process.name() in ("dockerd", "containerd"):
            os.kill(process.pid, signal.SIGKILL)
    # The node itself lives on without the engine, and goes on changing the machine.
    assert contained_processes(stopped.place.identity)
    stopped.stop()
    assert differences(before, take(stopped.place.engine)) == []
    stopped.start()

    def answers() -> None:
        words = (*_KUBECTL, "get", "pod", "echo", "--output=jsonpath={.status.conditions[?(@.type=='Ready')].status}")
        try:
            ready = stopped.run("exec", NODE, *words, seconds=60).out
        except ContainersError as error:
            raise NotYetError(str(error)) from error
        if ready != "True":
            raise NotYetError(ready)

    wait_until(answers, "the pod of before", 180, "see docker logs of the node", failure=ContainersError)
    stopped.stop(force=True)
    assert differences(before, take(stopped.place.engine)) == []


def test_nothing_is_left_of_a_cluster_that_was_deleted(stopped: Engine, before: Snapshot, cluster: Path) -> None:
    stopped.start()
    assert NODE in stopped.running_containers()
    _kind(stopped, "delete", "cluster", "--name", CLUSTER, "--kubeconfig", str(cluster))
    stopped.stop()
    assert differences(before, take(stopped.place.engine)) == []
    left = Machine().record()
    assert left is None or str(stopped.place.engine) not in left.engines


def _kind(engine: Engine, *arguments: str) -> None:
    ended = run_bounded([str(engine.kind), *arguments], seconds=400, environment=engine.environment())
    assert ended.code == 0, ended.err
