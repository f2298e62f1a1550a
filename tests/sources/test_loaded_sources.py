"""What files, kustomizations and charts hold is propagated as if it stood in the stack file."""

from __future__ import annotations

from pathlib import Path
from time import process_time

import pytest

from meshfleet.cli.placement import notes_of
from meshfleet.federation.propagated import propagations
from meshfleet.manifests.addition_faults import checked
from meshfleet.sources.documents import documents
from meshfleet.topology import Fleet, TopologyError, load
from tests.sources.projects import CHART, CONFIG_MAP, DEPLOYMENT, chart, config, loaded

pytestmark = pytest.mark.proof("files, kustomizations and charts are propagated", step=0)

TEMPLATE = DEPLOYMENT.replace("name: web}", "name: {{ .Release.Name }}}").replace(
    "replicas: 4", "replicas: {{ .Values.replicas }}"
)
TEST = "apiVersion: v1\nkind: Pod\nmetadata: {name: ask, annotations: {helm.sh/hook: test}}\nspec: {}\n"
DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: catalogs.shop.example, creationTimestamp: null, annotations: {helm.sh/resource-policy: keep}}
spec:
  group: shop.example
  scope: Cluster
  names: {plural: catalogs, kind: Catalog}
  versions: [{name: v1, served: true, storage: true}]
status: {}
"""
SERVICE = "apiVersion: v1\nkind: Service\n"
CATALOG = "apiVersion: shop.example/v1\nkind: Catalog\nmetadata: {name: main}\n"


def keys(fleet: Fleet) -> list[str]:
    return [str(one.key) for one in propagations(checked(fleet)).objects]


def test_a_file_has_several_documents_and_lists(tmp_path: Path) -> None:
    listed = f"---\n# Nothing.\n---\n{CONFIG_MAP}--- # two more\napiVersion: v1\nkind: List\nitems:\n" + "".join(
        f"- apiVersion: v1\n  kind: ConfigMap\n  metadata: {{name: {name}, namespace: shop}}\n" for name in "ab"
    )
    fleet = loaded(tmp_path, {"all.yaml": listed}, {"file": "./all.yaml"})
    assert keys(fleet) == [f"ConfigMap {name} in the namespace shop" for name in ("web", "a", "b")]
    places = [one.path for one in propagations(fleet).objects]
    assert places == [f"propagations.web.resources[0].file(all.yaml:{line})" for line in (4, 11, 14)]


@pytest.mark.parametrize("separator", ["\u2028", "\u0085", "\u000c", "\u000b", "\u001c"])
def test_a_document_begins_in_a_line_of_yaml_alone(separator: str) -> None:
    text = f"{CONFIG_MAP}---\n{CONFIG_MAP}".replace("name: web", f"name: 'a{separator}---'", 1)
    assert [one.line for one in documents(text, what="web.yaml")[0]][-1:] == [5]


def test_many_documents_take_as_long_as_each_by_itself() -> None:
    # The two are scanned a character at a time: a second pass over what stands before each would show at once.
    count = 1500
    text = "---\n" * count + f"{CONFIG_MAP}---\n{CONFIG_MAP}data: {{a: b}}\ndata: {{}}\n"
    start = process_time()
    found, wrong = documents(text, what="web.yaml")
    assert process_time() - start < 10
    assert [one.line for one in found] == [count + 1]
    assert wrong == [f"web.yaml: is not YAML: a key is set twice in line {count + 9}, column 1"]


def test_a_list_within_a_list_is_unpacked(tmp_path: Path) -> None:
    inner = CONFIG_MAP.replace("\n", "\n    ").rstrip()
    listed = f"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n  - {inner}\n"
    assert keys(loaded(tmp_path, {"all.yaml": listed}, {"file": "all.yaml"})) == ["ConfigMap web in the namespace shop"]


@pytest.mark.tools
def test_a_kustomization_names_a_file_with_a_dot(tmp_path: Path) -> None:
    files = {"web/kustomization.yaml": "resources: [.below/map.yaml]\n", "web/.below/map.yaml": CONFIG_MAP}
    assert keys(loaded(tmp_path, files, {"kustomize": "web"})) == ["ConfigMap web in the namespace shop"]


def test_a_folder_is_read_by_name_and_without_what_is_below(tmp_path: Path) -> None:
    files = {
        "all/b.yaml": CONFIG_MAP.replace("web", "b"),
        "all/a.json": '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "shop"}}',
        "all/README.md": "not: [read",
        "all/below/c.yaml": "not: [read",
    }
    fleet = loaded(tmp_path, files, {"file": "all"}, {"object": {**_object("last")}})
    assert keys(fleet) == [f"ConfigMap {name} in the namespace shop" for name in ("a", "b", "last")]
    assert propagations(fleet).objects[-1].path == "propagations.web.resources[1].object"


def _object(name: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"}}


@pytest.mark.tools
def test_a_kustomization_is_built_with_its_bases(tmp_path: Path) -> None:
    files = {
        "base/kustomization.yaml": "resources: [deployment.yaml]\n",
        "base/deployment.yaml": DEPLOYMENT,
        "overlays/eu/kustomization.yaml": "namespace: shop\nresources: [../../base]\nnamePrefix: eu-\n",
    }
    fleet = loaded(tmp_path, files, {"kustomize": "overlays/eu"}, overrides=[{"replicas": 3}])
    assert keys(fleet) == ["Deployment (apps) eu-web in the namespace shop"]
    (one,) = propagations(fleet).objects
    assert one.path == "propagations.web.resources[0].kustomize(overlays/eu: Deployment eu-web)"
    assert one.replicas == {"west": 3, "east": 3}


@pytest.mark.tools
def test_a_chart_is_rendered_into_its_namespace_without_hooks_and_marks_of_helm(tmp_path: Path) -> None:
    labels = "metadata: {name: web, labels: {app.kubernetes.io/managed-by: '{{ .Release.Service }}', app: web}}"
    files = {
        "chart/Chart.yaml": CHART,
        "chart/values.yaml": "replicas: 1\n",
        "chart/crds/catalogs.yaml": DEFINITION,
        "chart/templates/all.yaml": f"{TEMPLATE}---\n{TEST}---\n{CATALOG}---\n{SERVICE}{labels}\n",
        "values/eu.yaml": "replicas: 7\n",
    }
    fleet = loaded(tmp_path, files, chart(valuesFiles=["values/eu.yaml"], values={"note": None}))
    assert keys(fleet) == [
        "CustomResourceDefinition (apiextensions.k8s.io) catalogs.shop.example",
        "Service web in the namespace shop",
        "Deployment (apps) web in the namespace shop",
        "Catalog (shop.example) main",
    ]
    definition, service, deployment, _ = propagations(fleet).objects
    assert deployment.replicas == {"west": 7, "east": 7}
    assert deployment.path == "propagations.web.resources[0].chart(web/templates/all.yaml: Deployment web)"
    assert service.body["metadata"] == {"name": "web", "namespace": "shop", "labels": {"app": "web"}}
    assert definition.body["metadata"] == {"name": "catalogs.shop.example"}
    assert "status" not in definition.body
    path = "propagations.web.resources[0].chart"
    assert notes_of(fleet) == [
        f"{path}: CustomResourceDefinition catalogs.shop.example: helm.sh/resource-policy: keep is left out; "
        "use preserveResourcesOnDeletion",
        f"{path}: Pod ask is left out, a hook of Helm (test)",
    ]


@pytest.mark.tools
def test_sources_follow_from_the_files_alone(tmp_path: Path) -> None:
    files = {"chart/Chart.yaml": CHART, "chart/templates/all.yaml": TEMPLATE, "one.yaml": CONFIG_MAP}
    resources = (chart(values={"replicas": 2}), {"file": "one.yaml"})
    (tmp_path / "elsewhere").mkdir()
    first = loaded(tmp_path, files, *resources)
    second = loaded(tmp_path / "elsewhere", files, *resources)
    assert first.propagations == second.propagations
    (tmp_path / "elsewhere/chart/templates/all.yaml").write_text(TEMPLATE.replace("web:1", "web:2"))
    (tmp_path / "elsewhere/one.yaml").unlink()
    changed = loaded(tmp_path / "elsewhere", {"one.yaml": CONFIG_MAP}, *resources)
    assert changed.propagations != first.propagations


def test_the_core_alone_reads_no_file() -> None:
    with pytest.raises(TopologyError, match=r"resources\[0\].file: is not read here; load the stack file with"):
        load("dev", config({"file": "manifests"}))
