"""What a pod's specification means for its processes, and what the node says of the pod."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lightkube.resources.core_v1 import Pod

from meshfleet.dataplane.network.users import Users
from meshfleet.dataplane.node.containers import HttpProbe, containers_of
from meshfleet.dataplane.node.pod_status import ContainerState, pod_status
from meshfleet.dataplane.node.programs import AGENT, ECHO, RELAY, Role, passing_by, program_of
from meshfleet.errors import UnsupportedError

pytestmark = pytest.mark.proof("pods as processes in network namespaces", step=0)

BINARIES = Path("/run/programs")


def pod(*containers: dict[str, Any], first: tuple[dict[str, Any], ...] = ()) -> Pod:
    made = Pod.from_dict(
        {
            "metadata": {"name": "echo-1", "namespace": "sample", "uid": "u", "labels": {"app": "echo", "a": '"'}},
            "spec": {
                "nodeName": "west-0",
                "serviceAccountName": "echo",
                "containers": list(containers),
                "initContainers": list(first),
            },
        }
    )
    assert isinstance(made, Pod)
    return made


def from_field(name: str, path: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def test_variables_are_filled_from_the_pod_and_from_each_other_and_arguments_from_them() -> None:
    environment = [
        from_field("POD_NAMESPACE", "metadata.namespace"),
        from_field("INSTANCE_IP", "status.podIP"),
        from_field("HOST_IP", "status.hostIP"),
        from_field("APP", "metadata.labels['app']"),
        {"name": "BOTH", "value": "$(APP) in $(POD_NAMESPACE), not $(NOWHERE)"},
        {"name": "GOMAXPROCS", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
    ]
    (found,) = containers_of(
        pod({"name": "istio-proxy", "args": ["--domain", "$(POD_NAMESPACE).svc"], "env": environment}),
        "100.64.0.2",
        "198.18.0.1",
    )
    assert found.arguments == ("--domain", "sample.svc")
    assert found.environment == {
        "POD_NAMESPACE": "sample",
        "INSTANCE_IP": "100.64.0.2",
        "HOST_IP": "198.18.0.1",
        "APP": "echo",
        "BOTH": "echo in sample, not $(NOWHERE)",
        "GOMAXPROCS": "2",
    }


def test_init_containers_come_first_and_those_that_stay_are_distinguished() -> None:
    probe = {"httpGet": {"path": "/healthz/ready", "port": 15021}, "periodSeconds": 1, "failureThreshold": 600}
    found = containers_of(
        pod(
            {
                "name": "app",
                "ports": [{"name": "http", "containerPort": 8080}],
                "readinessProbe": {"httpGet": {"port": "http"}},
            },
            first=({"name": "istio-init"}, {"name": "istio-proxy", "restartPolicy": "Always", "startupProbe": probe}),
        ),
        "100.64.0.2",
        "198.18.0.1",
    )
    assert [(one.name, one.first, one.sidecar) for one in found] == [
        ("istio-init", True, False),
        ("istio-proxy", True, True),
        ("app", False, False),
    ]
    assert found[1].started == HttpProbe("/healthz/ready", 15021, 1.0, 600)
    assert found[2].ready == HttpProbe("/", 8080, 10.0, 3)


def test_containers_are_known_by_what_the_charts_and_the_injector_call_them() -> None:
    rules = program_of("istio-init", "proxyv2", ("istio-iptables", "-p", "15001"), {}, BINARIES)
    assert rules is not None
    assert (rules.name, rules.arguments[-1], rules.role) == (AGENT, "--native-nftables", Role.RULES)
    proxy = program_of("istio-proxy", "proxyv2", ("proxy", "sidecar"), {"PROXY_CONFIG": '{"a":1}'}, BINARIES)
    assert proxy is not None
    assert (proxy.name, proxy.role) == (AGENT, Role.PROXY)
    assert json.loads(proxy.environment["PROXY_CONFIG"])["binaryPath"] == "/run/programs/envoy"
    istiod = program_of("discovery", "pilot", ("discovery",), {}, BINARIES)
    assert istiod is not None
    assert istiod.name == RELAY
    echo = program_of("app", "docker.io/istio/app:1.31.0", ("--port=8080",), {}, BINARIES)
    assert echo is not None
    assert (echo.name, echo.role) == (ECHO, Role.APPLICATION)
    assert program_of("app", "nginx:1", (), {}, BINARIES) is None


@pytest.mark.parametrize(
    ("image", "release"),
    [
        ("registry.istio.io/testing/proxyv2:1.30", "1.30"),
        ("registry.istio.io/release/proxyv2:1.30.4-distroless", "1.30"),
        ("registry.example:1.30/proxyv2:1.31.2", ""),
        ("registry.example:1.30/proxyv2", ""),
        ("proxyv2:1.300", ""),
        ("proxyv2:1.29.1", ""),
        ("proxyv2:latest", ""),
        ("proxyv2", ""),
    ],
)
def test_an_agent_is_of_the_release_in_the_tag_of_its_image(image: str, release: str) -> None:
    for name, arguments in (("istio-proxy", ("proxy",)), ("istio-init", ("istio-iptables",))):
        program = program_of(name, image, arguments, {}, BINARIES)
        assert program is not None
        assert (program.name, program.release) == (AGENT, release)


@pytest.mark.parametrize("text", ["a: b", "[]", "1", '"/bin/sh"', "null", "{", "[" * 100_000, '{"a": NaN}'])
def test_a_proxy_config_that_is_no_object_is_refused_by_name(text: str) -> None:
    with pytest.raises(UnsupportedError, match=r"PROXY_CONFIG of istio-proxy must be a JSON object, got "):
        program_of("istio-proxy", "proxyv2", ("proxy",), {"PROXY_CONFIG": text}, BINARIES)


def test_a_pod_is_ready_when_all_that_works_in_it_is() -> None:
    containers = containers_of(
        pod({"name": "app"}, {"name": "istio-proxy"}, first=({"name": "istio-init"},)), "100.64.0.2", "198.18.0.1"
    )
    done, up = ContainerState("then", code=0), ContainerState("then", running=True, ready=True)

    def condition(**states: ContainerState) -> tuple[str, str]:
        named = {name.replace("_", "-"): state for name, state in states.items()}
        status = pod_status(containers, named, "100.64.0.2", "198.18.0.1", "then")
        (ready,) = [one["status"] for one in status["conditions"] if one["type"] == "Ready"]
        return status["phase"], ready

    nothing = ContainerState()
    assert condition(istio_init=nothing, app=nothing, istio_proxy=nothing) == ("Pending", "False")
    assert condition(istio_init=done, app=up, istio_proxy=ContainerState("then", running=True)) == ("Running", "False")
    assert condition(istio_init=done, app=up, istio_proxy=up) == ("Running", "True")


def test_why_a_container_ended_is_kept_while_it_runs_again() -> None:
    containers = containers_of(pod({"name": "app"}), "100.64.0.2", "198.18.0.1")
    again = ContainerState("then", running=True, ready=True, restarts=1, code=9, message="killed")
    (status,) = pod_status(containers, {"app": again}, "100.64.0.2", "198.18.0.1", "then")["containerStatuses"]
    assert status["lastState"]["terminated"]["message"] == "killed"
    assert (status["restartCount"], status["ready"]) == (1, True)


def test_capture_passes_by_the_proxy_of_its_own_pod() -> None:
    arguments = passing_by(("istio-iptables", "-p", "15001", "-u", "1337"), Users(2_000_000_002, 2_000_000_003))
    # Of a flag that is repeated the last counts.
    assert arguments[-4:] == ("-u", "2000000002", "-g", "2000000002")
