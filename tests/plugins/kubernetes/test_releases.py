"""Helm releases, through a real engine, with a small chart of our own and with Istio's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pulumi
import pulumi_kubernetes as kubernetes
import pytest
from pulumi import automation as auto
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from meshfleet.automation.reporting.changes import GONE
from meshfleet.kube.releases.owner import MARK, Owner
from meshfleet.kube.releases.record import pack, unpack
from meshfleet.kube.releases.server import connected
from meshfleet.kube.releases.settling import Known, Settled, settle
from tests.plugins.kubernetes.conftest import CHECKOUT, ApiServer
from tests.plugins.kubernetes.engine import Engine

pytestmark = pytest.mark.proof("Helm releases through whichever plugin is installed", step=2)

OWNER = Owner("conformance", "cluster")
MAP = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-map
  namespace: {{ .Release.Namespace }}
data:
  greeting: {{ .Values.greeting | quote }}
"""


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A chart with one ConfigMap."""
    folder = tmp_path / "chart"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: small\nversion: 1.0.0\nappVersion: '7'\n")
    (folder / "values.yaml").write_text("greeting: hello\n")
    (folder / "templates" / "map.yaml").write_text(MAP)
    return folder


def release(api_server: ApiServer, chart: Path, namespace: str, **values: Any) -> None:
    """A program with one release named `small`; it exports what the plugin says of it."""
    provider = kubernetes.Provider("cluster", kubeconfig=api_server.kubeconfig)
    small = kubernetes.helm.v3.Release(
        "small",
        name="small",
        chart=str(chart),
        namespace=namespace,
        create_namespace=True,
        timeout=20,
        values={**values, "global": {MARK: OWNER.as_value()}},
        opts=pulumi.ResourceOptions(provider=provider),
    )
    pulumi.export("status", small.status)
    pulumi.export("names", small.resource_names)


def stored(api_server: ApiServer, namespace: str) -> list[dict[str, Any]]:
    """Helm's records of the release, oldest first."""
    found = api_server.get("secret", "-n", namespace, "-l", "owner=helm,name=small")["items"]
    return sorted(found, key=lambda secret: int(secret["metadata"]["labels"]["version"]))


def mark(api_server: ApiServer, namespace: str, status: str) -> None:
    """Make the newest record look as a helm killed at work leaves it."""
    newest = stored(api_server, namespace)[-1]
    name = newest["metadata"]["name"]
    record = unpack(newest["data"]["release"], name)
    record["info"]["status"] = status
    patch = {"metadata": {"labels": {"status": status}}, "data": {"release": pack(record)}}
    api_server.kubectl("patch", "secret", name, "-n", namespace, "--type=merge", f"--patch={json.dumps(patch)}")


def test_a_release_is_installed_upgraded_and_uninstalled(engine: Engine, api_server: ApiServer, chart: Path) -> None:
    first = engine.up(lambda: release(api_server, chart, "released", greeting="hi"))
    assert engine.state()["small"]["outputs"]["status"] == {
        "name": "small",
        "namespace": "released",
        "status": "deployed",
        "revision": 1,
        "version": "1.0.0",
        "appVersion": "7",
        "chart": "small",
    }
    assert first.outputs["names"] == {"ConfigMap/v1": ["released/small-map"]}
    assert engine.state()["small"]["id"] == "released/small"
    assert api_server.get("configmap", "small-map", "-n", "released")["data"] == {"greeting": "hi"}

    engine.preview(lambda: release(api_server, chart, "released", greeting="hi"), expect_no_changes=True)
    engine.refresh(preview_only=True, expect_no_changes=True)

    upgraded = engine.up(lambda: release(api_server, chart, "released", greeting="hey"))
    assert upgraded.operations["small"] == "update"
    assert upgraded.outputs["status"]["revision"] == 2
    assert api_server.get("configmap", "small-map", "-n", "released")["data"] == {"greeting": "hey"}

    # A value that is no longer given falls back to the chart's.
    engine.up(lambda: release(api_server, chart, "released"))
    assert api_server.get("configmap", "small-map", "-n", "released")["data"] == {"greeting": "hello"}

    engine.destroy()
    assert not api_server.has("configmap", "small-map", "-n", "released")
    assert stored(api_server, "released") == []
    api_server.kubectl("delete", "namespace", "released", "--wait=false")


def test_a_changed_local_chart_is_an_upgrade(
    engine: Engine, api_server: ApiServer, namespace: str, chart: Path
) -> None:
    engine.up(lambda: release(api_server, chart, namespace))
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: small\nversion: 1.1.0\n")
    (chart / "templates" / "map.yaml").write_text(MAP + "  more: text\n")
    upgraded = engine.up(lambda: release(api_server, chart, namespace))
    assert upgraded.operations["small"] == "update"
    assert upgraded.outputs["status"]["version"] == "1.1.0"
    assert api_server.get("configmap", "small-map", "-n", namespace)["data"]["more"] == "text"


def test_a_chart_that_changed_under_its_version_is_reported_by_its_digest_alone(
    engine: Engine, api_server: ApiServer, namespace: str, chart: Path
) -> None:
    def program(digest: str) -> None:
        release(api_server, chart, namespace, chartDigest=digest)

    engine.up(lambda: program("before"))
    (chart / "templates" / "map.yaml").write_text(MAP + "  more: text\n")
    assert engine.preview(lambda: program("before")).changed() == {}
    assert engine.up(lambda: program("after")).changed() == {"small": "update"}
    assert api_server.get("configmap", "small-map", "-n", namespace)["data"]["more"] == "text"


def test_values_that_the_stack_sets_are_drift_and_others_are_not(
    engine: Engine, api_server: ApiServer, namespace: str, chart: Path, toolchain: Any
) -> None:
    def by_hand(*values: str) -> None:
        helm = [str(toolchain.bin / "helm"), "--kubeconfig", str(api_server.path), "-n", namespace]
        subprocess.run(
            [*helm, "upgrade", "small", str(chart), "--reuse-values", *values], check=True, capture_output=True
        )

    engine.up(lambda: release(api_server, chart, namespace, greeting="hi"))
    by_hand("--set", "other=1")
    engine.refresh()
    assert engine.preview(lambda: release(api_server, chart, namespace, greeting="hi")).changed() == {}
    by_hand("--set", "greeting=changed")
    engine.refresh()
    assert engine.up(lambda: release(api_server, chart, namespace, greeting="hi")).changed() == {"small": "update"}
    assert api_server.get("configmap", "small-map", "-n", namespace)["data"] == {"greeting": "hi"}


def remove_by_hand(api_server: ApiServer, namespace: str) -> None:
    """Without helm, and so without its objects."""
    for secret in stored(api_server, namespace):
        api_server.kubectl("delete", "secret", secret["metadata"]["name"], "-n", namespace)


def test_a_release_removed_by_hand_is_noticed_and_comes_back(
    engine: Engine, api_server: ApiServer, namespace: str, chart: Path
) -> None:
    engine.up(lambda: release(api_server, chart, namespace))
    remove_by_hand(api_server, namespace)
    refused = engine.fail(lambda: release(api_server, chart, namespace, greeting="hi"))
    assert any(words in refused for words in GONE)
    assert engine.refresh().changed() == {"small": "delete"}
    assert engine.up(lambda: release(api_server, chart, namespace)).operations["small"] == "create"


def test_a_release_removed_by_hand_cannot_be_uninstalled_until_a_refresh(
    engine: Engine, api_server: ApiServer, namespace: str, chart: Path
) -> None:
    engine.up(lambda: release(api_server, chart, namespace))
    remove_by_hand(api_server, namespace)
    with pytest.raises(auto.CommandError, match="not found"):
        engine.destroy()
    engine.destroy(refresh=True)
    assert "small" not in engine.state()


def test_a_chart_that_fails_says_so_in_helms_words_and_can_be_mended(
    engine: Engine, api_server: ApiServer, namespace: str, chart: Path
) -> None:
    (chart / "templates" / "map.yaml").write_text(MAP.replace("v1", "no.such.group/v1"))
    assert "no.such.group" in engine.fail(lambda: release(api_server, chart, namespace))
    (chart / "templates" / "map.yaml").write_text(MAP)
    engine.up(lambda: release(api_server, chart, namespace))
    assert api_server.has("configmap", "small-map", "-n", namespace)


@pytest.mark.parametrize("options", [[], ["--disable-openapi-validation"]], ids=["validating", "as the stand-in does"])
def test_helm_finds_the_same_whether_it_validates_or_not(
    options: list[str], api_server: ApiServer, namespace: str, chart: Path, toolchain: Any
) -> None:
    def install(name: str, template: str) -> subprocess.CompletedProcess[str]:
        (chart / "templates" / "map.yaml").write_text(template)
        command = [str(toolchain.bin / "helm"), "--kubeconfig", str(api_server.path), "install", name, str(chart)]
        return subprocess.run(
            [*command, "-n", namespace, *options], capture_output=True, text=True, check=False, timeout=60
        )

    unknown = install("unknown", MAP + "misspelt: {a: b}\n")
    assert unknown.returncode == 0
    assert 'unknown field \\"misspelt\\"' in unknown.stderr
    assert "misspelt" not in api_server.get("configmap", "unknown-map", "-n", namespace)
    wrong = install("wrong", MAP + "  number: 1\n")
    assert wrong.returncode == 1
    assert "cannot unmarshal number" in wrong.stderr
    nowhere = install("nowhere", MAP.replace("v1", "no.such.group/v1"))
    assert nowhere.returncode == 1
    assert 'no matches for kind "ConfigMap" in version "no.such.group/v1"' in nowhere.stderr


def settled(api_server: ApiServer, namespace: str, *, recorded: bool, pending: bool = False) -> list[Settled]:
    """What the command does before `up` once a run did not end."""
    name = frozenset({(namespace, "small")})
    known = Known(recorded=name if recorded else frozenset(), pending=name if pending else frozenset())
    with connected(api_server.kubeconfig) as server:
        return settle(server, OWNER, known)


# Status of the newest record, whether the engine knows the release, and what Helm says of it to any plugin.
LEFT = {
    "killed while installing": ("pending-install", False, "still in use"),
    "installed and not recorded": ("deployed", False, "still in use"),
    "failed and not recorded": ("failed", False, "still in use"),
    "killed while installing again": ("pending-install", True, "in progress"),
    "killed while upgrading": ("pending-upgrade", True, "in progress"),
    "killed while rolling back": ("pending-rollback", True, "in progress"),
    "killed while uninstalling": ("uninstalling", True, "no deployed releases"),
}


@pytest.mark.parametrize("left", LEFT)
def test_what_an_interrupted_run_left_of_a_release_stops_helm_until_it_is_settled(
    left: str, engine: Engine, api_server: ApiServer, namespace: str, chart: Path
) -> None:
    status, recorded, refusal = LEFT[left]

    def program(greeting: str) -> None:
        release(api_server, chart, namespace, greeting=greeting)

    engine.up(lambda: program("first"))
    if status == "pending-upgrade":
        engine.up(lambda: program("second"))
    mark(api_server, namespace, status)
    if not recorded:
        # Killed before the engine could note down that the release exists.
        engine.forget("small")
    assert refusal in engine.fail(lambda: program("last"))
    assert len(settled(api_server, namespace, recorded=recorded, pending=not recorded)) == 1
    engine.up(lambda: program("last"))
    assert api_server.get("configmap", "small-map", "-n", namespace)["data"] == {"greeting": "last"}
    assert stored(api_server, namespace)[-1]["metadata"]["labels"]["status"] == "deployed"
    assert settled(api_server, namespace, recorded=True) == []
    assert engine.preview(lambda: program("last")).changed() == {}


def test_a_release_that_failed_and_is_recorded_is_upgraded(
    engine: Engine, api_server: ApiServer, namespace: str, chart: Path
) -> None:
    engine.up(lambda: release(api_server, chart, namespace, greeting="first"))
    mark(api_server, namespace, "failed")
    assert settled(api_server, namespace, recorded=True) == []
    engine.up(lambda: release(api_server, chart, namespace, greeting="last"))
    assert stored(api_server, namespace)[-1]["metadata"]["labels"]["status"] == "deployed"


def test_a_release_of_somebody_else_is_not_touched(
    engine: Engine,
    api_server: ApiServer,
    namespace: str,
    chart: Path,
    plugin_home: Path,
    toolchain: Any,
    tmp_path: Path,
) -> None:
    other = Engine(plugin_home, toolchain.bin / "pulumi", tmp_path / "other", toolchain.bin / "helm", name="other")
    other.up(lambda: release(api_server, chart, namespace, greeting="theirs"))
    message = engine.fail(lambda: release(api_server, chart, namespace, greeting="ours"))
    assert "small" in message
    assert api_server.get("configmap", "small-map", "-n", namespace)["data"] == {"greeting": "theirs"}
    other.destroy()


def test_istios_base_chart_installs_its_definitions(engine: Engine, api_server: ApiServer, toolchain: Any) -> None:
    def program() -> None:
        provider = kubernetes.Provider("cluster", kubeconfig=api_server.kubeconfig)
        base = kubernetes.helm.v3.Release(
            "base",
            name="istio-base",
            chart=str(toolchain.charts / "base"),
            namespace="istio-system",
            create_namespace=True,
            opts=pulumi.ResourceOptions(provider=provider),
        )
        kubernetes.apiextensions.CustomResource(
            "gateway",
            api_version="networking.istio.io/v1",
            kind="Gateway",
            metadata={"name": "gateway", "namespace": "istio-system"},
            spec={"selector": {"istio": "gateway"}, "servers": []},
            opts=pulumi.ResourceOptions(provider=provider, depends_on=[base]),
        )

    engine.up(program)
    assert api_server.has("gateways.networking.istio.io", "gateway", "-n", "istio-system")
    engine.refresh(preview_only=True, expect_no_changes=True)
    engine.destroy()
    api_server.kubectl("delete", "namespace", "istio-system", "--wait=false")


def test_an_engine_killed_in_the_middle_of_an_installation_leaves_nothing_that_stops_the_next_run(
    engine: Engine,
    api_server: ApiServer,
    namespace: str,
    chart: Path,
    official_plugin: Path | None,
    plugin_home: Path,
    toolchain: Any,
    tmp_path: Path,
) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "small-gateway"},
        "spec": {"type": "LoadBalancer", "ports": [{"port": 15443}]},
    }
    # Helm waits for an address, which nobody gives it.
    (chart / "templates" / "service.yaml").write_text(json.dumps(service))
    # In a process of its own, as the killed engine takes the program that it runs along.
    code = (
        "import sys; from pathlib import Path; from types import SimpleNamespace;"
        "from tests.plugins.kubernetes.engine import Engine;"
        "from tests.plugins.kubernetes.test_releases import release;"
        "home, pulumi, directory, helm, chart, cluster, namespace = sys.argv[1:];"
        "server = SimpleNamespace(kubeconfig=Path(cluster).read_text());"
        "engine = Engine(Path(home), Path(pulumi), Path(directory), Path(helm));"
        "engine.up(lambda: release(server, Path(chart), namespace))"
    )
    tools = (toolchain.bin / "pulumi", tmp_path, toolchain.bin / "helm")
    arguments = [str(part) for part in (plugin_home, *tools, chart, api_server.path, namespace)]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}

    def is_installing() -> bool:
        return any(
            found["metadata"]["labels"]["status"] == "pending-install" for found in stored(api_server, namespace)
        )

    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        # The engine has to be met while helm is at work on the release.
        Retrying(retry=retry_if_result(lambda met: not met), wait=wait_fixed(0.2), stop=stop_after_delay(60))(
            is_installing
        )
        [cli] = [child for child in psutil.Process(process.pid).children() if child.name() == "pulumi"]
        orphans = cli.children(recursive=True)
        assert any("helm" in orphan.name() for orphan in orphans) or official_plugin is not None
        cli.kill()
        process.wait(timeout=60)
    # The stand-in ends with its engine, the official plugin up to minutes later; the command ends what is left.
    _, alive = psutil.wait_procs(orphans, timeout=20 if official_plugin is None else 0)
    assert alive == [] or official_plugin is not None
    for orphan in alive:
        orphan.kill()
    patch = "--patch=" + json.dumps({"status": {"loadBalancer": {"ingress": [{"ip": "127.9.9.8"}]}}})
    api_server.kubectl(
        "patch", "service", "small-gateway", "-n", namespace, "--subresource=status", "--type=merge", patch
    )
    engine.unlock()
    settled(api_server, namespace, recorded=False)
    engine.up(lambda: release(api_server, chart, namespace))
    assert stored(api_server, namespace)[-1]["metadata"]["labels"]["status"] == "deployed"
    engine.destroy()
    assert stored(api_server, namespace) == []
    assert not api_server.has("service", "small-gateway", "-n", namespace)
