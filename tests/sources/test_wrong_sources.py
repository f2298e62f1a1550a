"""Sources that are damaged, missing, too much or not of the project: each a fault by its place."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from meshfleet.manifests.addition_faults import checked
from meshfleet.sources import chart_packages, project_tree
from meshfleet.topology import TopologyError
from meshfleet.topology.propagation.sources import ChartSource
from tests.sources.projects import CHART, CONFIG_MAP, DEPLOYMENT, Config, Content, Link, Pipe, chart, loaded

pytestmark = pytest.mark.proof("files, kustomizations and charts are propagated", step=0)

PATH = "propagations.web.resources[0]"
BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: key, namespace: shop}\nstringData: {password: hunter2}\n"
BASE = {"base/kustomization.yaml": "resources: [../base.yaml]\n"}


@dataclass(frozen=True)
class Wrong:
    """Files, an entry of `resources` that names some of them, and the faults: where, and a telling part of each."""

    title: str
    files: Mapping[str, Content]
    resource: Config
    faults: Mapping[str, str] = field(default_factory=dict)


def packed(name: str, content: str) -> bytes:
    """A package with one file."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as package:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        package.addfile(member, io.BytesIO(content.encode()))
    return file.getvalue()


def of_file(title: str, content: Content, message: str, where: str = "") -> Wrong:
    return Wrong(title, {"web.yaml": content}, {"file": "web.yaml"}, {f"file{where}": message})


def of_kustomization(title: str, content: str, message: str, **more: Content) -> Wrong:
    files = {"web/kustomization.yaml": content, "web/map.yaml": CONFIG_MAP} | more
    return Wrong(title, files, {"kustomize": "web"}, {"kustomize": message})


def of_chart(title: str, template: str, faults: Mapping[str, str], **more: object) -> Wrong:
    files = {"chart/Chart.yaml": CHART, "chart/templates/all.yaml": template}
    return Wrong(title, files, chart(**more), faults)


PATHS = [
    Wrong("two sources", {}, {"file": "a.yaml", "kustomize": "b"}, {"": "has file and kustomize; give exactly one of"}),
    Wrong("no source", {}, {}, {"": "has nothing; give exactly one of object, file, kustomize, chart"}),
    Wrong("an absolute path", {}, {"file": "/etc/passwd"}, {"file": "'/etc/passwd' does not begin at the project"}),
    Wrong("a path of the user's home", {}, {"file": "~/web.yaml"}, {"file": "does not begin at the project"}),
    Wrong("a path that leads out", {}, {"kustomize": "a/../../b"}, {"kustomize": "has '..'; give a path within"}),
    Wrong("a URL as a file", {}, {"file": "https://host.example/x"}, {"file": "is a URL; put what it names into"}),
    Wrong("a file that is not there", {}, {"file": "web.yaml"}, {"file": "web.yaml: there is no such file or folder"}),
    Wrong(
        "a link out of the project",
        {"web.yaml": Link("/etc/hostname")},
        {"file": "web.yaml"},
        {"file": "web.yaml: is a link, which is not followed here"},
    ),
    Wrong(
        "a folder that is a link",
        {"real/web.yaml": CONFIG_MAP, "web": Link("real")},
        {"file": "web/web.yaml"},
        {"file": "web: is a link, which is not followed here"},
    ),
    Wrong("a pipe", {"web.yaml": Pipe()}, {"file": "web.yaml"}, {"file": "web.yaml: is no regular file"}),
    Wrong("an empty folder", {"web/README": ""}, {"file": "web"}, {"file": "web: contains no object; write one"}),
    Wrong(
        "a kustomization as a folder of files",
        {"web/kustomization.yaml": "resources: []\n"},
        {"file": "web"},
        {"file": "web/kustomization.yaml: is a kustomization; name the folder as kustomize"},
    ),
]
TEXTS = [
    of_file("a file that is no UTF-8", b"a: \xff\n", "web.yaml: is not text in UTF-8 (byte 3)"),
    of_file("a file that is no YAML", f"{CONFIG_MAP}---\na: [b\n", "is not YAML: expected ',' or ']'"),
    of_file("a key that is given twice", f"{CONFIG_MAP}data: {{a: b}}\ndata: {{}}\n", "a key is set twice in line 5"),
    of_file("a bomb of aliases", BOMB, "web.yaml: its aliases expand to more than"),
    of_file("a value that contains itself", "a: &a [*a]\n", "contains an alias of a value that contains the alias"),
    of_file("a file with a NUL", "a: \0\n", "a character that YAML does not allow at position 3"),
    of_file("a document that is a list", f"{CONFIG_MAP}---\n- a\n", "web.yaml:5: is no object but a list; write"),
    of_file("a boolean to one reader alone", f"{CONFIG_MAP}data: {{a: on}}\n", "'on' in line 4 is not the same value"),
    of_file("a number to one reader alone", f"{CONFIG_MAP}spec: {{a: 0755}}\n", "'0755' in line 4 is not the same"),
    of_file("an empty file", "# nothing\n", "web.yaml: contains no object; write one"),
    of_file("a file that is too large", "#" * 40_000, "web.yaml: larger than 30000 bytes"),
    of_file("a list that holds a text", "kind: List\napiVersion: v1\nitems: [a]\n", "web.yaml:3: is no object but"),
]
OBJECTS = [
    of_file("a list that lacks its items", "kind: List\napiVersion: v1\n", "has no metadata.name", "(web.yaml:1)"),
    of_file(
        "a Secret with a key that no Secret has",
        SECRET.replace("stringData", "Data"),
        "is a secret in plain text",
        "(web.yaml:1).Data",
    ),
    of_file(
        "what kubectl keeps of an object",
        CONFIG_MAP.replace("{", "{annotations: {kubectl.kubernetes.io/last-applied-configuration: '{}'}, "),
        "is a copy of the object that kubectl keeps",
        "(web.yaml:1).metadata.annotations.kubectl.kubernetes.io/last-applied-configuration",
    ),
    of_file("a file with no kind", "a: b\n", "has no apiVersion; give one", "(web.yaml:1)"),
    of_file(
        "an object without a namespace",
        f"{CONFIG_MAP}---\n{CONFIG_MAP.replace(', namespace: shop', '')}",
        "missing; a ConfigMap is in a namespace",
        "(web.yaml:5).metadata.namespace",
    ),
    of_file("an object twice", f"{CONFIG_MAP}---\n{CONFIG_MAP}", "as propagations.web.resources[0]", "(web.yaml:5)"),
    of_file("a Secret with data", SECRET, "is a secret in plain text", "(web.yaml:1).stringData"),
    of_file(
        "an object of kube-system",
        CONFIG_MAP.replace("shop", "kube-system"),
        "the namespace 'kube-system' is of Kubernetes, of Istio or of the fleet",
        "(web.yaml:1).metadata.namespace",
    ),
    of_file(
        "a private key in a ConfigMap",
        f"{CONFIG_MAP}data:\n  key: |\n    -----BEGIN PRIVATE KEY-----\n    AAAA\n    -----END PRIVATE KEY-----\n",
        "holds a private key in plain text",
        "(web.yaml:1).data.key",
    ),
    of_file(
        "a namespace that nothing makes",
        CONFIG_MAP.replace("shop", "other"),
        "the namespace other does not exist in east, west",
        "(web.yaml:1).metadata.namespace",
    ),
]
KUSTOMIZATIONS = [
    Wrong("a kustomization that is a file", {"web": ""}, {"kustomize": "web"}, {"kustomize": "web: is a file; name"}),
    Wrong(
        "a folder that is no kustomization", {"web/a": ""}, {"kustomize": "web"}, {"kustomize": "unable to find one of"}
    ),
    of_kustomization("a remote base", "resources: ['https://host.example/base']\n", "is not in the project; put what"),
    of_kustomization("a base of git", "resources: ['git@host.example:shop/base']\n", "is not in the project; put what"),
    of_kustomization("a base of a forge", "bases: [github.com/shop/base]\n", "bases: 'github.com/shop/base' is not in"),
    of_kustomization("a base out of the project", "resources: [../../x]\n", "'../../x' leads out of the project"),
    of_kustomization(
        "a remote file in a generator",
        "configMapGenerator: [{name: a, files: ['b=http://host.example/b']}]\n",
        "configMapGenerator: 'http://host.example/b' is not in the project",
    ),
    of_kustomization(
        "a remote patch", "patches: [{path: 'https://host.example/p.yaml'}]\n", "patches: 'https://host.example/p.yaml'"
    ),
    of_kustomization(
        "a key that kubectl reads as another", "RESOURCES: ['http://h/x']\n", "'RESOURCES' is taken for resources by"
    ),
    of_kustomization(
        "a key with another sign", "re\u017fources: ['http://h/x']\n", "is taken for resources by kubectl"
    ),
    of_kustomization(
        "a key of an entry that kubectl reads as another",
        "configMapGenerator: [{name: a, Files: [../../x]}]\n",
        "'Files' is taken for files by kubectl",
    ),
    of_kustomization(
        "a variable of the environment",
        "configMapGenerator: [{name: a, envs: [a.env]}]\n",
        "configMapGenerator: line 2 of web/a.env has no value, which would be taken from the environment",
        **{"web/a.env": "A=b\nPATH\n"},
    ),
    of_kustomization("a bomb in a manifest", "resources: [b.yaml]\n", "its aliases expand to", **{"web/b.yaml": BOMB}),
    of_kustomization("plugins", "generators: [plugin.yaml]\n", "generators: plugins are not run"),
    of_kustomization("a chart within", "helmCharts: [{name: a}]\n", "helmCharts: declare the chart as a chart of its"),
    of_kustomization(
        "a resource that is not there", "resources: [no.yaml]\n", "resources: web/no.yaml: there is no such"
    ),
    of_kustomization("a kustomization that is a list", "- a\n", "web/kustomization.yaml: is no kustomization but"),
    of_kustomization(
        "a link in a kustomization", "resources: [map.yaml]\n", "web/link: is a link", **{"web/link": Link("/")}
    ),
    of_kustomization(
        "a patch that fits nothing",
        "resources: [map.yaml]\npatches: [{target: {kind: ConfigMap}, patch: '[{op: remove, path: /no}]'}]\n",
        "kubectl: ",
    ),
    Wrong(
        "a Secret that is generated",
        {"web/kustomization.yaml": "namespace: shop\nsecretGenerator: [{name: a, literals: [b=c]}]\n"},
        {"kustomize": "web"},
        {"kustomize(web: Secret a-8kfmcc2t48).data": "is a secret in plain text"},
    ),
]
CHARTS = [
    *(
        Wrong(
            f"a schema that refers to {named}",
            {
                "chart/Chart.yaml": CHART,
                "chart/templates/all.yaml": CONFIG_MAP,
                place: packed("x/values.schema.json", schema) if place.endswith(".tgz") else schema,
            },
            chart(),
            {"chart": f"values.schema.json: refers to '{named}', which is outside of it"},
        )
        for place, named, schema in (
            ("chart/values.schema.json", "file:///etc/hostname", '{"$ref": "file:///etc/hostname"}'),
            ("chart/charts/x/values.schema.json", "../x.json", '{"properties": {"a": {"$ref": "../x.json"}}}'),
            ("chart/charts/x.tgz", "http://host.example/x", '{"$schema": "http://host.example/x"}'),
        )
    ),
    Wrong(
        "a folder that is no chart", {"chart/a": ""}, chart(), {"chart": "chart: has no Chart.yaml; name the folder"}
    ),
    of_chart("a template that does not parse", "{{ if }}\n", {"chart": "missing value for if"}),
    of_chart("a template that makes no YAML", "a: [b\n", {"chart": "YAML parse error on web/templates/all.yaml"}),
    of_chart("a value that is required", "a: {{ required `give a.b` .Values.a }}\n", {"chart": "give a.b"}),
    of_chart(
        "a chart that is another each time",
        CONFIG_MAP + "data: {a: '{{ randAlphaNum 8 }}'}\n",
        {"chart": "renders differently each time (web/templates/all.yaml: data)"},
    ),
    of_chart("a chart that makes nothing", "# nothing\n", {"chart": "chart: renders no object; change its values"}),
    of_chart(
        "a chart for hooks alone", CONFIG_MAP.replace("{", "{annotations: {helm.sh/hook: x}, "), {"chart": "renders no"}
    ),
    of_chart(
        "a chart with a Secret",
        SECRET,
        {"chart(web/templates/all.yaml: Secret key).stringData": "is a secret in plain text"},
    ),
    of_chart(
        "a chart that makes a Deployment without a name",
        DEPLOYMENT.replace("{name: web}", "{}"),
        {"chart(web/templates/all.yaml: Deployment None)": "has no metadata.name"},
    ),
    of_chart(
        "values files that are missing and wrong",
        CONFIG_MAP,
        {
            "chart.valuesFiles[0]": "no.yaml: there is no such file",
            "chart.valuesFiles[1]": "chart/templates/list.yaml: there",
        },
        valuesFiles=["no.yaml", "chart/templates/list.yaml"],
    ),
    of_chart("a digest of a folder", CONFIG_MAP, {"chart": "a folder has no digest"}, digest=f"sha256:{'0' * 64}"),
    of_chart("a chart with two places", CONFIG_MAP, {"chart": "has two charts"}, repository="https://charts.example"),
    of_chart("a chart of a folder with a version", CONFIG_MAP, {"chart": "leave version out"}, version="1.0.0"),
    of_chart("a chart that is a file of another kind", CONFIG_MAP, {"chart": "helm: "}, folder="chart/Chart.yaml"),
    Wrong(
        "a repository without a version",
        {},
        {"chart": {"repository": "https://c.example", "name": "web", "release": "web", "namespace": "shop"}},
        {"chart": "a chart of a repository needs a version; give it"},
    ),
    Wrong(
        "a repository that does not respond",
        {},
        {
            "chart": {
                "repository": "https://127.0.0.1:1",
                "name": "web",
                "version": "1.0.0",
                "release": "web",
                "namespace": "shop",
            }
        },
        {"chart": 'web 1.0.0: helm: looks like "https://127.0.0.1:1" is not a valid chart repository or cannot be'},
    ),
    Wrong(
        "a repository with a password, and a range of versions",
        {},
        {
            "chart": {
                "repository": "https://user:pass@c.example",
                "name": "web",
                "version": "^1",
                "release": "web",
                "namespace": "shop",
            }
        },
        {"chart.repository": "contains a user", "chart.version": "'^1' is not an exact version"},
    ),
]
WRONG = [
    *(pytest.param(one, id=one.title) for one in (*PATHS, *TEXTS, *OBJECTS)),
    *(pytest.param(one, id=one.title, marks=pytest.mark.tools) for one in (*KUSTOMIZATIONS, *CHARTS)),
]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_source_is_a_fault_by_its_place(wrong: Wrong, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project_tree, "FILE_LIMIT", 30_000)
    with pytest.raises(TopologyError) as caught:
        checked(loaded(tmp_path, wrong.files, wrong.resource))
    faults = caught.value.faults
    assert {fault.path for fault in faults} == {f"{PATH}.{where}" if where else PATH for where in wrong.faults}
    for where, part in wrong.faults.items():
        assert any(part in fault.message for fault in faults if fault.path == (f"{PATH}.{where}" if where else PATH))
    # No folder of this machine is told.
    assert str(tmp_path) not in str(caught.value)
    assert "meshfleet-sources-" not in str(caught.value)


@pytest.mark.tools
@pytest.mark.parametrize(
    "template", ["{{ fail .Values.dbPassword }}\n", "{{ required .Values.dbPassword .Values.a }}\n"]
)
def test_a_chart_that_fails_does_not_repeat_its_secrets(template: str, tmp_path: Path) -> None:
    files = {
        "chart/Chart.yaml": CHART,
        "chart/values.yaml": "dbPassword: hunter2\n",
        "chart/templates/a.yaml": template,
    }
    with pytest.raises(TopologyError, match="chart: helm: ") as caught:
        loaded(tmp_path, files, chart())
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("text", ["hunter2\n", "- hunter2\n", SECRET.replace("hunter2", "0755123")])
def test_a_file_that_is_no_manifest_is_not_repeated(text: str, tmp_path: Path) -> None:
    with pytest.raises(TopologyError) as caught:
        loaded(tmp_path, {"web.yaml": text}, {"file": "web.yaml"})
    assert "hunter2" not in str(caught.value)
    assert "0755123" not in str(caught.value)


def test_all_faults_of_all_sources_come_at_once(tmp_path: Path) -> None:
    files = {"a.yaml": "a: [\n", "chart/Chart.yaml": CHART, "chart/templates/all.yaml": "{{ fail `no` }}\n"}
    with pytest.raises(TopologyError) as caught:
        loaded(tmp_path, files, {"file": "a.yaml"}, chart(), {"kustomize": "none"}, {"file": "b.yaml"})
    assert [fault.path.rpartition(".")[2] for fault in caught.value.faults] == ["file", "chart", "kustomize", "file"]


def test_without_the_tool_the_command_that_builds_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHFLEET_TOOLS", str(tmp_path / "none"))
    files = {"chart/Chart.yaml": CHART, "chart/templates/all.yaml": CONFIG_MAP + "# another\n"}
    with pytest.raises(TopologyError, match=r"helm: no such program; run .* to build the toolchain"):
        loaded(tmp_path, files, chart())


def test_a_package_with_another_digest_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHFLEET_CACHE", str(tmp_path / "cache"))
    source = {
        "repository": "https://charts.example",
        "name": "web",
        "version": "1.0.0",
        "digest": f"sha256:{'0' * 64}",
        "release": "web",
        "namespace": "shop",
    }
    path = chart_packages.cached(ChartSource.model_validate(source))
    path.parent.mkdir(parents=True)
    path.write_bytes(b"another")
    with pytest.raises(
        TopologyError, match=r"the package of web 1.0.0 has the digest sha256:.*, not sha256:000"
    ) as caught:
        loaded(tmp_path, {}, {"chart": source})
    assert f"remove {path}" in str(caught.value)
