"""A provider is added by one folder and one line: to a copy of the code, in which everything else stays as it is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.proof("a provider is a folder behind a contract", step=1)

ROOT = Path(__file__).resolve().parent.parent.parent
LINE = '    Entry("sample"),\n'
BEFORE = '    Entry("kind"),\n'

SETTINGS = '''\
"""The settings of a sample cluster."""

from typing import Annotated, ClassVar

from pydantic import Field

from meshfleet.providers.base import Settings


class Sample(Settings):
    """A cluster that a sample provider creates."""

    summary: ClassVar[str] = "a sample cluster"

    size: Annotated[int, Field(ge=1, le=9)] = 3
    """How large the sample is."""
'''
PROVIDER = '''\
"""What a sample cluster responds."""

from meshfleet.errors.faults import Fault
from meshfleet.providers.base import Capabilities, Provider
from meshfleet.providers.sample.settings import Sample


def _capabilities(settings):
    return Capabilities(
        pods="real",
        istiod_runtime="pod",
        gateway_addresses="cluster",
        gateway_api="fleet",
        api_server="network",
        images="published",
        ends_with_stack=True,
        recreated_by=("podCidr",),
        service_range="unknown",
        context=None,
    )


def even(draft):
    for name, cluster in draft.clusters.items():
        if cluster.provider == "sample" and cluster.settings(Sample).size % 2 == 0:
            yield Fault(f"clusters.{name}.sample.size", "must be odd; use 3")


PROVIDER = Provider(
    capabilities=_capabilities,
    local=False,
    component="SampleCluster",
    leads_to="sample",
    usage="sample",
    rules=(even,),
    examples=({},),
    docs="Clusters of samples.",
)
'''
CLUSTER = '''\
"""Creates a sample cluster."""

import pulumi

from meshfleet.components.cluster import ClusterAccess, kubernetes_provider
from meshfleet.components.component import Component
from meshfleet.plugins.meshfleet.sdk import ClusterIdentity
from meshfleet.providers.sample.settings import Sample


class SampleCluster(Component):
    """A sample."""

    def __init__(self, fleet, cluster, opts):
        super().__init__(cluster, opts)
        size = fleet.clusters[cluster].settings(Sample).size
        made = pulumi.CustomResource("sample:index:Cluster", f"{cluster}/sample", {"size": size}, self.child())
        identity = ClusterIdentity(
            f"{cluster}/identity", cluster=cluster, kubeconfig=pulumi.Output.secret(made.id), opts=self.child()
        )
        kubeconfig = pulumi.Output.secret(identity.kubeconfig)
        self.access = ClusterAccess(
            name=cluster,
            kubeconfig=kubeconfig,
            context="",
            server=pulumi.Output.from_input("https://sample.example"),
            identity=identity.identity,
            provider=kubernetes_provider(
                cluster, f"{fleet.name}/{cluster}", kubeconfig, "", self.child(), wholly_ours=True
            ),
            goes_with=made,
            pods="real",
        )
        self.done()


def create(fleet, cluster, kubeconfig, opts):
    return SampleCluster(fleet, cluster, opts).access
'''
STACK = """\
config:
  meshfleet:networks:
    n: {}
  meshfleet:clusters:
    west:
      sample: {size: SIZE}
      network: n
"""
# What a run registers for the stack, and the pages, as JSON.
SEEN = """
import json, pathlib
from docs.generate import field_tables, provider_contract
from meshfleet.automation.state.recorded_state import CLUSTERS
from meshfleet.topology import Fleet, load
from meshfleet.topology.cluster import Cluster
from tests.components.registrations import record
fleet = load("added", {"networks": {"n": {}}, "clusters": {"west": {"sample": {}, "network": "n"}}})
graph = record(fleet)
print(json.dumps({
    "types": {
        one.name: one.type for one in graph.resources.values() if one.type in CLUSTERS or one.name == "west/sample"
    },
    "inside": sorted(one.name for one in graph.custom if one.deleted_with.endswith("::west/sample")),
    "size": graph["west/sample"].inputs["size"],
    "page": provider_contract.page(),
    "table": field_tables.table(Cluster),
    "parts": [field_tables.heading(part) for part in field_tables.parts_of(Cluster)],
}))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a copy of the code that knows the provider, and the stacks `added` and `wrong`."""
    root = tmp_path_factory.mktemp("added")
    for copied in ("meshfleet", "components", "docs/generate"):
        shutil.copytree(ROOT / copied, root / copied, symlinks=True)
    shutil.copy(ROOT / "Pulumi.yaml", root)
    folder = root / "meshfleet" / "providers" / "sample"
    folder.mkdir()
    for name, text in {"__init__": "", "settings": SETTINGS, "provider": PROVIDER, "cluster": CLUSTER}.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    registry = folder.parent / "registry.py"
    before = registry.read_text(encoding="utf-8")
    assert before.count(BEFORE) == 1
    registry.write_text(before.replace(BEFORE, LINE + BEFORE), encoding="utf-8")
    (root / "stacks").mkdir()
    for stack, size in (("added", "5"), ("even", "4"), ("large", "10")):
        (root / "stacks" / f"Pulumi.{stack}.yaml").write_text(STACK.replace("SIZE", size), encoding="utf-8")
    return root


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the project with the copy of the code; the tests are those of the checkout."""
    path = os.pathsep.join((str(project), str(ROOT)))
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
    )


def command(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `meshfleet` there."""
    return run(project, "-c", "from meshfleet.cli.entry_point import main; main()", *arguments)


@pytest.fixture(scope="module")
def seen(project: Path) -> dict[str, Any]:
    """What the copy registers and writes."""
    done = run(project, "-c", SEEN)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_validate_accepts_it_and_refuses_what_its_model_and_its_rule_refuse(project: Path) -> None:
    accepted = command(project, "validate", "--stack", "added")
    assert accepted.returncode == 0, accepted.stderr
    for stack, fault in (("even", "clusters.west.sample.size: must be odd; use 3"), ("large", "clusters.west.sample")):
        refused = command(project, "validate", "--stack", stack)
        assert refused.returncode == 2
        assert fault in refused.stdout + refused.stderr


def test_the_schema_describes_it(project: Path) -> None:
    done = command(project, "schema", "stack")
    assert done.returncode == 0, done.stderr
    schema = json.loads(done.stdout)["$defs"]
    assert schema["Sample"]["properties"]["size"]["maximum"] == 9
    assert schema["Cluster"]["properties"]["sample"]["description"] == "Provider: a sample cluster."
    assert "sample" in [one["required"][0] for one in schema["Cluster"]["oneOf"]]


def test_render_writes_its_documents(project: Path) -> None:
    done = command(project, "render", "--stack", "added", "--out", "rendered")
    assert done.returncode == 0, done.stderr
    files = {path.stem: path.read_text(encoding="utf-8") for path in (project / "rendered").rglob("*.yaml")}
    istiod = next(text for name, text in files.items() if name.endswith("istiod"))
    # Its pods run: istiod is in one, its release is awaited and leads to no process.
    assert "wait: true" in istiod.splitlines()
    assert not any("process of west" in text for text in files.values())


def test_it_is_registered_and_all_that_is_in_it_goes_with_it(seen: dict[str, Any]) -> None:
    assert seen["types"] == {"west": "meshfleet:components:SampleCluster", "west/sample": "sample:index:Cluster"}
    assert seen["size"] == 3
    assert {"west/istio-system", "west/istio-base", "west/istiod"} <= set(seen["inside"])


def test_the_pages_have_it(seen: dict[str, Any]) -> None:
    assert "\n## sample\n\nClusters of samples.\n" in seen["page"]
    assert "SampleCluster" in seen["page"]
    assert "| `sample` | [sample](#sample) | none | Provider: a sample cluster. |" in seen["table"]
    assert "Sample" in seen["parts"]
