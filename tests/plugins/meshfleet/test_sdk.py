"""The classes a program uses: what they register under which names, and what is secret."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks, rpc

from meshfleet.plugins.meshfleet import sdk
from meshfleet.plugins.meshfleet.provider import load_handler
from meshfleet.plugins.meshfleet.sdk.resource import NativeResource, wire_name
from tests.issued_files import new_root

pytestmark = pytest.mark.proof("the native provider's Python classes", step=1)

PORTS = {"httpPort": 1, "monitoringPort": 2, "grpcPort": 3, "secureGrpcPort": 4, "httpsPort": 5}
AUTHORITY = {"caCertificate": "a", "caKey": "b", "certificateChain": "c", "rootCertificate": "d"}
ISSUED = new_root().certificate
ARGUMENTS: dict[type[NativeResource], dict[str, Any]] = {
    sdk.EmbeddedCluster: {
        "fleet": "dev",
        "name": "west",
        "kubernetes_version": "v1.35.4",
        "pod_cidr": "10.0.0.0/16",
    },
    sdk.EmbeddedNode: {
        "fleet": "dev",
        "cluster": "west",
        "network": "n",
        "kubeconfig": "k",
        "context": "c",
        "pod_cidr": "10.0.0.0/24",
        "region": "r",
        "zone": "z",
    },
    sdk.KindCluster: {
        "fleet": "dev",
        "name": "west",
        "network": "n",
        "kubernetes_version": "v1.35.4",
        "image": "i",
        "socket": "s",
        "pod_cidr": "10.0.0.0/16",
        "service_cidr": "10.1.0.0/16",
        "region": "r",
        "zone": "z",
    },
    sdk.ClusterIdentity: {"cluster": "west", "kubeconfig": "k", "context": "c"},
    sdk.IstiodAddress: {"fleet": "dev", "cluster": "west"},
    sdk.Istiod: {
        "fleet": "dev",
        "cluster": "west",
        "network": "n",
        "mesh_id": "m",
        "trust_domain": "t",
        "kubeconfig": "k",
        "address": PORTS,
        "certificate_authority": AUTHORITY,
        "settings": {"PILOT_ENABLE_X_y": "1"},
        "config_kubeconfig": "c",
    },
    sdk.GatewayAddress: {
        "fleet": "dev",
        "cluster": "west",
        "kubeconfig": "k",
        "namespace": "n",
        "service": "s",
        "address": "203.0.113.7",
        "hostname": "lb.example",
        "port": 443,
    },
    sdk.RemoteClusterReadiness: {
        "cluster": "branch",
        "primary": "west",
        "namespace": "n",
        "webhook": "w",
        "kubeconfig": "k",
        "debug_url": "http://127.0.0.1:1",
    },
    sdk.IstiodConfigMapCleanup: {"cluster": "west", "kubeconfig": "k", "context": "c"},
    sdk.ReleaseObjects: {"namespace": "istio-system", "release": "istiod", "kubeconfig": "k", "context": "c"},
    sdk.RemoteClusters: {
        "cluster": "west",
        "kubeconfigs": {"east": "k"},
        "explicit_servers": ["east"],
        "local_istiod": False,
    },
    sdk.KarmadaClusters: {
        "cluster": "west",
        "kinds": {"east": ["apps/v1/Deployment"]},
        "kubeconfig": "k",
        "context": "c",
    },
    sdk.KarmadaCertificateAuthority: {
        "root_certificate": "r",
        "root_private_key": "k",
        "cluster": "hub",
        "namespace": "karmada-system",
        "algorithm": "ecdsa-p256",
        "validity_days": 30,
        "renew_before_days": 10,
    },
    sdk.KarmadaHooksCleanup: {"cluster": "hub", "kubeconfig": "k", "context": "c"},
    sdk.KarmadaServer: {"cluster": "hub", "kubeconfig": "k", "context": "c"},
    sdk.Portal: {
        "fleet": "dev",
        "cluster": "west",
        "addresses": ["127.0.0.1"],
        "port": 8443,
        "members": {"west": {"server": "https://s", "authority": "a", "serverName": "", "token": "t"}},
        "subjects": {"west": {"users": {"alice": []}, "groups": [], "serviceAccounts": []}},
        "host_accounts": False,
        "oidc": {},
        "client_authority": "c",
        "kubeconfig": "k",
    },
    sdk.CertManager: {"fleet": "dev", "cluster": "hub", "namespace": "n", "kubeconfig": "k", "context": "c"},
    sdk.CertManagerIntermediate: {
        "cluster": "west",
        "namespace": "n",
        "name": "intermediate-west",
        "kubeconfig": "k",
        "context": "c",
        "root_certificate": "r",
        "request": {"isCA": True},
        "validity_days": 30,
        "renew_before_days": 10,
    },
    sdk.RootCertificateAuthority: {"common_name": "Root"},
    sdk.IssuedIntermediate: {"certificate": ISSUED, "private_key": "k", "certificate_chain": ISSUED},
    sdk.IssuedRoot: {"certificate": ISSUED},
    sdk.IntermediateCertificateAuthority: {"root_certificate": "r", "root_private_key": "k", "cluster": "west"},
}


def opened(value: Any) -> Any:
    """A value without its marks of secrecy, whole numbers as int."""
    if rpc.is_rpc_secret(value):
        return opened(rpc.unwrap_rpc_secret(value))
    if isinstance(value, dict):
        return {name: opened(item) for name, item in value.items()}
    return int(value) if isinstance(value, float) else value


class Recorder(mocks.Mocks):
    """Answers every registration with a value for each output, and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[mocks.MockResourceArgs] = []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        self.asked.append(args)
        outputs = {name: f"the {name}" for name in load_handler(args.typ).outputs}
        return "id", {**args.inputs, **outputs}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        return {}, None


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    # The SDK takes the current loop, which another test may have removed, and closes none of those it makes.
    loops: list[asyncio.AbstractEventLoop] = []
    make = asyncio.new_event_loop

    def remembered() -> asyncio.AbstractEventLoop:
        loops.append(make())
        return loops[-1]

    monkeypatch.setattr("asyncio.new_event_loop", remembered)
    asyncio.set_event_loop(remembered())
    recorder = Recorder()
    mocks.set_mocks(recorder)
    yield recorder
    for loop in loops:
        loop.close()
    asyncio.set_event_loop(None)


def test_every_class_of_the_plugin_is_looked_at() -> None:
    assert {kind.__name__ for kind in ARGUMENTS} == set(sdk.__all__)


@pytest.mark.parametrize("kind", list(ARGUMENTS))
def test_inputs_are_what_the_handler_takes_and_outputs_what_it_gives(
    kind: type[NativeResource], recorder: Recorder
) -> None:
    handler = load_handler(f"meshfleet:index:{kind.__name__}")

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def program() -> pulumi.Output[None]:
        resource = kind("thing", **ARGUMENTS[kind])
        assert {wire_name(output) for output in kind.outputs} <= handler.outputs
        assert {wire_name(output) for output in kind.secret_outputs} == handler.secret_outputs

        def check(seen: list[Any]) -> None:
            assert seen == [f"the {wire_name(output)}" for output in kind.outputs]

        return pulumi.Output.all(*(getattr(resource, output) for output in kind.outputs)).apply(check)

    program()
    (asked,) = recorder.asked
    assert asked.typ == f"meshfleet:index:{kind.__name__}"
    checked, faults = handler.check(opened(asked.inputs))
    assert faults == []
    assert set(asked.inputs) <= set(checked)
    assert {name for name, value in asked.inputs.items() if rpc.is_rpc_secret(value)} == handler.secret_inputs


def test_keys_of_a_users_map_are_left_alone(recorder: Recorder) -> None:
    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def program() -> None:
        sdk.Istiod("thing", **ARGUMENTS[sdk.Istiod])

    program()
    assert recorder.asked[0].inputs["settings"] == {"PILOT_ENABLE_X_y": "1"}
    assert recorder.asked[0].inputs["meshId"] == "m"
