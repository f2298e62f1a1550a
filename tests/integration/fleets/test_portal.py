"""The API portal of a fleet of two embedded clusters: plain kubectl through it, and what it and members refuse."""

from __future__ import annotations

import copy
import http.server
import json
import os
import re
import subprocess
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.testing import FleetUnderTest, bring_up
from meshfleet.topology import read_stack_file
from tests.integration.clone import Clone
from tests.integration.streaming_node import POD, StreamingPod, streaming_pod
from tests.portal.portal_under_test import ClientAuthority

pytestmark = [pytest.mark.extended, pytest.mark.proof("The API portal", step=2)]

STACK = "portal-tried"
ACCOUNT = "system:serviceaccount:shop:deployer"


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> ClientAuthority:
    """Who issues client certificates."""
    return ClientAuthority(tmp_path_factory.mktemp("clients"))


@pytest.fixture(scope="module")
def config(clone: Clone, clients: ClientAuthority, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The example, which takes client certificates as well."""
    found: dict[str, Any] = copy.deepcopy(dict(read_stack_file(clone.root / "stacks", "examples/portal").config))
    authority = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.write_text(clients.certificate)
    found["portal"]["clientCertificates"] = {"certificateAuthority": str(authority)}
    found["portal"]["users"].append("dave")
    return found


@pytest.fixture(scope="module")
def fleet(clone: Clone, config: dict[str, Any]) -> Iterator[FleetUnderTest]:
    """The example, up."""
    clone.write_stack(STACK, config)
    with clone.sandbox() as sandbox, bring_up(sandbox, STACK) as made:
        yield made


class Through:
    """Plain kubectl through the portal, with a kubeconfig of one user."""

    def __init__(self, fleet: FleetUnderTest, folder: Path, **user: str) -> None:
        self._fleet, self._folder = fleet, folder
        command = ["pulumi", "stack", "output", "portal", "--json", "--stack", fleet.stack]
        outputs = fleet.sandbox.run(command, more=fleet.sandbox.exports()).report
        self.url: str = outputs["url"]
        (folder / "authority.pem").write_text(outputs["certificateAuthority"])
        self.user = user

    def command(self, cluster: str, *arguments: str) -> list[str]:
        """kubectl with a cluster behind the portal."""
        kubeconfig = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "shop"}}],
            "clusters": [
                {
                    "name": "c",
                    "cluster": {
                        "server": f"{self.url}/clusters/{cluster}",
                        "certificate-authority": str(self._folder / "authority.pem"),
                    },
                }
            ],
            "users": [{"name": "u", "user": self.user}],
        }
        path = self._folder / f"{cluster}.json"
        path.write_text(json.dumps(kubeconfig))
        cache = str(self._folder / "cache")
        return [self._fleet.sandbox.kubectl_program, "--kubeconfig", str(path), "--cache-dir", cache, *arguments]

    def run(
        self, cluster: str, *arguments: str, given: str = "", exports: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The command, whatever comes of it."""
        return subprocess.run(
            self.command(cluster, *arguments),
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=dict(os.environ) | dict(exports or {}),
        )

    @contextmanager
    def reading(self, cluster: str, *arguments: str, exports: Mapping[str, str] | None = None) -> Iterator[IO[str]]:
        """The output of a command that goes on, for a minute at most."""
        with subprocess.Popen(
            self.command(cluster, *arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=dict(os.environ) | dict(exports or {}),
        ) as process:
            assert process.stdout
            bound = threading.Timer(60, process.terminate)
            bound.start()
            try:
                yield process.stdout
            finally:
                bound.cancel()
                process.terminate()


@pytest.fixture
def deployer(fleet: FleetUnderTest, tmp_path: Path) -> Through:
    """The service account shop/deployer of the host."""
    token = fleet.kubectl("paris", "create", "token", "deployer", "--namespace", "shop").out.strip()
    return Through(fleet, tmp_path, token=token)


def test_plain_kubectl_works_in_each_cluster(fleet: FleetUnderTest, deployer: Through) -> None:
    for cluster in ("paris", "ohio"):
        me = deployer.run(cluster, "auth", "whoami", "--output", "json")
        assert me.returncode == 0, me.stderr
        assert json.loads(me.stdout)["status"]["userInfo"]["username"] == ACCOUNT
        given = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "applied", "namespace": "shop"},
            "data": {"by": cluster},
        }
        with deployer.reading(cluster, "get", "configmaps", "--watch", "--output", "name") as watch:
            # What is there comes first; nothing that comes later is missed.
            assert any(line.strip() == "configmap/kube-root-ca.crt" for line in iter(watch.readline, ""))
            applied = deployer.run(cluster, "apply", "--server-side", "--filename", "-", given=json.dumps(given))
            assert applied.returncode == 0, applied.stderr
            assert any(line.strip() == "configmap/applied" for line in iter(watch.readline, ""))
        listed = deployer.run(cluster, "get", "configmaps", "--output", "name")
        assert "configmap/applied" in listed.stdout.split()
        # The member has it, and says who may not.
        assert fleet.get(cluster, "configmap", "applied", "--namespace", "shop")["data"] == {"by": cluster}
        forbidden = deployer.run(cluster, "get", "secrets")
        assert forbidden.returncode != 0
        assert f'User "{ACCOUNT}" cannot list resource "secrets"' in forbidden.stderr


def test_forged_headers_and_flags_change_nobody(deployer: Through) -> None:
    """kubectl --as sends them itself."""
    forged = deployer.run("ohio", "--as", "root", "--as-group", "system:masters", "auth", "whoami", "-o", "json")
    info = json.loads(forged.stdout)["status"]["userInfo"]
    assert (info["username"], "system:masters" in info["groups"]) == (ACCOUNT, False)


def test_client_certificate_is_the_same_person_there(
    fleet: FleetUnderTest, clients: ClientAuthority, tmp_path: Path
) -> None:
    for groups, code in ((("dev",), 0), ((), 1)):
        pem = str(clients.issue("carol", *groups))
        carol = Through(fleet, tmp_path, **{"client-certificate": pem, "client-key": pem})
        listed = carol.run("ohio", "get", "configmaps")
        assert listed.returncode == code, listed.stderr
    assert 'User "carol" cannot list resource "configmaps"' in listed.stderr


def test_kubeconfig_of_a_user_leads_through_the_portal_to_where_the_user_is_bound(
    fleet: FleetUnderTest, tmp_path: Path
) -> None:
    written = tmp_path / "ada.yaml"
    report = fleet.run("kubeconfig", "ada", "--output", str(written)).report
    assert list(report["contexts"]) == ["ohio", "portal/ohio"]

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [fleet.sandbox.kubectl_program, "--kubeconfig", str(written), "--cache-dir", str(tmp_path / "cache")]
        return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60, check=False)

    for context in report["contexts"]:
        listed = run("--context", context, "get", "configmaps", "--output", "name")
        assert "configmap/kube-root-ca.crt" in listed.stdout.split(), listed.stderr
        assert "cannot list resource" in run("--context", context, "get", "configmaps", "-n", "default").stderr
        assert "cannot list resource" in run("--context", context, "get", "secrets").stderr
    who = json.loads(run("--context", "portal/ohio", "auth", "whoami", "-o", "json").stdout)["status"]["userInfo"]
    assert who["username"] == "system:serviceaccount:meshfleet-users:ada"


def test_tokens_of_members_and_unknown_clusters_are_refused(
    fleet: FleetUnderTest, deployer: Through, tmp_path: Path
) -> None:
    foreign = fleet.kubectl("ohio", "create", "token", "deployer", "--namespace", "shop").out.strip()
    other = fleet.kubectl("paris", "create", "token", "default", "--namespace", "shop").out.strip()
    refused = Through(fleet, tmp_path, token=foreign).run("ohio", "get", "configmaps")
    assert "Unauthorized" in refused.stderr or "logged in" in refused.stderr
    # For discovery kubectl shows no message of a server.
    undeclared = Through(fleet, tmp_path, token=other).run("ohio", "get", "--raw", "/api")
    assert "is not declared for cluster" in undeclared.stderr
    unknown = Through(fleet, tmp_path, **deployer.user).run("elsewhere", "get", "--raw", "/api")
    assert 'no cluster "elsewhere"' in unknown.stderr


SPDY = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false", "KUBECTL_PORT_FORWARD_WEBSOCKETS": "false"}
WEBSOCKET = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "true", "KUBECTL_PORT_FORWARD_WEBSOCKETS": "true"}


@pytest.fixture(scope="module")
def served() -> Iterator[int]:
    """A port of this machine that answers `served`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            # kwok does not pass on that a connection has ended.
            self.send_header("Content-Length", "6")
            self.end_headers()
            self.wfile.write(b"served")

        def log_message(self, *_: object) -> None:
            """Not into the output of the tests."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture(scope="module")
def shell(fleet: FleetUnderTest, served: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StreamingPod]:
    """A pod in ohio with logs and commands: carol may use all of them, dave may `get` exec alone."""
    folder = tmp_path_factory.mktemp("streams")
    verbs = {
        "carol": (("pods", "pods/log"), ("pods/exec", "pods/attach", "pods/portforward"), ["create", "get"]),
        "dave": (("pods",), ("pods/exec",), ["get"]),
    }
    items: list[dict[str, Any]] = []
    api = "rbac.authorization.k8s.io"
    for user, (read, streamed, these) in verbs.items():
        metadata = {"name": f"streams-{user}", "namespace": "shop"}
        rules = [
            {"apiGroups": [""], "resources": list(read), "verbs": ["get"]},
            {"apiGroups": [""], "resources": list(streamed), "verbs": these},
        ]
        items.append({"apiVersion": f"{api}/v1", "kind": "Role", "metadata": metadata, "rules": rules})
        items.append(
            {
                "apiVersion": f"{api}/v1",
                "kind": "RoleBinding",
                "metadata": metadata,
                "roleRef": {"apiGroup": api, "kind": "Role", "name": metadata["name"]},
                "subjects": [{"apiGroup": api, "kind": "User", "name": user}],
            }
        )
    rights = folder / "rights.json"
    rights.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    fleet.kubectl("ohio", "apply", "--filename", str(rights))
    with streaming_pod(fleet, "ohio", "shop", folder, served) as pod:
        yield pod


@pytest.fixture
def carol(fleet: FleetUnderTest, clients: ClientAuthority, tmp_path: Path) -> Through:
    """A person with a client certificate."""
    pem = str(clients.issue("carol"))
    return Through(fleet, tmp_path, **{"client-certificate": pem, "client-key": pem})


@pytest.mark.parametrize("protocol", [WEBSOCKET, SPDY], ids=["websocket", "spdy"])
def test_logs_and_attach_show_lines_as_they_are_written(
    shell: StreamingPod, carol: Through, protocol: dict[str, str]
) -> None:
    assert carol.run("ohio", "logs", POD).stdout.splitlines()[0] == "first line"
    seen: list[str] = []

    def shown() -> None:
        # Attach shows what comes after it: lines are written until one is there.
        shell.log("another line")
        if "another line\n" not in seen:
            raise NotYetError(str(seen))

    with (
        carol.reading("ohio", "logs", POD, "--follow") as logs,
        carol.reading("ohio", "attach", POD, exports=protocol) as attached,
    ):
        reader = threading.Thread(target=lambda: seen.extend(iter(attached.readline, "")), daemon=True)
        reader.start()
        wait_until(shown, "a line of attach", 30, "look at the log of kwok", every=0.5)
        assert any(line == "another line\n" for line in iter(logs.readline, ""))
    reader.join(20)


@pytest.mark.parametrize("protocol", [WEBSOCKET, SPDY], ids=["websocket", "spdy"])
def test_exec_and_copy_pass_input_output_and_failure(
    shell: StreamingPod, carol: Through, protocol: dict[str, str], tmp_path: Path
) -> None:
    script = "read line; echo got $line; echo aside >&2"
    done = carol.run("ohio", "exec", "--stdin", POD, "--", "sh", "-c", script, given="input\n", exports=protocol)
    assert (done.returncode, done.stdout, done.stderr) == (0, "got input\n", "aside\n")
    failed = carol.run("ohio", "exec", POD, "--", "sh", "-c", "exit 7", exports=protocol)
    assert failed.returncode != 0
    assert "exit status 7" in failed.stderr
    (shell.folder / "copied").write_text("content")
    copied = carol.run("ohio", "cp", f"shop/{POD}:copied", str(tmp_path / "copy"), exports=protocol)
    assert (copied.returncode, (tmp_path / "copy").read_text()) == (0, "content"), copied.stderr


@pytest.mark.parametrize("protocol", [WEBSOCKET, SPDY], ids=["websocket", "spdy"])
def test_port_forward_leads_to_the_port_of_the_pod(
    shell: StreamingPod, carol: Through, protocol: dict[str, str]
) -> None:
    with carol.reading("ohio", "port-forward", POD, ":80", exports=protocol) as output:
        found = re.search(r"127\.0\.0\.1:(\d+) -> 80", output.readline())
        assert found
        for _ in range(3):
            with urllib.request.urlopen(f"http://127.0.0.1:{found[1]}/", timeout=20) as answer:
                assert answer.read() == b"served"


def test_streams_are_refused_without_the_right(
    fleet: FleetUnderTest, shell: StreamingPod, deployer: Through, clients: ClientAuthority, tmp_path: Path
) -> None:
    commands = {
        "log": ("logs", POD),
        "exec": ("exec", POD, "--", "true"),
        "attach": ("attach", POD),
        "portforward": ("port-forward", POD, ":80"),
    }
    allowed = fleet.kubectl("ohio", "auth", "can-i", "get", "pods", "-n", "shop", "--as", ACCOUNT, expect=None)
    assert allowed.out.strip() == "no"
    for command in commands.values():
        refused = deployer.run("ohio", *command)
        assert refused.returncode != 0
        assert f'User "{ACCOUNT}" cannot' in refused.stderr, refused.stderr
    # Reading the pod is not enough, and neither is `get` of exec, with which a websocket begins.
    pem = str(clients.issue("dave"))
    dave = Through(fleet, tmp_path, **{"client-certificate": pem, "client-key": pem})
    for protocol in (WEBSOCKET, SPDY):
        refused = dave.run("ohio", *commands["exec"], exports=protocol)
        assert refused.returncode != 0
        assert 'User "dave" cannot create resource "pods/exec"' in refused.stderr, refused.stderr
    for name in ("log", "attach", "portforward"):
        assert 'User "dave" cannot' in dave.run("ohio", *commands[name]).stderr
    # Each is in the audit lines by the name of its sender.
    lines = [json.loads(line) for line in (fleet.workspace.portal("paris") / "audit.jsonl").read_text().splitlines()]
    codes = {(line["user"], line["code"]) for line in lines if (line["path"] or "").endswith("/exec")}
    assert {("carol", 101), ("dave", 403)} <= codes


def test_verify_asks_every_cluster_through_the_portal(fleet: FleetUnderTest) -> None:
    report = fleet.run("verify", "--check", "portal").report
    found = {check["cluster"]: check["detail"] for check in report["checks"]}
    assert set(found) == {"paris", "ohio"}
    for detail in found.values():
        assert "forged Impersonate-* headers and no credentials (401)" in detail
    assert "ohio knows system:serviceaccount:meshfleet-users:ada as the host does" in found["ohio"]
    assert "paris knows system:serviceaccount:shop:deployer as the host does" in found["paris"]
    status = fleet.status
    assert status["portal"]["ready"] is True
    assert (status["portal"]["cluster"], set(status["portal"]["clusters"])) == ("paris", {"paris", "ohio"})


def test_verify_names_what_is_wrong_and_its_advice_works(fleet: FleetUnderTest) -> None:
    fleet.kubectl("ohio", "delete", "clusterrole", "meshfleet-portal")
    found = fleet.failed_checks("--check", "portal", "--seconds", "2")
    assert set(found) == {"portal of ohio"}
    assert f"run meshfleet up --stack {STACK} --refresh" in found["portal of ohio"]
    fleet.up("--refresh")
    assert fleet.run("verify", "--check", "portal").report["ok"]


def test_portals_account_may_impersonate_the_declared_alone(fleet: FleetUnderTest) -> None:
    portal = ("--as", "system:serviceaccount:meshfleet-portal:portal")
    allowed = ("users/carol", "groups/dev", "groups/system:authenticated", "groups/system:serviceaccounts:shop")
    refused = ("users/root", "users/system:admin", "groups/system:masters", "groups/ops", "groups/system:nodes")
    accounts = {
        ("shop", "deployer"): "yes",
        ("shop", "default"): "no",
        ("kube-system", "deployer"): "no",
        ("meshfleet-portal", "portal"): "no",
    }

    def may(verb: str, what: str, *more: str) -> str:
        return fleet.kubectl("ohio", "auth", "can-i", verb, what, *more, *portal, expect=None).out.strip()

    assert {what: may("impersonate", what) for what in (*allowed, *refused)} == {
        **dict.fromkeys(allowed, "yes"),
        **dict.fromkeys(refused, "no"),
    }
    for (namespace, name), answer in accounts.items():
        assert may("impersonate", f"serviceaccounts/{name}", "--namespace", namespace) == answer, (namespace, name)
    for verb, what in (("get", "secrets"), ("list", "configmaps"), ("impersonate", "uids/1"), ("create", "pods")):
        assert may(verb, what, "--all-namespaces") == "no", (verb, what)


def test_revoked_account_has_nothing_after_one_up(
    clone: Clone, fleet: FleetUnderTest, config: dict[str, Any], deployer: Through
) -> None:
    assert deployer.run("ohio", "get", "configmaps").returncode == 0
    left = copy.deepcopy(config)
    left["portal"]["serviceAccounts"] = []
    del left["identities"]
    clone.write_stack(STACK, left)
    fleet.up()
    assert "is not declared for cluster" in deployer.run("ohio", "get", "--raw", "/api").stderr
    clone.write_stack(STACK, config)
    fleet.up()
    assert deployer.run("ohio", "get", "configmaps").returncode == 0
    assert fleet.preview() == []


def test_ended_portal_is_started_by_the_next_up(fleet: FleetUnderTest, deployer: Through) -> None:
    (envoy,) = [one for one in fleet.sandbox.processes() if one.name() == "envoy"]
    envoy.kill()
    envoy.wait(20)
    assert deployer.run("ohio", "get", "configmaps").returncode != 0
    fleet.up()
    assert deployer.run("ohio", "get", "configmaps").returncode == 0


def test_member_that_is_gone_is_503_by_name(fleet: FleetUnderTest, deployer: Through) -> None:
    server = fleet.sandbox.program(fleet.stack, "clusters/ohio", "kube-apiserver")
    server.kill()
    server.wait(20)

    def gone() -> None:
        found = deployer.run("ohio", "get", "--raw", "/api").stderr
        if 'cluster "ohio" is not reachable' not in found:
            raise NotYetError(found)

    wait_until(gone, "the answer of the portal", 30, "look at its log")
    failed = fleet.failed_checks("--check", "portal", "--seconds", "2")
    assert set(failed) == {"portal of ohio"}
    assert 'cluster "ohio" is not reachable' in failed["portal of ohio"]
    assert deployer.run("paris", "get", "configmaps").returncode == 0
