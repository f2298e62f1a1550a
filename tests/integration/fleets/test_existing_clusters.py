"""The same program on clusters that are there already: it adds its own, and takes exactly that away again."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from meshfleet.automation.many_objects import MANY
from meshfleet.embedded.cluster import Cluster
from meshfleet.embedded.cluster_spec import ClusterSpec
from meshfleet.testing import CommandResult, Sandbox
from meshfleet.toolchain import Toolchain
from meshfleet.versions import EMBEDDED_KUBERNETES
from meshfleet.workspace import fleet_processes as processes
from meshfleet.workspace.home import Workspace
from tests.integration.clone import Clone
from tests.integration.faults.kill_points import Point, Victims
from tests.integration.faults.killing import killed_at, killed_while

pytestmark = [
    pytest.mark.extended,
    pytest.mark.proof("a fleet on existing clusters, which outlive it unharmed", step=3),
]

STACK = "existing"
NAMES = ("blue", "green", "red")
# What a fleet puts beside its namespaces; the chart of Istio's CRDs asks Helm to keep those.
KINDS = (
    "namespaces",
    "clusterroles",
    "clusterrolebindings",
    "mutatingwebhookconfigurations",
    "validatingwebhookconfigurations",
    "secrets",
    "configmaps",
    "services",
    "deployments",
    "serviceaccounts",
)


@dataclass(frozen=True)
class Existing:
    """Clusters nobody's stack made, in one kubeconfig `file` of a user, a context for each."""

    sandbox: Sandbox
    file: Path
    tools: Path
    clusters: dict[str, Cluster] = field(default_factory=dict)

    def recreate(self, name: str) -> None:
        """Delete a cluster and make it again under the same context, which has another certificate then."""
        self.clusters[name].delete()
        self.clusters[name].create(ClusterSpec(name, EMBEDDED_KUBERNETES, 1))
        parts = [cluster.kubeconfig.read_text(encoding="utf-8") for cluster in self.clusters.values()]
        self.file.write_text(json.dumps(merged(parts)), encoding="utf-8")

    def empty(self, name: str) -> None:
        """Make a cluster another one that the same kubeconfig leads to: its data is gone, its certificates stay."""
        cluster = self.clusters[name]
        running = processes.find(cluster.directory)
        processes.end([process for named in running.values() for process in named], grace=5)
        shutil.rmtree(cluster.directory / "kwok" / "clusters" / name / "etcd")
        cluster.create(ClusterSpec(name, EMBEDDED_KUBERNETES, 1))

    def cluster(self, name: str, **replaced: Any) -> dict[str, Any]:
        """A cluster of a stack file; `replaced` are fields of its `existing`."""
        found = {"kubeconfig": str(self.file), "context": f"admin@{name}", "pods": "simulated"}
        return {"existing": found | replaced, "network": f"network-{name}"}

    def stack(self, **clusters: dict[str, Any]) -> dict[str, Any]:
        """The stack file's configuration: these clusters, the first one the host."""
        return {
            "host": next(iter(clusters)),
            "networks": {f"network-{name}": {} for name in clusters},
            "clusters": clusters,
            "namespaces": {"sample": {"injection": True}},
        }

    def two(self, **replaced: Any) -> dict[str, Any]:
        """A mesh of two control planes; `replaced` are fields of the second one's `existing`."""
        return self.stack(blue=self.cluster("blue"), green=self.cluster("green", **replaced))

    def served(self) -> dict[str, Any]:
        """The first one serves the second as a remote, and hosts the control plane of the third one's mesh."""
        return self.stack(
            blue=self.cluster("blue") | {"mesh": "near"},
            green=self.cluster("green") | {"mesh": "near", "controlPlane": {"remote": "blue"}},
            red=self.cluster("red") | {"mesh": "far", "controlPlane": {"external": "blue"}},
        ) | {"meshes": {"near": {}, "far": {}}}

    def kubectl(self, cluster: str, *arguments: str) -> CommandResult:
        """Run kubectl as the clusters' owner."""
        program = self.sandbox.kubectl_program
        return self.sandbox.run(
            [program, "--kubeconfig", str(self.file), "--context", f"admin@{cluster}", *arguments], seconds=60
        )

    def inventory(self, cluster: str) -> dict[str, set[str]]:
        """The names of everything of KINDS, by kind."""
        items = self.kubectl(cluster, "get", ",".join(KINDS), "--all-namespaces", "-o", "json").report["items"]
        found: dict[str, set[str]] = {kind: set() for kind in KINDS}
        for item in items:
            found[f"{item['kind'].lower()}s"].add(f"{item['metadata'].get('namespace', '')}/{item['metadata']['name']}")
        return found


@pytest.fixture(scope="module")
def existing(clone: Clone, toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Existing]:
    workspace = Workspace("theirs", tmp_path_factory.mktemp("theirs"))
    clusters = [Cluster(workspace, name) for name in NAMES]
    before = os.environ.get("MESHFLEET_TOOLS")
    os.environ["MESHFLEET_TOOLS"] = str(toolchain.bin)
    try:
        with clone.sandbox() as sandbox:
            parts = [
                cluster.create(ClusterSpec(name, EMBEDDED_KUBERNETES, 1)).kubeconfig
                for cluster, name in zip(clusters, NAMES, strict=True)
            ]
            file = sandbox.folder / "user" / "config.yaml"
            file.touch(0o600)
            file.write_text(json.dumps(merged(parts)), encoding="utf-8")
            yield Existing(sandbox, file, toolchain.bin, dict(zip(NAMES, clusters, strict=True)))
            for cluster in clusters:
                assert cluster.state() == "running"
    finally:
        for cluster in clusters:
            cluster.delete()
        if before is None:
            del os.environ["MESHFLEET_TOOLS"]
        else:
            os.environ["MESHFLEET_TOOLS"] = before


def merged(kubeconfigs: list[str]) -> dict[str, Any]:
    """One kubeconfig with a context `admin@<name>` for each; the current one is none of them."""
    made: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "current-context": "nowhere"}
    for name, text in zip(NAMES, kubeconfigs, strict=True):
        content = YAML(typ="safe", pure=True).load(text)
        cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
        made.setdefault("clusters", []).append({"name": name, "cluster": cluster})
        made.setdefault("users", []).append({"name": f"admin-{name}", "user": user})
        context = {"cluster": name, "user": f"admin-{name}"}
        made.setdefault("contexts", []).append({"name": f"admin@{name}", "context": context})
    return made


@pytest.mark.parametrize(
    ("replaced", "field", "said"),
    [
        ({"context": "admin@sky"}, "context", "no context 'admin@sky'; it has admin@blue, admin@green, admin@red"),
        ({"kubeconfig": "/nowhere/config"}, "kubeconfig", "there is no file /nowhere/config"),
    ],
)
def test_a_wrong_kubeconfig_or_context_is_reported_by_its_field_and_touches_nothing(
    existing: Existing, replaced: dict[str, str], field: str, said: str
) -> None:
    before = existing.inventory("blue")
    existing.sandbox.write_stack(STACK, existing.two(**replaced))
    ran = existing.sandbox.meshfleet("up", "--stack", STACK, expect=2)
    assert ran.err.startswith(f"clusters.green.existing.{field}: ")
    assert said in ran.err
    assert len(ran.err.splitlines()) == 1
    assert existing.inventory("blue") == before
    assert existing.sandbox.reservations() == {}


def test_a_rotated_kubeconfig_is_used_by_drift_refresh_and_destroy(existing: Existing) -> None:
    sandbox, file = existing.sandbox, existing.file.with_name("rotated.yaml")
    before = existing.inventory("blue")
    file.touch(0o600)
    rotate(existing, file, "first")
    sandbox.write_stack(STACK, existing.stack(blue=existing.cluster("blue", kubeconfig=str(file), context="robot")))
    sandbox.meshfleet("up", "--stack", STACK)
    rotate(existing, file, "second", after="first")
    ran = sandbox.meshfleet("drift", "--stack", STACK)
    assert "blue: using its kubeconfig, which has changed since the last up" in ran.err
    sandbox.meshfleet("up", "--stack", STACK, "--refresh")
    assert sandbox.meshfleet("verify", "--stack", STACK, "--json").report["ok"]
    rotate(existing, file, "third", after="second")
    sandbox.meshfleet("destroy", "--stack", STACK, "--yes")
    existing.kubectl("blue", "delete", "serviceaccount", "third", "-n", "default")
    existing.kubectl("blue", "delete", "clusterrolebinding", "third")
    existing.kubectl("blue", "delete", "crd", "--selector=chart=istio")
    assert existing.inventory("blue") == before


# While Helm installs Istio's base, and while the namespace, the certificates, releases and the gateway are made.
KILLED = (*((0, seconds) for seconds in (0.3, 0.6, 1.0)), *((lines, 0.05) for lines in (2, 3, 4, 5, 6, 8, 10)))
KILLED_USUALLY = ((0, 0.6),)


@pytest.mark.proof("destroy removes what a killed up made in existing clusters", step=3)
@pytest.mark.parametrize(
    ("lines", "seconds"), KILLED if os.environ.get("MESHFLEET_SWEEP") == "full" else KILLED_USUALLY
)
def test_a_fleet_whose_up_was_killed_is_destroyed_without_a_trace(
    existing: Existing, lines: int, seconds: float
) -> None:
    sandbox, command = existing.sandbox, ("up", "--stack", STACK)
    before = existing.inventory("blue")
    sandbox.write_stack(STACK, existing.stack(blue=existing.cluster("blue")))
    if lines:
        killed_at(sandbox, Point(lines, seconds, Victims.GROUP), *command)
    else:
        killed_while(sandbox, "helm", seconds, *command)
        assert existing.inventory("blue") != before
    sandbox.meshfleet("destroy", "--stack", STACK, "--yes")
    existing.kubectl("blue", "delete", "crd", "--selector=chart=istio")
    assert existing.inventory("blue") == before
    assert sandbox.remains(STACK) == []


@pytest.mark.proof("destroy removes what a killed up made in existing clusters", step=3)
def test_many_objects_that_a_killed_up_had_not_recorded_are_removed_too(existing: Existing) -> None:
    sandbox, before = existing.sandbox, existing.inventory("blue")
    each = {"apiVersion": "v1", "kind": "ConfigMap"}
    described = [{"name": f"many-{number}", "namespace": "sample"} for number in range(MANY)]
    objects = [{"object": each | {"metadata": metadata}} for metadata in described]
    stack = existing.stack(blue=existing.cluster("blue"))
    sandbox.write_stack(STACK, stack | {"propagations": {"many": {"resources": objects}}})
    running = sandbox.start("up", "--stack", STACK)
    running.wait_for(lambda heard: sum("propagation-many-" in line for line in heard) > MANY // 4)
    os.killpg(running.process.pid, signal.SIGKILL)
    running.end()
    assert len(existing.inventory("blue")["configmaps"] - before["configmaps"]) > MANY // 4
    sandbox.meshfleet("destroy", "--stack", STACK, "--yes")
    existing.kubectl("blue", "delete", "crd", "--selector=chart=istio")
    assert existing.inventory("blue") == before
    assert sandbox.remains(STACK) == []


def rotate(existing: Existing, file: Path, name: str, *, after: str | None = None) -> None:
    """Write a kubeconfig with the token of a new administrator, and take its right away from the one before."""
    existing.kubectl("blue", "create", "serviceaccount", name, "-n", "default")
    binding = ("--clusterrole=cluster-admin", f"--serviceaccount=default:{name}")
    existing.kubectl("blue", "create", "clusterrolebinding", name, *binding)
    token = existing.kubectl("blue", "create", "token", name, "-n", "default").out.strip()
    content = json.loads(existing.file.read_text(encoding="utf-8"))
    made = {
        **content,
        "contexts": [{"name": "robot", "context": {"cluster": "blue", "user": "robot"}}],
        "users": [{"name": "robot", "user": {"token": token}}],
    }
    file.write_text(json.dumps(made), encoding="utf-8")
    if after is not None:
        existing.kubectl("blue", "delete", "clusterrolebinding", after)
        existing.kubectl("blue", "delete", "serviceaccount", after, "-n", "default")


@pytest.mark.parametrize("models", ["own", "served"])
def test_a_fleet_on_existing_clusters_is_verified_and_leaves_them_as_they_were(existing: Existing, models: str) -> None:
    sandbox = existing.sandbox
    for cluster in NAMES:
        existing.kubectl(cluster, "create", "namespace", f"theirs-{models}")
        existing.kubectl(cluster, "create", "configmap", "theirs", "-n", f"theirs-{models}", "--from-literal=key=value")
    before = {cluster: existing.inventory(cluster) for cluster in NAMES}
    theirs = {cluster: version_of(existing, cluster, f"theirs-{models}") for cluster in NAMES}
    config = existing.two() if models == "own" else existing.served()
    if models == "own":
        config = refuse_what_is_there(existing, config)
    sandbox.write_stack(STACK, config)
    assert sandbox.meshfleet("up", "--stack", STACK, "--json").report["ok"]
    assert sandbox.meshfleet("up", "--stack", STACK, "--json").report["changes"] == {}
    assert sandbox.meshfleet("verify", "--stack", STACK, "--json").report["ok"]
    # Peers come in with a token made for them; the user's own credential stays where it is.
    remote = existing.kubectl("blue", "get", "secret", "istio-remote-secrets", "-n", "istio-system", "-o", "json")
    assert [*remote.report["data"]] == ["green"]
    for text in remote.report["data"].values():
        assert "client-key-data" not in base64.b64decode(text).decode()
    if models == "own":
        assert signs(existing) == {"blue": {"text": "ours"}, "green": {"text": "ours", "more": "kept"}}
        leave_unrecorded(sandbox, "green/remote-secrets", "green/east-west-gateway")
        # As a run leaves it that was killed while it removed this.
        helm = [str(existing.tools / "helm"), "--kubeconfig", str(existing.file), "--kube-context", "admin@blue"]
        sandbox.run([*helm, "uninstall", "istio-eastwestgateway", "--namespace", "istio-system"])
    sandbox.meshfleet("destroy", "--stack", STACK, "--yes")
    assert sandbox.remains(STACK) == []
    for cluster in NAMES:
        assert {kind: names - before[cluster][kind] for kind, names in existing.inventory(cluster).items()} == {
            kind: set() for kind in KINDS
        }
        assert version_of(existing, cluster, f"theirs-{models}") == theirs[cluster]


def refuse_what_is_there(existing: Existing, config: dict[str, Any]) -> dict[str, Any]:
    """A propagated object stops at one that is there, in its cluster alone; the configuration that takes it over."""
    existing.kubectl("green", "create", "configmap", "sign", "--from-literal=text=theirs", "--from-literal=more=kept")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "sign", "namespace": "default"}}
    propagation = {"resources": [{"object": body | {"data": {"text": "ours"}}}]}
    existing.sandbox.write_stack(STACK, config | {"propagations": {"sign": propagation}})
    (error,) = existing.sandbox.meshfleet("up", "--stack", STACK, "--json", expect=1).report["errors"]
    assert "green: ConfigMap sign in the namespace default exists already and is not of this stack" in error
    assert signs(existing) == {"blue": {"text": "ours"}, "green": {"text": "theirs", "more": "kept"}}
    return config | {"propagations": {"sign": propagation | {"conflictResolution": "Overwrite"}}}


def signs(existing: Existing) -> dict[str, dict[str, str]]:
    return {
        cluster: existing.kubectl(cluster, "get", "configmap", "sign", "-o", "json").report["data"]
        for cluster in ("blue", "green")
    }


def leave_unrecorded(sandbox: Sandbox, *names: str) -> None:
    """Leave these resources as a run does that was killed while it created them: begun, for all that the state has."""
    pulumi, variables = ["env", "pulumi", "stack"], sandbox.exports()
    exported = sandbox.run([*pulumi, "export", "--stack", STACK], more=variables).report
    resources = exported["deployment"]["resources"]
    begun = [one for one in resources if one["urn"].rpartition("::")[2] in names]
    assert len(begun) == len(names)
    gone = {one["urn"] for one in begun}
    kept = [one for one in resources if one["urn"] not in gone]
    for one in kept:
        one["dependencies"] = [urn for urn in one.get("dependencies") or () if urn not in gone]
        fields = one.get("propertyDependencies") or {}
        one["propertyDependencies"] = {key: [*({*urns} - gone)] for key, urns in fields.items()}
    exported["deployment"]["resources"] = kept
    exported["deployment"]["pending_operations"] = [
        {"resource": {key: value for key, value in one.items() if key not in ("id", "outputs")}, "type": "creating"}
        for one in begun
    ]
    file = sandbox.folder / "user" / "state.json"
    file.write_text(json.dumps(exported), encoding="utf-8")
    sandbox.run([*pulumi, "import", "--stack", STACK, "--file", str(file)], more=variables)
    (sandbox.home / "fleets" / STACK / "command.json").write_text("{}", encoding="utf-8")


@pytest.mark.proof("a cluster is known by what it is, not by a name that leads to it", step=3)
def test_a_recreated_cluster_gets_everything_again_and_no_other_is_mistaken_for_it(existing: Existing) -> None:
    sandbox = existing.sandbox

    def up(**clusters: dict[str, Any]) -> dict[str, Any]:
        sandbox.write_stack(STACK, existing.stack(**clusters))
        return sandbox.meshfleet("up", "--stack", STACK, "--json").report

    def refused(said: str, *commands: str, **clusters: dict[str, Any]) -> None:
        sandbox.write_stack(STACK, existing.stack(**clusters))
        for command in commands:
            assert said in sandbox.meshfleet(command, "--stack", STACK, expect=2).err, command

    blue, green = existing.cluster("blue"), existing.cluster("green")
    up(blue=blue, green=green)
    before = {name: existing.inventory(name) for name in ("blue", "green")}
    elsewhere = {"blue": {"context": "admin@green"}, "green": {"context": "admin@blue"}}
    exchanged = {name: existing.cluster(name, **replaced) for name, replaced in elsewhere.items()}
    refused(
        "clusters.blue.existing.context: leads to the cluster that the stack has as 'green'",
        "up",
        "verify",
        **exchanged,
    )
    copy = existing.file.with_name("copy.yaml")
    shutil.copy2(existing.file, copy)
    red = existing.cluster("red", kubeconfig=str(copy), context="admin@green")
    refused(
        "clusters.red.existing.context: leads to the same cluster as 'green'", "up", blue=blue, green=green, red=red
    )
    renamed = existing.cluster("store", context="admin@green")
    refused("run up, which removes what is in it, then add it as 'store'", "up", blue=blue, store=renamed)
    assert {name: existing.inventory(name) for name in before} == before

    existing.recreate("green")
    existing.kubectl("green", "create", "configmap", "theirs", "--from-literal=key=value")
    sandbox.write_stack(STACK, existing.stack(blue=blue, green=green))
    shown = sandbox.meshfleet("preview", "--stack", STACK, "--json").report
    assert shown["recreated"] == ["green"]
    assert "green: istio-system create" in shown["changes"]
    checks = sandbox.meshfleet("verify", "--stack", STACK, "--json", "--seconds", "1", expect=1).report["checks"]
    assert [one["ok"] for one in checks if one["name"] == "cluster-identity"] == [True, False]
    # Plain `pulumi` touches nothing there; it is the engine's doing and not the command's.
    pulumi = sandbox.run(
        ["env", "pulumi", "up", "--yes", "-s", STACK, "--non-interactive"], expect=None, more=sandbox.exports()
    )
    assert pulumi.code != 0
    assert "leads to another cluster" in pulumi.text
    assert "istio-system" not in existing.kubectl("green", "get", "namespaces", "-o", "name").out
    assert up(blue=blue, green=green)["ok"]
    assert existing.inventory("green")["secrets"] >= {"istio-system/cacerts", "istio-system/istio-remote-secrets"}
    assert sandbox.meshfleet("verify", "--stack", STACK, "--json").report["ok"]
    assert up(blue=blue, green=green)["changes"] == {}

    # The way that was named for a renamed cluster leads there.
    up(blue=blue)
    up(blue=blue, store=renamed)
    assert sandbox.meshfleet("verify", "--stack", STACK, "--json").report["ok"]

    existing.empty("green")
    for arguments in (("namespace", "istio-system"), ("configmap", "theirs", "-n", "istio-system")):
        existing.kubectl("green", "create", *arguments)
    ran = sandbox.meshfleet("destroy", "--stack", STACK, "--yes")
    assert "store: a different cluster (" in ran.err
    assert "nothing is deleted in it" in ran.err
    assert "configmap/theirs" in existing.kubectl("green", "get", "configmaps", "-n", "istio-system", "-o", "name").out
    assert "istio-system" not in existing.kubectl("blue", "get", "namespaces", "-o", "name").out
    assert sandbox.remains(STACK) == []


def version_of(existing: Existing, cluster: str, namespace: str) -> str:
    """Changes with every write to the owner's namespace or what is in it."""
    found = [
        existing.kubectl(cluster, "get", *what, "-o", "json").report["metadata"]["resourceVersion"]
        for what in (("namespace", namespace), ("configmap", "theirs", "-n", namespace))
    ]
    return "/".join(found)
