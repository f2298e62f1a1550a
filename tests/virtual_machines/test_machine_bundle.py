"""`meshfleet vm`: what is asked for is checked first, what clusters say is told, and files are their owner's alone."""

from __future__ import annotations

import json
import socket
import stat
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from meshfleet.automation.identities import Reading, start_reading
from meshfleet.errors import ClusterError, EngineError, MeshfleetError
from meshfleet.kube.api_errors import RefusedError
from meshfleet.manifests.bundle import FILES
from meshfleet.manifests.virtual_machines import described
from meshfleet.status import Status, read_status
from meshfleet.topology import Fleet, TopologyError, load
from meshfleet.virtual_machines import bundles as machine_bundle
from meshfleet.virtual_machines.bundles import Made, Wanted, checked, make, refuse_filled, write
from meshfleet.virtual_machines.registered_machines import registered_machines
from tests.automation.made_up_session import STATUS
from tests.automation.stack_files import Command
from tests.manifests.machines import CONFIG, STACK

pytestmark = pytest.mark.proof("virtual machines: the commands that make and list them", step=0)

TOKEN = "CONFIDENTIAL"
EXPIRES = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
ADDRESSES = "10.30.0.7, 10.30.0.8"


@pytest.fixture
def fleet() -> Fleet:
    return load(STACK, CONFIG)


def status_of(fleet: Fleet, **gateways: str) -> Status:
    """The status of a running fleet, with the addresses of gateways."""
    clusters = [
        {
            "name": name,
            "kubeconfig": "/nowhere",
            "context": "",
            "mesh": fleet.mesh_of(name),
            "network": fleet.clusters[name].network,
            "controlPlane": {
                "kind": "own",
                "revision": fleet.istio.revision,
                "namespace": fleet.system_namespace(name),
            },
            "gateway": {"address": gateways.get(name, "198.18.0.1"), "port": 15443},
        }
        for name in fleet.clusters
    ]
    return read_status({"stack": STACK, "clusters": clusters, "virtualMachines": described(fleet)})


@dataclass
class MadeUp:
    """A cluster's API that knows of ConfigMaps and grants tokens; `asked` are the requests."""

    config_maps: dict[str, dict[str, str]] = field(
        default_factory=lambda: {
            "istio-system/istio": {"mesh": "trustDomain: t\n"},
            "istio-system/istio-green": {"mesh": "trustDomain: green\n"},
            "orders/istio-ca-root-cert": {"root-cert.pem": "ROOT"},
        }
    )
    token: str | None = TOKEN
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    closed: int = 0

    def __enter__(self) -> MadeUp:
        return self

    def __exit__(self, *of: object) -> None:
        self.closed += 1

    def get(self, kind: Any, name: str, *, namespace: str) -> Any:
        if f"{namespace}/{name}" not in self.config_maps:
            raise RefusedError(f"ConfigMap {namespace}/{name}: not found", 404)
        return SimpleNamespace(data=self.config_maps[f"{namespace}/{name}"])

    def create(self, request: Any, name: str, *, namespace: str) -> Any:
        self.asked.append((namespace, name, request.spec.audiences, request.spec.expirationSeconds))
        return SimpleNamespace(status=SimpleNamespace(token=self.token, expirationTimestamp=EXPIRES))


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> MadeUp:
    made = MadeUp()
    monkeypatch.setattr(machine_bundle, "connected", lambda cluster: made)
    return made


@pytest.mark.parametrize(
    ("wanted", "faults"),
    [
        (Wanted("biling"), ["NAME: no virtual machines are named 'biling'; known are billing, ledger, printer"]),
        (Wanted("ledger"), [f"--address: missing; ledger has several, name one of {ADDRESSES}"]),
        (
            Wanted("ledger", address="10.30.0.9"),
            [f"--address: '10.30.0.9' is none of the addresses of ledger: {ADDRESSES}"],
        ),
        (Wanted("billing", address="somewhere"), ["--address: 'somewhere' is not an IP address"]),
        (Wanted("billing", gateway="gateway.example"), ["--gateway: 'gateway.example' is not an IP address"]),
        (Wanted("billing", revision="blue"), ["--revision: 'blue' is not installed; installed are default, green"]),
        (
            Wanted("billing", package="https://packages.example/a.deb"),
            ["--package: goes with --cloud-init; without it you install the package yourself"],
        ),
        *(
            (
                Wanted("billing", package=package, cloud_init=True),
                [f"--package: '{package}' is not the https:// URL of a .deb or .rpm file"],
            )
            for package in ("http://packages.example/a.deb", "https://packages.example/a.tgz", "a.deb")
        ),
        (
            Wanted("billing", address="x", gateway="y"),
            ["--address: 'x' is not an IP address", "--gateway: 'y' is not an IP address"],
        ),
    ],
    ids=str,
)
def test_all_that_is_wrong_with_what_is_requested_is_reported_at_once(
    fleet: Fleet, wanted: Wanted, faults: list[str]
) -> None:
    with pytest.raises(TopologyError) as caught:
        checked(fleet, wanted)
    assert [str(fault) for fault in caught.value.faults] == faults


def test_the_address_of_a_machine_is_the_one_requested_or_the_only_one_there_is(fleet: Fleet) -> None:
    assert checked(fleet, Wanted("billing")) == ""
    assert checked(fleet, Wanted("billing", address="2001:DB8:0::1")) == "2001:db8::1"
    assert checked(fleet, Wanted("ledger", address="10.30.0.8")) == "10.30.0.8"
    one = CONFIG["virtualMachines"]["ledger"] | {"addresses": ["10.30.0.7"]}
    assert checked(load(STACK, CONFIG | {"virtualMachines": {"ledger": one}}), Wanted("ledger")) == "10.30.0.7"


def test_a_token_is_requested_for_the_certificate_authority_and_for_the_lifetime_of_the_stack(
    fleet: Fleet, cluster: MadeUp
) -> None:
    made = make(fleet, Wanted("billing"), "", status_of(fleet))
    assert cluster.asked == [("orders", "clerk", ["istio-ca"], 7200)]
    assert tuple(made.files) == FILES
    assert made.files["istio-token"] == TOKEN
    assert made.token_expires == "2026-11-23T10:00:00Z"
    assert TOKEN not in repr(made)


def test_another_revision_is_read_where_one_is_requested(fleet: Fleet, cluster: MadeUp) -> None:
    made = make(fleet, Wanted("billing", revision="green"), "", status_of(fleet))
    assert "TRUST_DOMAIN='green'" in made.files["cluster.env"]
    assert made.files["hosts"] == "198.18.0.1 istiod-green.istio-system.svc\n"


def test_user_data_holds_the_same_files(fleet: Fleet, cluster: MadeUp) -> None:
    made = make(fleet, Wanted("billing", cloud_init=True), "", status_of(fleet))
    assert tuple(made.files) == (*FILES, "user-data.yaml")
    assert TOKEN in made.files["user-data.yaml"]


def test_a_gateway_that_has_a_name_is_written_by_every_address_of_it(
    fleet: Fleet, cluster: MadeUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def known(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        assert (host, port) == ("gateway.west.example", 15012)
        places = [("192.0.2.1", port), ("192.0.2.2", port), ("192.0.2.1", port), ("2001:db8::1", port, 0, 0)]
        return [(0, 0, 0, "", place) for place in places]

    monkeypatch.setattr(socket, "getaddrinfo", known)
    made = make(fleet, Wanted("billing"), "", status_of(fleet, west="gateway.west.example"))
    assert [line.split()[0] for line in made.files["hosts"].splitlines()] == ["192.0.2.1", "192.0.2.2", "2001:db8::1"]


def test_a_name_that_is_not_known_here_is_a_sentence_with_a_way_out(
    fleet: Fleet, cluster: MadeUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    status = status_of(fleet, west="gateway.west.example")
    with pytest.raises(MeshfleetError, match=r"Name or service not known.*give one with --gateway"):
        make(fleet, Wanted("billing"), "", status)
    made = make(fleet, Wanted("billing", gateway="192.0.2.9"), "", status)
    assert made.files["hosts"] == "192.0.2.9 istiod.istio-system.svc\n"


def test_machines_that_are_not_up_as_the_stack_file_has_them_get_no_bundle(fleet: Fleet, cluster: MadeUp) -> None:
    other = fleet.model_copy(
        update={
            "virtual_machines": {
                name: declared.model_copy(update={"namespace": "papers"})
                for name, declared in fleet.virtual_machines.items()
            }
        }
    )
    for running in (other, fleet.model_copy(update={"virtual_machines": {}})):
        with pytest.raises(EngineError, match="billing is not up as the stack file has it; run meshfleet up first"):
            make(fleet, Wanted("billing"), "", status_of(running))
    assert cluster.asked == []


def test_what_a_cluster_lacks_is_reported_with_its_name(fleet: Fleet, cluster: MadeUp) -> None:
    cluster.token = None
    with pytest.raises(ClusterError, match="west grants no token of ServiceAccount orders/clerk"):
        make(fleet, Wanted("billing"), "", status_of(fleet))
    cluster.config_maps["orders/istio-ca-root-cert"] = {}
    with pytest.raises(ClusterError, match=r"west: ConfigMap orders/istio-ca-root-cert has no root-cert.pem"):
        make(fleet, Wanted("billing"), "", status_of(fleet))
    del cluster.config_maps["istio-system/istio"]
    with pytest.raises(ClusterError, match="ConfigMap istio-system/istio: not found"):
        make(fleet, Wanted("billing"), "", status_of(fleet))


def test_a_cluster_without_a_gateway_or_a_kubeconfig_is_reported(fleet: Fleet, cluster: MadeUp) -> None:
    status = status_of(fleet)
    west, *others = status.clusters
    without = status.model_copy(update={"clusters": (west.model_copy(update={"gateway": None}), *others)})
    with pytest.raises(EngineError, match="west has no east-west gateway"):
        make(fleet, Wanted("billing"), "", without)


def test_no_kubeconfig_is_reported() -> None:
    with pytest.raises(ClusterError, match="there is no kubeconfig of west"):
        machine_bundle.connected(read_status(STATUS).cluster("west").model_copy(update={"kubeconfig": None}))


def test_files_are_their_owners_alone_whatever_the_folder_was(tmp_path: Path) -> None:
    for folder in (tmp_path / "new" / "deep", tmp_path / "old"):
        if folder.name == "old":
            folder.mkdir(mode=0o755)
        paths = write(Made(dict.fromkeys(FILES, "x"), ""), folder)
        assert [path.name for path in paths] == list(FILES)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}


def test_a_folder_that_holds_something_is_only_written_into_by_force(tmp_path: Path) -> None:
    refuse_filled(tmp_path / "none", force=False)
    refuse_filled(tmp_path, force=False)
    (tmp_path / "kept").touch()
    with pytest.raises(MeshfleetError, match="is not empty; choose another for --out, or write over it with --force"):
        refuse_filled(tmp_path, force=False)
    refuse_filled(tmp_path, force=True)
    with pytest.raises(MeshfleetError, match="is not a folder"):
        refuse_filled(tmp_path / "kept", force=True)


def test_a_file_where_the_folder_should_be_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(MeshfleetError, match="taken"):
        write(Made({"hosts": ""}, ""), tmp_path / "taken" / "bundle")


def entry(namespace: str, name: str, address: str, healthy: str | None = None, **annotations: str) -> Any:
    """A WorkloadEntry as an API server tells it."""
    conditions = [{"type": "Healthy", "status": healthy}] if healthy else []
    return SimpleNamespace(
        metadata=SimpleNamespace(namespace=namespace, name=name, annotations=annotations or None),
        spec={"address": address},
        status={"conditions": conditions} if conditions else None,
    )


def test_machines_are_listed_with_what_istiod_knows_of_each(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    group, checked_, at = (
        "istio.io/autoRegistrationGroup",
        "proxy.istio.io/health-checks-enabled",
        "istio.io/connectedAt",
    )
    known = {
        "west": [
            entry("orders", "billing-1", "10.0.0.1", "True", **{group: "billing", checked_: "true", at: "now"}),
            entry("orders", "billing-2", "10.0.0.2", "False", **{group: "billing", checked_: "true"}),
            entry("papers", "billing-3", "10.0.0.3", **{group: "billing"}),
            entry("orders", "stray", "10.0.0.4"),
        ],
        "east": [entry("orders", "ledger-10-30-0-7", "10.30.0.7", **{checked_: "true"})],
        "alone": [entry("papers", "printer-1", "10.0.0.1", **{group: "printer", at: "now"})],
    }
    monkeypatch.setattr("meshfleet.virtual_machines.registered_machines._entries", lambda cluster: known[cluster.name])
    billing, ledger, printer = registered_machines(status_of(fleet))
    assert billing["registered"] == [
        {"name": "billing-1", "address": "10.0.0.1", "connected": True, "healthy": True},
        {"name": "billing-2", "address": "10.0.0.2", "connected": False, "healthy": False},
    ]
    # Until its agent has said something nobody sends it anything.
    assert ledger["registered"] == [
        {"name": "ledger-10-30-0-7", "address": "10.30.0.7", "connected": False, "healthy": False}
    ]
    assert printer["registered"] == [{"name": "printer-1", "address": "10.0.0.1", "connected": True, "healthy": None}]


@dataclass
class Session:
    """A session of the command on a fleet that is up."""

    topology: Fleet
    kubeconfigs: dict[str, Any] = field(default_factory=dict)

    @property
    def reading(self) -> Reading:
        return start_reading(self.topology, {}, Path("/nowhere"))

    def status(self) -> Status:
        return status_of(self.topology)


@pytest.fixture
def session(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> Session:
    made = Session(fleet)
    monkeypatch.setattr("meshfleet.cli.virtual_machines.open_session", lambda stack, quiet: made)
    return made


def test_the_command_says_in_one_line_what_to_do_next_and_never_the_token(
    meshfleet: Command, session: Session, cluster: MadeUp, tmp_path: Path
) -> None:
    arguments = ("vm", "bundle", "billing", "--stack", "dev", "--out", str(tmp_path / "bundle"))
    result = meshfleet(*arguments)
    assert (result.exit_code, result.stdout) == (0, "")
    assert len(result.stderr.splitlines()) == 1
    assert "the token is valid until 2026-11-23T10:00:00Z: copy them to the machine, install them" in result.stderr
    assert meshfleet(*arguments).exit_code == 1
    result = meshfleet(*arguments, "--force", "--cloud-init", "--json")
    answer = json.loads(result.stdout)
    assert answer == {
        "ok": True,
        "stack": "dev",
        "name": "billing",
        "files": [str(tmp_path / "bundle" / name) for name in (*FILES, "user-data.yaml")],
        "tokenExpires": "2026-11-23T10:00:00Z",
    }
    assert TOKEN not in result.stdout + result.stderr
    assert (tmp_path / "bundle" / "istio-token").read_text(encoding="utf-8") == TOKEN


def test_unknown_machines_are_exit_2_before_anything_is_queried(
    meshfleet: Command, session: Session, cluster: MadeUp, tmp_path: Path
) -> None:
    arguments = ("vm", "bundle", "north", "--stack", "dev", "--out", str(tmp_path / "bundle"))
    result = meshfleet(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "NAME: no virtual machines are named 'north'; known are billing, ledger, printer\n"
    answer = json.loads(meshfleet(*arguments, "--json").stdout)
    assert [fault["path"] for fault in answer["faults"]] == ["NAME"]
    assert cluster.asked == []
    assert not (tmp_path / "bundle").exists()


def test_groups_are_shown_with_a_row_for_each_machine(
    meshfleet: Command, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy = entry("orders", "billing-1", "10.0.0.1", "True", **{"istio.io/autoRegistrationGroup": "billing"})
    monkeypatch.setattr("meshfleet.virtual_machines.registered_machines._entries", lambda cluster: [healthy])
    result = meshfleet("vm", "list", "--stack", "dev")
    assert (result.exit_code, result.stdout) == (0, "")
    rows = {line.split()[0]: line for line in result.stderr.splitlines()}
    assert "10.0.0.1" in rows["billing"]
    assert "none registered" in rows["printer"]
    session.topology = session.topology.model_copy(update={"virtual_machines": {}})
    assert "the stack has no virtual machines" in meshfleet("vm", "list", "--stack", "dev").stderr
    assert json.loads(meshfleet("vm", "list", "--stack", "dev", "--json").stdout)["virtualMachines"] == []
