"""Bundles hold what istioctl was seen to write for the same machines: `recorded/istioctl` is what it wrote.

Each folder there has the files of one call, with the mesh configuration that istioctl found in its cluster. They were
taken from a running fleet by what tests/integration/fleets/test_virtual_machine_bundle.py does.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given

from meshfleet.manifests.bundle import FILES, Found, bundle, istiod_host
from meshfleet.manifests.names import mesh_config_map
from meshfleet.topology import Fleet, load
from tests.examples import up_to
from tests.manifests.machines import CONFIG, STACK, environment, proxy_config
from tests.topology.strategies import loaded_fleets

pytestmark = pytest.mark.proof("virtual machines: their bundle is that of istioctl", step=0)

RECORDED = Path(__file__).parent / "recorded" / "istioctl"
CASES = {
    "billing": ("billing", "default", ""),
    "ledger": ("ledger", "default", "10.30.0.8"),
    "printer": ("printer", "default", ""),
    "billing-green": ("billing", "green", ""),
}
MESH = "trustDomain: t.example\ndefaultConfig:\n  meshId: m\n  statusPort: 15020\n"


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return load(STACK, CONFIG)


def recorded(case: str, file: str) -> str:
    return (RECORDED / case / file).read_text(encoding="utf-8")


def made(fleet: Fleet, case: str) -> dict[str, str]:
    name, revision, address = CASES[case]
    gateway = recorded(case, "hosts").split()[0]
    return bundle(fleet, name, revision, Found(recorded(case, "config-map.yaml"), "root", (gateway,), "token"), address)


def more(fleet: Fleet, case: str) -> dict[str, str]:
    """What istioctl does not say: the entry that is to hear of the health of a machine with a fixed address."""
    name, _, address = CASES[case]
    entry = {"ISTIO_META_WORKLOAD_ENTRY": f"{name}-{address.replace('.', '-')}"}
    return entry if fleet.virtual_machines[name].addresses else {}


@pytest.mark.parametrize("case", CASES)
def test_every_variable_is_the_one_that_istioctl_writes(fleet: Fleet, case: str) -> None:
    expected = environment(recorded(case, "cluster.env")) | more(fleet, case)
    assert environment(made(fleet, case)["cluster.env"]) == expected


@pytest.mark.parametrize("case", CASES)
def test_the_proxy_is_configured_as_istioctl_does(fleet: Fleet, case: str) -> None:
    expected = proxy_config(recorded(case, "mesh.yaml"))
    expected["proxyMetadata"] |= more(fleet, case)
    assert proxy_config(made(fleet, case)["mesh.yaml"]) == expected


@pytest.mark.parametrize("case", CASES)
def test_istiod_is_found_by_the_line_that_istioctl_writes(fleet: Fleet, case: str) -> None:
    assert made(fleet, case)["hosts"] == recorded(case, "hosts")


def test_the_certificate_and_the_token_are_handed_on_as_they_are(fleet: Fleet) -> None:
    files = made(fleet, "billing")
    assert tuple(files) == FILES
    assert (files["root-cert.pem"], files["istio-token"]) == ("root", "token")


def test_a_gateway_with_several_addresses_has_a_line_for_each(fleet: Fleet) -> None:
    files = bundle(fleet, "billing", "default", Found(MESH, "", ("192.0.2.1", "2001:db8::1"), ""))
    host = "istiod.istio-system.svc"
    assert files["hosts"] == f"192.0.2.1 {host}\n2001:db8::1 {host}\n"


def test_a_machine_asks_for_istiod_at_the_port_that_leads_to_it(fleet: Fleet) -> None:
    files = bundle(fleet, "billing", "default", Found(MESH, "", ("192.0.2.1",), "", 31012))
    told = environment(files["cluster.env"])
    assert told["CA_ADDR"] == "istiod.istio-system.svc:31012"
    assert "discoveryAddress: istiod.istio-system.svc:31012" in files["mesh.yaml"]
    # The name, by which the gateway leads to it, has no port.
    assert files["hosts"] == "192.0.2.1 istiod.istio-system.svc\n"


def test_a_fixed_address_without_a_probe_names_no_entry_that_nobody_listens_for() -> None:
    machines = CONFIG["virtualMachines"]
    ledger = {key: value for key, value in machines["ledger"].items() if key != "probe"}
    fleet = load(STACK, CONFIG | {"virtualMachines": {"ledger": ledger}})
    told = environment(bundle(fleet, "ledger", "default", Found(MESH, "", (), ""), "10.30.0.7")["cluster.env"])
    assert "ISTIO_META_WORKLOAD_ENTRY" not in told
    assert told["ISTIO_SVC_IP"] == "10.30.0.7"
    assert "ISTIO_META_AUTO_REGISTER_GROUP" not in told


def test_another_status_port_is_left_to_the_agent_too(fleet: Fleet) -> None:
    for port, expected in ((15021, "22,15090,15021"), (16000, "22,15090,15021,16000")):
        found = Found(f"defaultConfig:\n  statusPort: {port}\n", "", (), "")
        told = environment(bundle(fleet, "billing", "default", found)["cluster.env"])
        assert told["ISTIO_LOCAL_EXCLUDE_PORTS"] == expected


def test_a_mesh_configuration_that_says_nothing_will_do(fleet: Fleet) -> None:
    files = bundle(fleet, "billing", "green", Found("", "", (), ""))
    proxy = proxy_config(files["mesh.yaml"])
    assert proxy["discoveryAddress"] == "istiod-green.istio-system.svc:15012"
    assert (proxy["proxyMetadata"]["TRUST_DOMAIN"], proxy["proxyMetadata"]["ISTIO_META_MESH_ID"]) == ("", "")


def test_a_text_is_quoted_so_that_a_shell_reads_it_as_it_is(fleet: Fleet) -> None:
    found = Found('defaultConfig:\n  proxyMetadata:\n    X: "it\'s $HOME `id`"\n', "", (), "")
    assert environment(bundle(fleet, "billing", "default", found)["cluster.env"])["X"] == "it's $HOME `id`"


def test_the_config_map_of_a_revision_bears_its_name() -> None:
    assert [mesh_config_map(revision) for revision in ("default", "green")] == ["istio", "istio-green"]


def test_a_token_is_not_shown_where_what_was_found_is() -> None:
    assert "CONFIDENTIAL" not in repr(Found(MESH, "", (), "CONFIDENTIAL"))


@up_to(40)
@given(loaded_fleets())
def test_in_any_fleet_a_bundle_names_the_control_plane_that_knows_its_group(fleet: Fleet) -> None:
    for name, declared in fleet.virtual_machines.items():
        for revision in fleet.istio.installed:
            files = bundle(fleet, name, revision, Found(MESH, "root", ("192.0.2.1",), "token"))
            told = environment(files["cluster.env"])
            assert told["ISTIO_META_CLUSTER_ID"] == fleet.primary_of(declared.cluster)
            assert told["ISTIO_NAMESPACE"] == told["POD_NAMESPACE"] == declared.namespace
            assert files["hosts"] == f"192.0.2.1 {istiod_host(fleet, name, revision)}\n"
            assert f".{fleet.system_namespace(declared.cluster)}.svc" in files["hosts"]
            assert proxy_config(files["mesh.yaml"])["proxyMetadata"].items() <= told.items()
