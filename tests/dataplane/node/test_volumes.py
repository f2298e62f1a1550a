"""The files of a pod's volumes: from which objects they come, under which names, and when a token is asked for anew."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from httpx2 import HTTPStatusError, Request, Response
from lightkube.models.core_v1 import PodSpec, Volume
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, Pod, Secret, ServiceAccountToken

from meshfleet.dataplane.node.volumes import PodVolumes
from meshfleet.errors import EmbeddedError
from meshfleet.kube.api_errors import RefusedError

pytestmark = pytest.mark.proof("pods as processes in network namespaces", step=0)

DATA = {"a": "one", "b": "two"}


class Server:
    """An API server with a ConfigMap and a Secret called `there`; it counts the tokens it gave."""

    tokens = 0

    def get(self, kind: Any, name: str, namespace: str) -> ConfigMap | Secret:
        if name != "there" or namespace != "sample":
            request = Request("GET", "https://api.example")
            raise HTTPStatusError("not found", request=request, response=Response(404, request=request))
        if kind is ConfigMap:
            return ConfigMap(data=DATA)
        return Secret(data={key: base64.b64encode(value.encode()).decode() for key, value in DATA.items()})

    def create(self, wanted: Any, account: str, namespace: str) -> Any:
        self.tokens += 1
        status = {"token": f"{account} {wanted.spec.audiences} {self.tokens}", "expirationTimestamp": None}
        return ServiceAccountToken.from_dict({"spec": {"audiences": []}, "status": status})


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def volumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PodVolumes:
    # Their group is the pod's, which takes root to give.
    monkeypatch.setattr("os.fchown", lambda *_: None)
    return PodVolumes(tmp_path, 1337, frozenset({"v"}))


def files(server: Any, volumes: PodVolumes, source: dict[str, Any]) -> dict[str, str]:
    """What a pod with this volume finds in it."""
    metadata = ObjectMeta(name="web", namespace="sample", uid="u", labels={"app": "web"})
    volume: Any = Volume.from_dict({"name": "v"} | source)
    spec = PodSpec(containers=[], serviceAccountName="web", volumes=[volume])
    volumes.fetch(server, Pod(metadata=metadata, spec=spec), "10.0.0.1", "10.0.0.2")
    return {path.name: path.read_text(encoding="utf-8") for path in (volumes.directory / "v").iterdir()}


def projected(source: dict[str, Any]) -> dict[str, Any]:
    return {"projected": {"sources": [source]}}


ITEMS = [{"key": "b", "path": "renamed"}]
SOURCES: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "a ConfigMap": ({"configMap": {"name": "there"}}, DATA),
    "some of a ConfigMap": ({"configMap": {"name": "there", "items": ITEMS}}, {"renamed": "two"}),
    "a Secret": ({"secret": {"secretName": "there"}}, DATA),
    "some of a Secret": ({"secret": {"secretName": "there", "items": ITEMS}}, {"renamed": "two"}),
    "a projected ConfigMap": (projected({"configMap": {"name": "there", "items": ITEMS}}), {"renamed": "two"}),
    "a projected Secret": (projected({"secret": {"name": "there"}}), DATA),
    "one that need not be there": ({"secret": {"secretName": "gone", "optional": True}}, {}),
    "nothing": ({"emptyDir": {}}, {}),
}


@pytest.mark.parametrize("name", SOURCES)
def test_a_volume_holds_what_its_source_has_under_the_names_it_requests(
    name: str, server: Server, volumes: PodVolumes
) -> None:
    source, wanted = SOURCES[name]
    assert files(server, volumes, source) == wanted


def test_what_must_be_there_and_is_not_is_reported_by_name(server: Server, volumes: PodVolumes) -> None:
    with pytest.raises(RefusedError, match="ConfigMap sample/gone"):
        files(server, volumes, {"configMap": {"name": "gone"}})


def test_a_token_is_of_the_pods_account_and_stays_until_most_of_its_time_is_over(
    server: Server, volumes: PodVolumes
) -> None:
    source = projected({"serviceAccountToken": {"path": "token", "audience": "istio-ca", "expirationSeconds": 600}})
    assert files(server, volumes, source) == {"token": "web ['istio-ca'] 1"}
    assert files(server, volumes, source) == {"token": "web ['istio-ca'] 1"}
    assert server.tokens == 1
    token = volumes.directory / "v" / "token"
    assert token.stat().st_mode & 0o777 == 0o640
    assert token.parent.stat().st_mode & 0o7777 == 0o2750


def test_a_volume_that_no_program_reads_is_not_fetched(server: Server, volumes: PodVolumes) -> None:
    volumes.read = frozenset()
    with pytest.raises(FileNotFoundError):
        files(server, volumes, {"secret": {"secretName": "there"}})


@pytest.mark.parametrize("path", ["../out", "/etc/out", "a/../../out", "..", ""])
def test_no_item_of_a_volume_leads_out_of_it(path: str, server: Server, volumes: PodVolumes, tmp_path: Path) -> None:
    item = {"key": "a", "path": path}
    with pytest.raises(EmbeddedError, match=r"volume v: .* is no path in a volume"):
        files(server, volumes, {"configMap": {"name": "there", "items": [item]}})
    assert [found for found in tmp_path.rglob("*") if found.is_file()] == []


def test_an_item_may_lie_in_a_folder_of_a_volume(server: Server, volumes: PodVolumes) -> None:
    with pytest.raises(IsADirectoryError):
        files(server, volumes, {"configMap": {"name": "there", "items": [{"key": "a", "path": "x/y"}]}})
    assert (volumes.directory / "v" / "x" / "y").read_text(encoding="utf-8") == "one"
