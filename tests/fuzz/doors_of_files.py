"""What enters from files: stack files, kubeconfigs, bundles, charts, certificates, and the records of the home."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from meshfleet.automation import current_kubeconfigs, forgetting, identities
from meshfleet.automation.engine import lock
from meshfleet.automation.reporting.plugin_advice import for_stack_files
from meshfleet.automation.state import local_state
from meshfleet.automation.state.recorded_state import clusters_of, description_of, embedded_clusters_of
from meshfleet.automation.support_bundle import machine_parts
from meshfleet.cli import graph
from meshfleet.components.issued_authorities import issued_authorities
from meshfleet.components.karmada import credentials_of
from meshfleet.components.karmada_chart import values_in, values_of
from meshfleet.components.kubeconfig_file import read_kubeconfig
from meshfleet.components.portal import member_of
from meshfleet.components.portal_files import key_set
from meshfleet.components.remote_secrets import kubeconfig_of
from meshfleet.containers import images as container_images
from meshfleet.containers import machine_settings
from meshfleet.dataplane.machine.bundle_folder import bundle_of
from meshfleet.dataplane.network.node_network import NodeNetwork
from meshfleet.dataplane.network.record import load as load_record
from meshfleet.embedded import certificate_times, kept_tables, reservations_rebuilt
from meshfleet.embedded.cluster_record import notes, read_spec
from meshfleet.embedded.cluster_spec import ClusterSpec, dump_spec, load_spec
from meshfleet.embedded.portal_certificate import serving_certificate
from meshfleet.embedded.reservation_record import load as load_reservations
from meshfleet.federation.overrides import text_field
from meshfleet.files import make_directory, plain_yaml, read_record
from meshfleet.identities.user_kubeconfig import require_own
from meshfleet.kind import record as kind_record
from meshfleet.kube.identity import identity_of_embedded
from meshfleet.kube.kubeconfig import select_context
from meshfleet.kube.releases.manifest import parts_of
from meshfleet.kube.releases.record import Record, unpack
from meshfleet.manifests.bundle import Found, bundle
from meshfleet.plugins.kubernetes.access import provider_access
from meshfleet.plugins.kubernetes.annotations import WAIT_FOR, wait_for
from meshfleet.plugins.kubernetes.charts import local_version
from meshfleet.plugins.kubernetes.diff import _observed_text
from meshfleet.plugins.kubernetes.settings import Settings, active_cluster
from meshfleet.plugins.meshfleet.certificate_reading import load_certificate, verify_chain
from meshfleet.processes.bounded_run import Ended
from meshfleet.providers.base import NamedContext
from meshfleet.redaction.secret_text import redact
from meshfleet.redaction.shown import shown
from meshfleet.sources import charts, kustomizations
from meshfleet.sources import load as load_sources
from meshfleet.sources.project_tree import write_tree
from meshfleet.toolchain import leftovers, pulumi_on_path
from meshfleet.toolchain import lock as toolchain_lock
from meshfleet.toolchain.installation import Installation
from meshfleet.topology import Fleet, load, mesh_settings, read_stack_file
from meshfleet.topology.discovery import Discovery
from meshfleet.topology.propagation.overrides import FieldOverride
from meshfleet.verification import read_fleet
from meshfleet.verification.bundle import certificates, verify_authority
from meshfleet.workspace import failover_record, marker, project_folder, wave_record
from meshfleet.workspace.home import Workspace
from tests.automation.recorded_states import recorded
from tests.automation.stack_files import GOOD
from tests.fuzz import seeds
from tests.fuzz.guided import Door
from tests.fuzz.world import KUBECONFIG
from tests.issued_files import new_intermediate, new_root
from tests.manifests.machines import STACKS

_NODE = {
    "version": 1,
    "cluster": "west",
    "network": "n",
    "address": "198.18.0.2",
    "pods": "100.64.0.0/24",
    "former": {"a": "b"},
}
_KIND = {"version": 1, "nonce": "0", "network": "n", "socket": "", "built": True, "started": {"a": "b"}} | {
    "nodes": [{"container": "c", "address": "172.30.0.2", "pods": "10.0.0.0/24"}]
}
_MACHINE = {"version": 1, "engines": ["/e"], "boot": "b", "settings": {"kernel.panic": "1"}, "absent": ["etc/docker"]}
NOTES = """kind: KwokctlConfiguration
options: {kubeVersion: v1.35.4, kubeApiserverPort: 21000}
components:
- {name: kube-apiserver, args: ["--service-cluster-ip-range=10.96.0.0/16"]}
- {name: kube-controller-manager, args: ["--cluster-cidr=100.64.0.0/16"]}
- {name: etcd, args: []}
- {name: kube-scheduler, args: []}
- {name: kwok-controller, args: []}
"""
_WAVES: Any = {
    "version": 1,
    "stack": "dev",
    "waves": {"web": {"clusters": ["west"], "before": {"west": {"propagation-web": {"kind": "ConfigMap"}}}}},
}
_EVICTIONS = {
    "version": 1,
    "stack": "dev",
    "evictions": {"web": {"west": "2028-11-22T04:51:12Z"}},
    "before": {},
    "pending": {"web": ["west"]},
    "clusters": {"west": {"answers": False, "since": 1.0, "seen": 2.0}},
}
_TEXTS_OF_OBJECTS = {
    "yaml": "# of the shop\nrate:\n    eu: '1'  # per second\nnames:\n- a\n",
    "json": '{\n  "rate": {"eu": "1"},\n  "names": ["a"]\n}\n',
}
EXISTING = {"kubeconfig": {"clusters": [{"name": "c", "cluster": {"server": "https://h"}}]}, "value": "x"}
SECURE = KUBECONFIG.replace("http://", "https://")
BUNDLE = {
    "cluster.env": "ISTIO_META_CLUSTER_ID=west\nISTIO_NAMESPACE='n'\n",
    "mesh.yaml": "defaultConfig: {}\n",
    "root-cert.pem": "x",
    "istio-token": "a." + base64.urlsafe_b64encode(b'{"exp": 1800000000}').decode().rstrip("=") + ".c",
    "hosts": "198.18.0.1 istiod.istio-system.svc\n",
}


def doors(folder: Path) -> dict[str, Door]:
    """By name; `folder` is an empty one for files."""
    return {**_given(folder), **_sources(folder), **_of_the_home(folder), **_certificates(folder), **_within_objects()}


def _given(folder: Path) -> dict[str, Door]:
    stack, kubeconfig, chart = folder / "Pulumi.dev.yaml", folder / "kubeconfig", folder / "chart.tgz"
    project = folder / project_folder.FILE

    def stack_file(value: Any) -> object:
        stack.write_bytes(_bytes(value))
        return load("dev", read_stack_file(folder, "dev").config)

    def projects(value: Any) -> object:
        project.write_bytes(_bytes(value))
        with patch.dict("os.environ", {project_folder.VARIABLE: str(folder)}):
            return project_folder.project_folder()

    def kubeconfigs(value: Any) -> object:
        kubeconfig.write_bytes(_bytes(value))
        text = _bytes(value).decode("utf-8", "replace")
        select_context(text, "c")
        provider_access(Settings(kubeconfig=text, context="c", cluster="c"))
        active_cluster({"kubeconfig": text})
        return read_kubeconfig("west", NamedContext("existing", str(kubeconfig), "c"))

    def users_kubeconfigs(value: Any) -> object:
        kubeconfig.write_bytes(_bytes(value))
        require_own(kubeconfig, "ada")
        return None

    def key_sets(value: Any) -> object:
        kubeconfig.write_bytes(_bytes(value))
        return key_set("portal.oidc.login.jwks", str(kubeconfig))

    def bundles(files: Any) -> object:
        texts = (
            {str(name): text for name, text in files.items() if isinstance(text, str)}
            if isinstance(files, dict)
            else {}
        )
        made = bundle_of(texts)
        return [made.istiod, made.token_ends()]

    def packages(content: bytes) -> object:
        chart.write_bytes(content)
        return local_version(str(chart))

    return {
        "stack files": Door(
            (_dumped({"config": {f"meshfleet:{key}": value for key, value in GOOD.items()}}),), stack_file
        ),
        "stack files in parts": Door(
            ({"config": {f"meshfleet:{key}": value for key, value in GOOD.items()}},), stack_file
        ),
        "Pulumi.yaml": Door(("name: meshfleet\nruntime: python\n",), projects),
        "kubeconfigs": Door((SECURE,), kubeconfigs),
        "kubeconfigs in parts": Door((json.loads(SECURE),), kubeconfigs),
        "kubeconfigs of users": Door(
            ({"kind": "Config", "users": [{"name": "ada@west"}, {"name": "portal/ada"}]},), users_kubeconfigs
        ),
        "keys of a portal": Door(({"keys": [{"kty": "EC", "crv": "P-256", "x": "a", "y": "b"}]},), key_sets),
        "bundles of machines": Door((BUNDLE,), bundles),
        "charts": Door((seeds.chart(b"version: 1.0.0\n"),), packages),
        "a chart of Karmada": Door((seeds.chart(b"certs: {mode: auto}\n", "values.yaml"),), _values_of_karmada),
        **{f"{form} texts of objects": Door((text,), _patched_text(form)) for form, text in _TEXTS_OF_OBJECTS.items()},
    }


def _sources(folder: Path) -> dict[str, Door]:
    """Files that propagations name, and what helm and kubectl print of them."""
    project = folder / "sources"
    of_chart = {"folder": "chart", "release": "web", "namespace": "shop", "valuesFiles": ["values.yaml"]}

    manifest = (
        "apiVersion: v1\nkind: List\nitems:\n- {kind: ConfigMap, apiVersion: v1, metadata: {name: a, namespace: b}}\n"
    )
    plain = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: a\n  namespace: b\nspec:\n  replicas: 3\n"
    kustomization = (
        "resources: [../chart]\npatches: [{path: a.yaml}]\nconfigMapGenerator: [{name: a, files: [b=a.yaml]}]\n"
    )

    def read(value: Any, place: str, resource: dict[str, Any]) -> object:
        content = _bytes(value)
        files = {"chart/Chart.yaml": b"name: web\n", "web/a.yaml": b"", "values.yaml": b""}
        # What another door left there.
        files |= {"web/kustomization.yaml": b"resources: [a.yaml]\n", "chart/values.schema.json": b"{}"}
        write_tree(files | ({place: content} if place else {}), project)
        ended = Ended(0, manifest if place else content.decode("utf-8", "replace"), "")
        plain_yaml._resolved.cache_clear()
        charts._rendered.cache_clear()
        kustomizations._built.cache_clear()
        with (
            patch("meshfleet.sources.renderers.run_bounded", lambda *_, **__: ended),
            patch("meshfleet.sources.renderers.tool", lambda name: Path("/bin") / name),
        ):
            return load_sources("dev", {**GOOD, "propagations": {"web": {"resources": [resource]}}}, project=project)

    return {
        "files of propagations": Door(
            (manifest, plain), partial(read, place="all.yaml", resource={"file": "all.yaml"})
        ),
        "kustomizations": Door(
            (kustomization,), partial(read, place="web/kustomization.yaml", resource={"kustomize": "web"})
        ),
        "values of charts": Door(("a: {b: 1}\n",), partial(read, place="values.yaml", resource={"chart": of_chart})),
        "manifests of kustomizations": Door(
            ("a: &a [b]\nc: *a\n",), partial(read, place="web/a.yaml", resource={"kustomize": "web"})
        ),
        "schemas of charts": Door(
            ('{"$ref": "#/a"}',), partial(read, place="chart/values.schema.json", resource={"chart": of_chart})
        ),
        "packages within charts": Door(
            (_package(),), partial(read, place="chart/charts/x.tgz", resource={"chart": of_chart})
        ),
        "what helm prints": Door(
            (f"---\n# Source: web/a\n{manifest}",), partial(read, place="", resource={"chart": of_chart})
        ),
    }


def _package() -> bytes:
    """The package of a chart with a schema."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as package:
        member = tarfile.TarInfo("x/values.schema.json")
        member.size = 2
        package.addfile(member, io.BytesIO(b"{}"))
    return file.getvalue()


def _patched_text(form: str) -> Callable[[Any], object]:
    """An override of a field inside the text of a ConfigMap."""
    override = FieldOverride.model_validate(
        {"fieldPath": "/data/settings", "format": form, "json": [{"op": "replace", "path": "/rate/eu", "value": "2"}]}
    )

    def read(value: Any) -> object:
        # What was read before is not read again, and would not be seen to be reached.
        text_field._changed.cache_clear()
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"settings": value}}
        return text_field.with_operation(body, override, override.operations[0])

    return read


def _of_the_home(folder: Path) -> dict[str, Door]:
    record = folder / "record"

    def as_record(parse: Callable[[str], object]) -> Callable[[Any], object]:
        def read(value: Any) -> object:
            record.write_bytes(_bytes(value))
            return read_record(record, parse, "remove that file")

        return read

    def notes_of_kwokctl(text: str) -> object:
        path = folder / "west" / "kwok" / "clusters" / "west"
        (path / "etcd" / "member").mkdir(parents=True, exist_ok=True)
        (path / "kwok.yaml").write_bytes(_bytes(text))
        return [
            reservations_rebuilt.cluster_ports(folder / "west"),
            notes(folder / "west", "west"),
            read_spec(folder / "west"),
        ]

    def of_an_earlier_node(value: Any) -> object:
        (folder / "node.json").write_bytes(_bytes(value))
        return reservations_rebuilt._node_address(folder)

    def note_of_a_table(value: Any) -> object:
        record.write_bytes(_bytes(value))
        return kept_tables._read(record)

    def of_another_stack(value: Any) -> object:
        record.write_bytes(_bytes(value))
        return [identities._deployment(record), list(machine_parts._reservations(_subject(folder, value)))]

    def evictions(value: Any) -> object:
        workspace = Workspace("dev", folder)
        make_directory(workspace.directory)
        for name in ("failover.json", "reachability.json"):
            (workspace.directory / name).write_bytes(_bytes(value))
        return [failover_record.read_looks(workspace), failover_record.read_kept(workspace)]

    def waves(value: Any) -> object:
        workspace = Workspace("dev", folder)
        make_directory(workspace.directory)
        (workspace.directory / "waves.json").write_bytes(_bytes(value))
        return wave_record.read_waves(workspace)

    def of_the_toolchain(value: Any) -> object:
        manifest, holder = folder / "manifest.json", folder / "holder"
        for path in (manifest, holder, folder / "pulumi-on-path.json"):
            path.write_bytes(_bytes(value))
        with patch("os.killpg"):
            found: list[Any] = [leftovers._end(holder)]
        holder.write_bytes(_bytes(value))
        found += [Installation("kwok", "v1", folder).faults(), toolchain_lock._describe(holder)]
        return [*found, _pulumi_on_path(folder)]

    state: dict[str, Any] = {
        "version": 3,
        "checkpoint": {"stack": "west", "latest": recorded() | {"resources": recorded()["resources"][:6]}},
    }
    return {
        "the state": Door((state,), as_record(local_state._parse)),
        "exports": Door((state["checkpoint"]["latest"],), _export),
        "cluster.json": Door((json.loads(dump_spec(ClusterSpec("west", "v1.35.4"))),), as_record(load_spec)),
        "kwok.yaml": Door((NOTES,), notes_of_kwokctl),
        "node.json": Door((_NODE,), as_record(lambda text: load_record(text, NodeNetwork))),
        "node.json of an earlier version": Door((_NODE,), of_an_earlier_node),
        "reservations.json": Door(
            ({"version": 1, "ports": {"dev/cluster/west": {"etcd": 21000}}, "addresses": {"a": "1.2.3.4"}},),
            as_record(load_reservations),
        ),
        "the marker": Door(({"version": 1, "kind": "fleet", "identity": "0" * 32, "inode": 1},), as_record(_marker)),
        "what is to be forgotten": Door(({"version": 1, "clusters": ["west"]}, ["west"]), as_record(forgetting._parse)),
        "evictions": Door((_EVICTIONS,), evictions),
        "waves": Door((_WAVES,), waves),
        "the last verification": Door(({"version": 1, "verdicts": {"west": True}},), as_record(graph._parse)),
        "the record of a kind cluster": Door((_KIND,), as_record(kind_record._parse)),
        "the record of the machine": Door((_MACHINE,), as_record(machine_settings._parse)),
        "the record of images": Door(
            ({"version": 1, "inputs": "0", "id": "sha256:0"},), as_record(container_images._parse)
        ),
        "the note of a table": Door(({"version": 1, "home": "/h", "ports": [21000]},), note_of_a_table),
        "the holder of a stack": Door(({"version": 1, "command": "up", "pid": 1, "started": 1.0},), _holder(folder)),
        "another stack": Door((state,), of_another_stack),
        "the toolchain": Door(
            ({"files": {"bin/a": {"bytes": 1, "modified": 2, "sha256": "x"}}, "pid": 0, "started": 1.0, "seen": {}},),
            of_the_toolchain,
        ),
        "status": Door((seeds.status("/nowhere"),), lambda value: read_fleet(_object(value), folder)),
        "kubeconfigs that are recorded": Door(
            ({"plaintext": KUBECONFIG}, json.loads(KUBECONFIG)),
            lambda value: [
                current_kubeconfigs._content({current_kubeconfigs._SIGNATURE: current_kubeconfigs._SECRET} | value)
                if isinstance(value, dict) and isinstance(value.get("plaintext"), str)
                else None,
                current_kubeconfigs._cluster(_dumped(value)),
                identity_of_embedded(_dumped(value)),
            ],
        ),
    }


def _certificates(folder: Path) -> dict[str, Door]:
    def read(pem: bytes) -> object:
        (folder / "cert.pem").write_bytes(pem)
        text = pem.decode("utf-8", "replace")
        begins = certificate_times.not_yet_valid([folder / "cert.pem"], now=0.0)
        return [begins, load_certificate(text, "x"), certificates(pem, "x"), _chained(text)]

    def authorities(files: Any) -> object:
        return verify_authority(
            {name: content for name, content in _object(files).items() if isinstance(content, bytes)}, datetime.now(UTC)
        )

    def issued(files: Any) -> object:
        for name, content in _object(files).items():
            if name in ISSUED.values() and isinstance(content, bytes):
                path = folder / name
                path.touch(mode=0o600)
                path.write_bytes(content)
        return issued_authorities(_of_files({field: str(folder / name) for field, name in ISSUED.items()}))

    def serving(files: Any) -> object:
        place = make_directory(folder / "portal")
        for name, content in _object(files).items():
            if name in SERVING and isinstance(content, bytes):
                (place / name).write_bytes(content)
        return serving_certificate(place, ["127.0.0.1"])

    return {
        "certificate of the portal": Door((_serving(),), serving),
        "certificates": Door((seeds.certificate(),), read),
        "issued authorities": Door((_issued(),), issued),
        "authorities": Door((seeds.authority(),), authorities),
    }


SERVING = ("authority.pem", "authority.key", "serving.pem", "serving.key", "serving.names")


def _serving() -> dict[str, bytes]:
    made = seeds.authority()
    pem, key = made["ca-cert.pem"], made["ca-key.pem"]
    return dict(zip(SERVING, (pem, key, pem, key, b"127.0.0.1"), strict=True))


ISSUED = {"certificate": "ca-cert.pem", "key": "ca-key.pem", "chain": "cert-chain.pem", "root": "root-cert.pem"}
"""The files of an intermediate by the fields of the stack file."""


def _issued() -> dict[str, bytes]:
    root = new_root()
    west = new_intermediate(root, "west")
    texts = {
        "ca-cert.pem": west.certificate,
        "ca-key.pem": west.private_key,
        "cert-chain.pem": west.certificate + root.certificate,
        "root-cert.pem": root.certificate,
    }
    return {name: text.encode() for name, text in texts.items()}


def _of_files(files: dict[str, str]) -> Fleet:
    trust = {"issuer": "files", "files": {"west": files}}
    clusters = {"west": {"embedded": {}, "network": "n"}}
    return load(
        "issued", {"host": "west", "networks": {"n": {}}, "clusters": clusters, "meshes": {"m": {"trust": trust}}}
    )


def _values_of_karmada(content: bytes) -> object:
    return values_in(values_of(content))


def _within_objects() -> dict[str, Door]:
    """What a text within an object is read as: a mesh configuration, an annotation, a manifest, a log."""
    machines = load("machines", read_stack_file(STACKS, "examples/virtual-machines").config)
    (machine, *_) = machines.virtual_machines

    def mesh(text: str) -> object:
        return bundle(machines, machine, "default", Found(text, "root", ("198.18.0.1",), "token"), "10.0.0.9")

    def annotation(value: str) -> object:
        lacks = wait_for({"metadata": {"annotations": {WAIT_FOR: value}}})
        return lacks({"status": {"phase": "Running", "conditions": [{"type": "Ready"}]}}) if lacks else None

    def manifest(text: str) -> object:
        return parts_of(Record("s", {}, {"namespace": "n", "name": "r", "manifest": text, "chart": {"metadata": {}}}))

    def token(data: Any) -> object:
        found = _object(data)
        return [
            kubeconfig_of("west", Discovery(), "https://h", found),
            member_of("west", Discovery(), "h", found),
            credentials_of("west", "karmada-west", Discovery(), found),
        ]

    def written(value: Any) -> object:
        return _observed_text({"a": "b"}, {}, value)

    def texts(text: str) -> object:
        return [for_stack_files(text), redact(text), shown(text), mesh_settings._is_json_object(text)]

    return {
        "mesh configuration": Door(("defaultConfig: {proxyMetadata: {A: b}}\ntrustDomain: cluster.local\n",), mesh),
        "pulumi.com/waitFor": Door(
            ('["condition=Ready", "jsonpath={.status.phase}=Running"]', "condition=Ready"), annotation
        ),
        "manifests": Door((seeds.MANIFEST,), manifest),
        "records of releases": Door(
            (seeds.world()["secrets"][1]["data"]["release"],),
            lambda text: Record("s", {}, unpack(text, "s")).definitions(),
        ),
        "tokens of peers": Door(({"token": "dA==", "ca.crt": "Y2E="},), token),
        "stringData": Door(({"a": "Yg=="},), written),
        "texts of plugins": Door(
            ("error: a -----BEGIN PRIVATE KEY-----\nMIIE", "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t"), texts
        ),
    }


def _chained(text: str) -> object:
    verify_chain(text, text, datetime.now(UTC))
    return None


def _export(value: Any) -> object:
    deployment = _object(value)
    return [description_of(deployment), clusters_of(deployment), embedded_clusters_of(deployment)]


def _marker(text: str) -> object:
    found = marker._parse(text)
    assert isinstance(found.kind, str)
    assert isinstance(found.identity, str)
    assert isinstance(found.inode, int)
    return found


def _subject(folder: Path, value: Any) -> Any:
    (folder / "reservations.json").write_bytes(_bytes(value))
    return SimpleNamespace(checkout=SimpleNamespace(home=folder))


def _holder(folder: Path) -> Callable[[Any], object]:
    def read(value: Any) -> object:
        path = folder / "command.json"
        path.write_bytes(_bytes(value))
        return [lock._holder(path), lock._engine_of(path)]

    return read


def _pulumi_on_path(folder: Path) -> object:
    """What was remembered of a Pulumi CLI that is there."""
    for name in pulumi_on_path.PROGRAMS:
        (folder / name).touch(mode=0o755)
    cache: Any = SimpleNamespace(root=Path("/nowhere"), toolchain=folder)
    with (
        patch("meshfleet.toolchain.pulumi_on_path.shutil.which", lambda _: str(folder / "pulumi")),
        patch("meshfleet.toolchain.pulumi_on_path._ask_version", lambda _: "v3.0.0"),
    ):
        return pulumi_on_path.find_pulumi(cache)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    return (value if isinstance(value, str) else _dumped(value)).encode("utf-8", "surrogatepass")


def _dumped(value: Any) -> str:
    try:
        return json.dumps(value)
    except RecursionError:
        return "[" * 3000
