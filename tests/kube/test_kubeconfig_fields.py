"""Every field of a kubeconfig means the same to every reader, or is refused by its name."""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lightkube.resources.core_v1 import ConfigMap

from meshfleet.components.kubeconfig_file import read_kubeconfig
from meshfleet.errors import ClusterError, MeshfleetError
from meshfleet.kube.access import KubeconfigError, read_access
from meshfleet.kube.client import connect, environment_proxy
from meshfleet.kube.fields import EXEC_EXTENSION, EXEC_VERSIONS, FIELDS
from meshfleet.providers.base import NamedContext
from meshfleet.topology import TopologyError
from tests.tls_servers import Seen, api_server, kubeconfig, self_signed

pytestmark = pytest.mark.proof("a kubeconfig's fields work for every client or are refused", step=0)

# https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/, type by type.
UPSTREAM = {
    "config": "kind apiVersion preferences clusters users contexts current-context extensions",
    "cluster": "server tls-server-name insecure-skip-tls-verify certificate-authority certificate-authority-data "
    "proxy-url disable-compression extensions",
    "user": "client-certificate client-certificate-data client-key client-key-data token tokenFile as as-uid as-groups "
    "as-user-extra username password auth-provider exec extensions",
    "context": "cluster user namespace extensions",
    "exec": "command args env apiVersion installHint provideClusterInfo interactiveMode",
}
SERVED = self_signed("127.0.0.1")
NAMED = self_signed("api.example")
MINE = self_signed("me")


def data(pem: bytes) -> str:
    return base64.b64encode(pem).decode()


TRUSTED: dict[str, object] = {"certificate-authority-data": data(SERVED[0])}


def test_every_field_of_the_upstream_types_has_been_decided_on() -> None:
    decided = {section: {field.name for field in FIELDS if field.section == section} for section in UPSTREAM}
    assert decided == {section: set(names.split()) for section, names in UPSTREAM.items()}
    assert all(field.why for field in FIELDS if field.handling != "honoured")


def test_the_page_on_existing_clusters_names_every_field_and_what_becomes_of_it() -> None:
    page = (Path(__file__).parents[2] / "docs" / "existing-clusters.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    for field in FIELDS:
        if field.section in ("cluster", "user", "exec") or field.handling != "honoured":
            (row,) = [row for row in rows if f"`{field.name}`" in row.split("|")[1]] or [""]
            words = {"honoured": "honoured", "unused": "not used", "refused": "refused"}[field.handling]
            assert row.split("|")[2].strip().startswith(words), field


def asked(seen: Seen, text: str, folder: Path | None = None) -> Seen:
    with connect(text, folder=folder, seconds=5.0) as client:
        assert list(client.list(ConfigMap, namespace="default")) == []
    return seen


@pytest.mark.parametrize(
    "user, header, sent",
    [
        ({"token": "abc"}, "authorization", ["Bearer abc"]),
        ({"username": "me", "password": "x:y"}, "authorization", ["Basic " + data(b"me:x:y")]),
        ({"as": "auditor"}, "impersonate-user", ["auditor"]),
        ({"as": "auditor", "as-uid": "7"}, "impersonate-uid", ["7"]),
        ({"as": "a", "as-groups": ["one", "two"]}, "impersonate-group", ["one", "two"]),
        ({"as": "a", "as-user-extra": {"Scopes/x": ["p", "q"]}}, "impersonate-extra-scopes%2fx", ["p", "q"]),
    ],
)
def test_who_the_user_is_reaches_the_server(tmp_path: Path, user: dict[str, Any], header: str, sent: list[str]) -> None:
    with api_server(tmp_path, SERVED) as server:
        assert asked(server, kubeconfig(server.url, TRUSTED, user)).headers[header] == sent


def test_files_are_relative_to_the_kubeconfig(tmp_path: Path) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    for name, content in (("ca.pem", SERVED[0]), ("c.pem", MINE[0]), ("k.pem", MINE[1]), ("token", b"abc\n")):
        (folder / name).write_bytes(content)
    user: dict[str, object] = {"client-certificate": "c.pem", "client-key": "k.pem", "tokenFile": "token"}
    with api_server(tmp_path, SERVED, clients=MINE[0]) as server:
        text = kubeconfig(server.url, {"certificate-authority": "ca.pem"}, user)
        asked(server, text, folder)
        assert server.headers["authorization"] == ["Bearer abc"]
        assert "commonName" in server.requests[-1][2]
        made = read_access(text, None, folder)
    assert made.user["tokenFile"] == str(folder / "token")
    assert "certificate-authority" not in made.cluster
    with pytest.raises(KubeconfigError, match="is a relative path"):
        read_access(text)


def test_a_token_in_a_file_is_read_again_when_it_is_no_longer_accepted(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old", encoding="utf-8")
    with (
        api_server(tmp_path, SERVED) as server,
        connect(kubeconfig(server.url, TRUSTED, {"tokenFile": str(token)})) as client,
    ):
        list(client.list(ConfigMap, namespace="default"))
        token.write_text("new", encoding="utf-8")
        server.refuse = 2
        list(client.list(ConfigMap, namespace="default"))
        assert [request[1]["authorization"] for request in server.requests] == [["Bearer old"]] * 2 + [["Bearer new"]]


def test_a_server_proves_the_name_that_tls_server_name_says(tmp_path: Path) -> None:
    cluster: dict[str, object] = {"certificate-authority-data": data(NAMED[0])}
    with api_server(tmp_path, NAMED) as server:
        with pytest.raises(ClusterError, match="certificate is for another name"):
            asked(server, kubeconfig(server.url, cluster))
        asked(server, kubeconfig(server.url, cluster | {"tls-server-name": "api.example"}))
        assert server.names[-1] == "api.example"


def test_requests_go_through_the_proxy_and_still_prove_the_servers_name(tmp_path: Path) -> None:
    cluster: dict[str, object] = {"certificate-authority-data": data(NAMED[0]), "tls-server-name": "api.example"}
    with api_server(tmp_path, NAMED) as server, api_server(tmp_path, None) as proxy:
        asked(server, kubeconfig(server.url, cluster | {"proxy-url": proxy.url}))
        assert proxy.requests[0][0].startswith(f"CONNECT {server.url.removeprefix('https://')} ")
        assert server.names[-1] == "api.example"
    with pytest.raises(ClusterError, match="the proxy does not let the connection through"):
        asked(server, kubeconfig(server.url, cluster | {"proxy-url": proxy.url}))


def test_a_server_is_not_verified_only_where_the_kubeconfig_says_so(tmp_path: Path) -> None:
    with api_server(tmp_path, NAMED) as server:
        asked(server, kubeconfig(server.url, {"insecure-skip-tls-verify": True, "disable-compression": True}))
        assert server.headers["accept-encoding"] == ["identity"]


PLUGIN = """
import json, os, sys
info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
status = json.loads(os.environ["STATUS"])
status.setdefault("token", info["spec"].get("cluster", {}).get("server", "no-server")) if "token" in status else None
print(json.dumps({"apiVersion": info["apiVersion"], "kind": "ExecCredential", "status": status}))
open(sys.argv[1], "a").write("x")
"""


def plugin(folder: Path, status: dict[str, Any], **more: Any) -> dict[str, object]:
    script = folder / "plugin.py"
    script.write_text(PLUGIN, encoding="utf-8")
    command = {
        "apiVersion": EXEC_VERSIONS[0],
        "command": sys.executable,
        "args": [str(script), str(folder / "runs")],
        "env": [{"name": "STATUS", "value": json.dumps(status)}],
        "interactiveMode": "Never",
    }
    return {"exec": command | more}


@pytest.mark.parametrize("version", EXEC_VERSIONS)
def test_a_credential_plugin_gives_a_token_once_for_many_requests(tmp_path: Path, version: str) -> None:
    user = plugin(tmp_path, {"token": "abc", "expirationTimestamp": "2126-01-01T00:00:00Z"}, apiVersion=version)
    with api_server(tmp_path, SERVED) as server, connect(kubeconfig(server.url, TRUSTED, user)) as client:
        for _ in range(3):
            list(client.list(ConfigMap, namespace="default"))
        assert server.headers["authorization"] == ["Bearer abc"]
        assert (tmp_path / "runs").read_text(encoding="utf-8") == "x"
        server.refuse = 4
        list(client.list(ConfigMap, namespace="default"))
        assert (tmp_path / "runs").read_text(encoding="utf-8") == "xx"


def test_a_credential_plugin_gives_a_certificate(tmp_path: Path) -> None:
    status = {"clientCertificateData": MINE[0].decode(), "clientKeyData": MINE[1].decode()}
    with api_server(tmp_path, SERVED, clients=MINE[0]) as server:
        asked(server, kubeconfig(server.url, TRUSTED, plugin(tmp_path, status, provideClusterInfo=True)))
        assert "commonName" in server.requests[-1][2]


@pytest.mark.parametrize(
    "more, said",
    [
        ({"command": "/nowhere/plugin", "installHint": "install it"}, r"cannot be run: No such file.*\(install it\)"),
        ({"args": ["-c", "import sys; sys.exit('log in \x1b[31m first')"]}, r"exited with 1: log in \\x1b\[31m first"),
        ({"args": ["-c", "print('[' * 100000)"]}, "printed no ExecCredential"),
        ({"args": ["-c", "while True: print('x' * 65536)"]}, "exited with|more than"),
        ({"env": [{"name": "STATUS", "value": "{}"}]}, "neither a token nor a certificate"),
    ],
)
def test_a_credential_plugin_that_fails_is_one_sentence(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    user = plugin(tmp_path, {"token": "abc"}, **more)
    with pytest.raises(ClusterError, match=said) as caught:
        asked(Seen(""), kubeconfig("https://127.0.0.1:1", TRUSTED, user))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "cluster, user, said",
    [
        ({"server": "ftp://x"}, {}, "server is not a URL of http or https"),
        ({"server": "https://user:word@x"}, {}, "has more in it than"),
        ({"server": "https://x:99999"}, {}, "server is not a URL"),
        ({"proxy-url": "socks5://127.0.0.1"}, {}, "proxy-url of a kind that not every client supports"),
        ({"insecure-skip-tls-verify": True, **TRUSTED}, {}, "certificate-authority and insecure-skip-tls-verify"),
        ({"certificate-authority": "x", **TRUSTED}, {}, "certificate-authority and certificate-authority-data"),
        ({"certificate-authority-data": "=x="}, {}, "certificate-authority-data is not base64"),
        ({"certificate-authority-data": data(b"x")}, {}, "authority is not a PEM certificate"),
        ({"certificate-authority": "/dev/zero"}, {}, "certificate-authority cannot be read: /dev/zero: is a device"),
        ({"insecure-skip-tls-verify": "yes"}, {}, "insecure-skip-tls-verify of its cluster is not true or false"),
        ({"certificate-authorty-data": "x"}, {}, "unknown key; did you mean certificate-authority-data"),
        ({"extensions": [{"name": EXEC_EXTENSION, "extension": {}}]}, {}, "which is not supported; use args or env"),
        ({}, {"auth-provider": {"name": "gcp"}}, "auth-provider, which is not supported: .*use an exec plugin"),
        ({}, {"token": "x", "tokenFile": "/x"}, "token and tokenFile; clients differ"),
        ({}, {"token": "x\n"}, "token of its user has characters"),
        ({}, {"username": "x"}, "one of username and password"),
        ({}, {"client-certificate-data": data(MINE[0])}, "one of client-certificate and client-key"),
        ({}, {"client-certificate-data": data(MINE[0]), "client-key-data": data(SERVED[1])}, "no pair of PEM"),
        ({}, {"as-groups": ["x"]}, "impersonates groups, a uid or extra fields, but no user"),
        ({}, {"as": "x", "as-groups": [1]}, "as-groups of its user is not a list of texts"),
        (
            {},
            {"exec": {"apiVersion": "client.authentication.k8s.io/v1alpha1", "command": "x"}},
            "apiVersion of its exec",
        ),
        ({}, {"exec": {"apiVersion": EXEC_VERSIONS[0], "command": "x"}}, "interactiveMode of its exec plugin"),
        (
            {},
            {"exec": {"apiVersion": EXEC_VERSIONS[1], "command": "x", "interactiveMode": "Always"}},
            "commands run without a terminal",
        ),
        ({}, {"exec": {"apiVersion": EXEC_VERSIONS[1]}}, "its exec plugin has no command"),
        ({}, {"impersonate": "x"}, "its user has the field impersonate: unknown key"),
    ],
)
def test_what_not_every_reader_would_heed_is_refused_by_name_in_the_stack_file(
    tmp_path: Path, cluster: dict[str, Any], user: dict[str, Any], said: str
) -> None:
    path = tmp_path / "config"
    path.write_text(kubeconfig("https://127.0.0.1:6443", cluster, user), encoding="utf-8")
    with pytest.raises(TopologyError, match=said) as caught:
        read_kubeconfig("west", NamedContext("existing", str(path), "c"))
    assert {fault.path for fault in caught.value.faults} == {"clusters.west.existing.kubeconfig"}
    with pytest.raises(ClusterError, match=said):
        connect(path.read_text(encoding="utf-8"), folder=tmp_path)


def test_files_that_are_no_files_end_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    bomb = tmp_path / "bomb"
    bomb.write_text(
        "a: &a [x, x]\n"
        + "\n".join(f"b{n}: &b{n} [*a, *a]".replace("*a", f"*b{n - 1}" if n else "*a") for n in range(40))
    )
    for path in (pipe, Path("/dev/zero"), bomb):
        with pytest.raises(TopologyError, match=r"^clusters\.west\.existing\.kubeconfig: "):
            read_kubeconfig("west", NamedContext("existing", str(path), "c"))


def test_a_name_given_twice_is_refused() -> None:
    content = json.loads(kubeconfig("https://127.0.0.1:6443"))
    content["clusters"] *= 2
    with pytest.raises(KubeconfigError, match="its clusters have the name 'c' twice"):
        read_access(json.dumps(content))


def test_of_several_contexts_only_the_chosen_one_is_judged_and_kept() -> None:
    content = json.loads(kubeconfig("https://127.0.0.1:6443"))
    content["users"].append({"name": "old", "user": {"auth-provider": {"name": "gcp"}}})
    content["contexts"].append({"name": "old", "context": {"cluster": "c", "user": "old"}})
    assert "gcp" not in read_access(json.dumps(content)).text
    with pytest.raises(KubeconfigError, match="auth-provider"):
        read_access(json.dumps(content), "old")


@pytest.mark.parametrize(
    "server, none, proxy",
    [
        ("https://api.example", "", "http://proxy:3128"),
        ("https://api.example", "example", None),
        ("https://api.example", "other, .example", None),
        ("https://api.example", "api.example:443", None),
        ("https://10.1.2.3", "10.0.0.0/8", None),
        ("https://10.1.2.3", "*", None),
        ("https://127.0.0.1:6443", "", None),
        ("https://localhost:6443", "", None),
    ],
)
def test_the_environments_proxy_is_chosen_as_go_programs_choose_it(
    monkeypatch: pytest.MonkeyPatch, server: str, none: str, proxy: str | None
) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("https_proxy", "proxy:3128")
    monkeypatch.setenv("no_proxy", none)
    assert environment_proxy(server) == proxy


NAMES = sorted({field.name for field in FIELDS})
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from([data(MINE[0]), "https://x", *EXEC_VERSIONS]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(
    cluster=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5),
    user=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5),
    config=VALUES,
)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_kubeconfig_is_used_or_refused_in_words(cluster: dict[str, Any], user: dict[str, Any], config: Any) -> None:
    whole = json.loads(kubeconfig("https://127.0.0.1:1", cluster, user))
    for text in (
        json.dumps(whole),
        json.dumps(config),
        json.dumps({**whole, "contexts": config, "clusters": [config]}),
    ):
        reason = ""
        try:
            connect(text).close()
        except MeshfleetError as error:
            reason = str(error)
        assert "Traceback" not in reason
