"""Whatever is put before a reader, it reads it or refuses it with an error of this project, and in no time.

MESHFLEET_FUZZ=20000 python -m pytest tests/fuzz
"""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from meshfleet.automation.reporting.changes import Record
from meshfleet.automation.reporting.plugin_advice import for_stack_files
from meshfleet.automation.state.deployment import deployed_in
from meshfleet.automation.state.recorded_state import (
    clusters_of,
    description_of,
    embedded_clusters_of,
    without_description,
)
from meshfleet.components.kubeconfig_file import read_kubeconfig
from meshfleet.dataplane.machine.bundle_folder import bundle_of
from meshfleet.embedded.cluster_record import read_spec
from meshfleet.embedded.cluster_spec import ClusterSpec, dump_spec
from meshfleet.embedded.reservations import reservations
from meshfleet.errors import MeshfleetError
from meshfleet.kube.kubeconfig import connect, select_context
from meshfleet.manifests.bundle import FILES
from meshfleet.plugins.kubernetes.charts import local_version
from meshfleet.providers.base import NamedContext
from meshfleet.redaction.secret_text import redact
from meshfleet.topology import load, read_stack_file
from meshfleet.verification import read_fleet
from meshfleet.verification.bundle import verify_authority
from meshfleet.verification.istiod import (
    connected_proxies,
    known_clusters,
    mesh_config,
    network_gateways,
    root_objects,
    service_shards,
)
from tests.automation.made_up_session import STATUS
from tests.automation.recorded_states import recorded
from tests.automation.stack_files import GOOD
from tests.fuzz import seeds
from tests.fuzz.damage import BUDGET, damaged, refusal

pytestmark = pytest.mark.proof("every reader takes or refuses any input, and nothing else", step=0)

FILES_BUDGET = settings(BUDGET, suppress_health_check=[HealthCheck.function_scoped_fixture])
KUBECONFIG: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "c",
    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "u", "user": {"token": "t"}}],
}
WORKLOAD = {
    "name": "w",
    "namespace": "n",
    "host": "w.n.svc.cluster.local",
    "ports": {"http": 80.0, "grpc": 7070.0},
    "echo": False,
    "allowedCallers": [],
    "versions": [{"name": "v1", "replicas": 1.0, "weight": None, "headers": {}}],
}
FLEET: dict[str, Any] = copy.deepcopy(STATUS)
for _cluster in FLEET["clusters"]:
    _cluster["kubeconfig"] = "/nowhere"
    _cluster["workloads"] = [WORKLOAD]


@BUDGET
@given(damaged(GOOD))
def test_configurations(value: Any) -> None:
    assert refusal(lambda: load("dev", value if isinstance(value, dict) else {"clusters": value})) != ""


@FILES_BUDGET
@given(st.one_of(st.binary(max_size=200), damaged(GOOD).map(lambda value: json.dumps({"config": value}).encode())))
@example(b"config: &a [*a]")
@example(b"\xef\xbb\xbfconfig: {}")
def test_stack_files(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_bytes(content)
    said = refusal(lambda: load("dev", read_stack_file(tmp_path, "dev").config))
    assert said is None or all(line.isprintable() for line in said.split("\n"))


@FILES_BUDGET
@given(st.one_of(st.text(max_size=120), damaged(KUBECONFIG).map(json.dumps)))
def test_kubeconfigs(tmp_path: Path, text: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_bytes(text.encode(errors="surrogatepass"))
    for read in (
        lambda: select_context(text, "c"),
        lambda: connect(text),
        lambda: read_kubeconfig("west", NamedContext("existing", str(path), "c")),
    ):
        assert refusal(read) != ""


@BUDGET
@given(damaged(FLEET))
def test_status_of_another_version(value: Any) -> None:
    status = value if isinstance(value, dict) else {"clusters": value}
    said = refusal(lambda: read_fleet(status, Path("/nowhere")))
    assert said is None or said.startswith("status")


PAGES: dict[Callable[[Any], object], Any] = {
    known_clusters: [{"id": "west", "secretName": "s", "syncStatus": "synced"}],
    network_gateways: [{"Network": "n", "Cluster": "c", "Addr": "1.2.3.4", "Port": 15443}],
    mesh_config: {"trustDomain": "cluster.local"},
    connected_proxies: [{"cluster_id": "west", "proxy": "a.b", "resources": {"x.y.z": {"lastError": "e"}}}],
    service_shards: {"h": {"ns": {"Shards": {"Kubernetes/west": [{"Network": "n"}]}}}},
    lambda page: root_objects(page, "n"): [{"kind": "k", "metadata": {"name": "a", "namespace": "n"}, "spec": {}}],
}


@BUDGET
@given(st.data())
def test_pages_of_istiod(data: st.DataObject) -> None:
    parse = data.draw(st.sampled_from(list(PAGES)))
    page = data.draw(damaged(PAGES[parse]))
    assert refusal(lambda: parse(page)) != ""


@FILES_BUDGET
@given(
    st.one_of(
        st.binary(max_size=80),
        damaged({"ports": {"dev/cluster/west": {"etcd": 21000}}, "addresses": {"a": "1.2.3.4"}}).map(
            lambda value: json.dumps(value).encode()
        ),
    )
)
def test_reservations(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "reservations.json").write_bytes(content)

    def read() -> None:
        with reservations(tmp_path):
            pass

    said = refusal(read)
    assert said is None or str(tmp_path) in said


@FILES_BUDGET
@given(
    st.one_of(
        st.binary(max_size=80),
        damaged(json.loads(dump_spec(ClusterSpec("west", "v1.35.4")))).map(lambda value: json.dumps(value).encode()),
    )
)
def test_records_of_clusters(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "cluster.json").write_bytes(content)
    said = refusal(lambda: read_spec(tmp_path))
    assert said is None or str(tmp_path) in said


@BUDGET
@given(damaged(recorded() | {"resources": recorded()["resources"][:8]}))
def test_exports_of_a_state(value: Any) -> None:
    deployment = value if isinstance(value, dict) else {"resources": value}
    for read in (description_of, clusters_of, embedded_clusters_of, deployed_in):
        assert refusal(partial(read, deployment)) != ""
    assert refusal(lambda: without_description(deployment, ["west"])) != ""


@BUDGET
@given(st.dictionaries(st.sampled_from([*FILES, "other"]), st.text(max_size=80), max_size=6))
def test_bundles_of_machines(files: dict[str, str]) -> None:
    assert refusal(lambda: bundle_of(files)) != ""


@FILES_BUDGET
@given(
    st.one_of(
        st.binary(max_size=80),
        st.binary(max_size=80).map(gzip.compress),
        st.binary(max_size=80).map(seeds.chart),
        st.integers(0, 150).map(lambda cut: seeds.chart(b"version: 1.0.0\n")[:cut]),
    )
)
def test_archives_of_charts(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "chart.tgz"
    path.write_bytes(content)
    assert refusal(lambda: local_version(str(path))) != ""


@BUDGET
@given(st.dictionaries(st.sampled_from(["ca-cert.pem", "ca-key.pem", "cert-chain.pem", "root-cert.pem"]), st.binary()))
def test_bundles_of_certificates(files: dict[str, bytes]) -> None:
    with pytest.raises(MeshfleetError):
        verify_authority(files, datetime.now(UTC))


@BUDGET
@given(st.text(max_size=200))
def test_texts_of_plugins_and_logs(text: str) -> None:
    for_stack_files(text)
    redact(text)
    record = Record()
    record._error("", text)
    assert all("\n" not in sentence for sentence in record.sentences())
