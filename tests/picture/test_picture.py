"""The picture of a fleet: complete, well formed, inside its frame, the same bytes each time."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.picture import (
    ClusterPicture,
    ControlPlanePicture,
    FleetPicture,
    GatewayPicture,
    MeshPicture,
    NetworkPicture,
    ObjectPicture,
    Running,
    VirtualMachinePicture,
    draw,
    from_fleet,
    palette,
)
from meshfleet.picture.layout import place
from meshfleet.picture.text import shortened, width
from meshfleet.topology import Fleet, load, read_stack_file
from tests.components.fleets import STACKS, fleet_called
from tests.examples import up_to

pytestmark = pytest.mark.proof("the picture of a fleet as SVG", step=0)

SVG = "{http://www.w3.org/2000/svg}"

# Any text, even what no topology would allow: markup, quotes, control characters, wide letters, surrogates.
names = st.text(
    st.characters() | st.sampled_from("<>&\"'\x00\x1b\t\n漢字"),
    min_size=1,
    max_size=60,
)
addresses = st.sampled_from(["", "127.1.2.3", "fd00::1"])
gateways = st.none() | st.builds(GatewayPicture, st.integers(1, 65535), addresses, st.booleans())
declared_gateways = st.lists(st.builds(GatewayPicture, st.integers(1, 65535), addresses), max_size=2).map(tuple)
machines = st.lists(st.builds(VirtualMachinePicture, names, st.just("10.0.0.9")), max_size=7).map(tuple)
objects = st.lists(
    st.builds(
        ObjectPicture, st.just("ConfigMap") | names, names, names | st.just(""), st.none() | st.integers(0, 9999)
    ),
    max_size=11,
).map(tuple)


@st.composite
def fleets(draw_one: st.DrawFn) -> FleetPicture:
    """Fleets of one to three meshes of one to nine clusters, with every kind of control plane."""
    meshes = []
    for mesh_number in range(draw_one(st.integers(1, 3))):
        labels = draw_one(st.lists(names, min_size=1, max_size=9, unique=True))
        networks: dict[int, list[ClusterPicture]] = {}
        for label in labels:
            plane = ControlPlanePicture(
                draw_one(st.sampled_from(["own", "remote", "external"])),
                draw_one(st.sampled_from(labels)),
                "default",
            )
            cluster = ClusterPicture(
                name=label,
                role=draw_one(st.sampled_from(["host", "member"])),
                provider="embedded",
                region=draw_one(st.sampled_from(["", "eu-west-1"])),
                zone=draw_one(st.sampled_from(["", "eu-west-1a"])),
                kubernetes="v1.35.4",
                control_plane=plane,
                gateway=draw_one(gateways),
                virtual_machines=draw_one(machines),
                verified=draw_one(st.sampled_from([None, True, False])),
                authority=draw_one(st.booleans()),
                propagated=draw_one(objects),
                portal=draw_one(st.booleans()),
                read_by=draw_one(st.none() | st.lists(st.sampled_from(labels), max_size=9, unique=True).map(tuple)),
            )
            networks.setdefault(draw_one(st.integers(0, 4)), []).append(cluster)
        views = tuple(
            NetworkPicture(draw_one(names) + str(number), tuple(clusters)) for number, clusters in networks.items()
        )
        views += tuple(
            NetworkPicture(draw_one(names) + f"alone{number}", (), draw_one(machines), draw_one(declared_gateways))
            for number in range(draw_one(st.integers(0, 2)))
        )
        meshes.append(MeshPicture(f"mesh{mesh_number}", views, "mixed", "cluster.local", "ecdsa-p256"))
    return FleetPicture(draw_one(names), tuple(meshes), ("Istio 1.31",))


def fleet(*sizes: int, networks: int | None = None) -> FleetPicture:
    """A mesh for each of `sizes`; each cluster has its own network unless `networks` says how many."""
    meshes = []
    for mesh_number, size in enumerate(sizes, 1):
        by_network: dict[str, list[ClusterPicture]] = {}
        for number in range(1, size + 1):
            name = f"m{mesh_number}c{number}"
            gateway = GatewayPicture(15443, f"127.{mesh_number}.0.{number}")
            network = f"m{mesh_number}n{number % (networks or size)}"
            by_network.setdefault(network, []).append(ClusterPicture(name, gateway=gateway, kubernetes="v1.35.4"))
        views = tuple(NetworkPicture(name, tuple(clusters)) for name, clusters in by_network.items())
        meshes.append(MeshPicture(f"mesh{mesh_number}", views, algorithm="ecdsa-p256"))
    return FleetPicture("dev", tuple(meshes))


def points(element: ElementTree.Element) -> list[tuple[float, float]]:
    """The outermost points of a shape, its stroke not counted; of a text, by the estimate of its width."""
    number = {name: float(value) for name, value in element.items() if value.replace(".", "", 1).isdigit()}
    match element.tag.removeprefix(SVG):
        case "rect":
            x, y = number["x"], number["y"]
            return [(x, y), (x + number["width"], y + number["height"])]
        case "circle":
            x, y, r = number["cx"], number["cy"], number["r"]
            return [(x - r, y - r), (x + r, y + r)]
        case "polyline" | "polygon":
            pairs = [pair.split(",") for pair in element.attrib["points"].split()]
            return [(float(x), float(y)) for x, y in pairs]
        case "text":
            size = number["font-size"]
            wide = width(element.text or "", size, element.get("font-weight") == "bold")
            share = {"start": 0.0, "middle": 0.5, "end": 1.0}[element.get("text-anchor", "start")]
            left = number["x"] - share * wide
            return [(left, number["y"] - size), (left + wide, number["y"] + size * 0.3)]
        case _:
            return []


def assert_inside(svg: str) -> None:
    root = ElementTree.fromstring(svg)
    _, _, right, bottom = (float(part) for part in root.attrib["viewBox"].split())
    for element in root.iter():
        for x, y in points(element):
            assert 0 <= x <= right, ElementTree.tostring(element)
            assert 0 <= y <= bottom, ElementTree.tostring(element)


def words(svg: str) -> str:
    return "\n".join(ElementTree.fromstring(svg).itertext())


@up_to(60)
@given(fleets())
def test_whatever_the_fleet_the_picture_is_well_formed_deterministic_and_inside_its_frame(
    view: FleetPicture,
) -> None:
    svg = draw(view)
    assert svg == draw(view)
    assert_inside(svg)
    root = ElementTree.fromstring(svg)
    assert not [element for element in root.iter() if element.tag.removeprefix(SVG) in ("script", "image", "use")]


@pytest.mark.parametrize("sizes", [(1,), (3,), (6,), (12,), (2, 2), (3, 9), (1, 1, 1)])
@pytest.mark.parametrize("networks", [None, 1, 2])
def test_every_mesh_network_cluster_and_gateway_is_named(sizes: tuple[int, ...], networks: int | None) -> None:
    view = fleet(*sizes, networks=networks)
    svg = draw(view)
    assert_inside(svg)
    shown = words(svg).splitlines()
    for mesh in view.meshes:
        assert f"Mesh {mesh.name}" in shown
        assert f"Root CA of {mesh.name}" in shown
        for network in mesh.networks:
            assert network.name in shown
            for cluster in network.clusters:
                assert cluster.name in shown
                assert cluster.gateway is not None
                assert f"{cluster.gateway.address}:{cluster.gateway.port}" in shown


@pytest.mark.parametrize("sizes", [(1,), (3,), (6,), (12,), (5, 7), (40,)])
@pytest.mark.parametrize("networks", [None, 1, 3])
def test_no_box_covers_another(sizes: tuple[int, ...], networks: int | None) -> None:
    placed = place(fleet(*sizes, networks=networks))
    frames = [mesh.frame for mesh in placed.meshes]
    areas = [network.area for mesh in placed.meshes for network in mesh.networks]
    clusters = [cluster.box for mesh in placed.meshes for row in mesh.rows for cluster in row.clusters]
    for boxes in (frames, areas, clusters):
        for index, one in enumerate(boxes):
            for other in boxes[index + 1 :]:
                apart = one.right <= other.x or other.right <= one.x or one.bottom <= other.y or other.bottom <= one.y
                assert apart, (one, other)


def test_networks_of_machines_alone_cover_no_others() -> None:
    alone = tuple(NetworkPicture(f"alone{number}", (), (VirtualMachinePicture("till"),)) for number in range(3))
    (mesh,) = fleet(5).meshes
    (placed,) = place(FleetPicture("f", (replace(mesh, networks=mesh.networks + alone),))).meshes
    areas = [network.area for network in placed.networks]
    assert len(areas) == 8
    for one, other in combinations(areas, 2):
        assert one.right <= other.x or other.right <= one.x or one.bottom <= other.y or other.bottom <= one.y


def test_a_cluster_stands_in_its_network_and_the_gateway_on_its_border() -> None:
    placed = place(fleet(7, networks=3))
    for mesh in placed.meshes:
        areas = {network.name: network.area for network in mesh.networks}
        for network in mesh.view.networks:
            inside = {cluster.name for cluster in network.clusters}
            for cluster in (cluster for row in mesh.rows for cluster in row.clusters):
                if cluster.view.name not in inside:
                    continue
                area = areas[network.name]
                assert area.x < cluster.box.x < cluster.box.right < area.right
                assert area.y < cluster.box.y < cluster.box.bottom < area.bottom
                assert cluster.gateway is not None
                assert cluster.gateway.y < area.bottom


def test_lines_grow_with_the_number_of_clusters_and_not_with_its_square() -> None:
    lines = {size: draw(fleet(size)).count("<polyline") for size in (8, 16, 32)}
    assert lines[32] - lines[16] <= 2.3 * (lines[16] - lines[8])


def test_a_remote_cluster_is_joined_to_the_one_that_serves_it() -> None:
    clusters = (
        ClusterPicture("west", control_plane=ControlPlanePicture("own", "", "canary")),
        ClusterPicture("east", control_plane=ControlPlanePicture("remote", "west", "canary")),
    )
    svg = draw(FleetPicture("dev", (MeshPicture("mesh1", (NetworkPicture("n", clusters),)),)))
    assert "remote: istiod of west" in words(svg)
    assert "east is served by the control plane of west" in words(svg)
    assert "rev canary" in words(svg)
    assert "served by the control plane at the arrow" in words(svg)
    assert svg.count("<polygon") == 1


def example(name: str) -> tuple[str, str]:
    """The picture of an example that is not up, and its words."""
    svg = draw(from_fleet(fleet_called(name)))
    return svg, words(svg)


def test_intermediates_are_shown_where_they_are_issued_and_not_in_clusters_that_others_serve() -> None:
    _, shown = example("mixed")
    assert {line for line in shown.splitlines() if line.startswith("intermediate CA of")} == {
        "intermediate CA of west, issued by the root",
        "intermediate CA of east, issued by the root",
    }


def test_a_gateway_that_leads_to_istiod_alone_has_its_port_and_no_part_in_traffic() -> None:
    svg, shown = example("primary-remote-one-network")
    assert "gateway to the control planes in primary: no address yet, port 15012" in shown
    assert "gateway :15012" in shown
    assert "east-west traffic" not in shown
    both, _ = example("primary-remote")
    assert palette.TRAFFIC not in svg
    assert palette.TRAFFIC in both


def test_where_discovery_has_a_direction_traffic_goes_to_the_gateways_at_the_arrows() -> None:
    svg, shown = example("hub-and-spoke")
    assert svg.count("<polygon") == 3 + 2
    assert [line for line in shown.splitlines() if " is read by " in line] == [
        "3 clusters, 3 networks, 1 mesh. Mesh mesh: network network-central with central; network network-edge1 with "
        "edge1; network network-edge2 with edge2. central is read by no other cluster. edge1 is read by central. "
        "edge2 is read by central."
    ]
    assert "Kubernetes" in shown
    assert "sidecar · read by central" in shown
    assert "sidecar · read by no other" in shown
    assert "into the network at the arrow" in shown
    assert "read by" not in example("multi-primary")[1]


def test_an_external_control_plane_is_reported_with_the_cluster_it_runs_in() -> None:
    _, shown = example("external-control-plane")
    assert "external: istiod in operations" in shown
    assert "config is served by a control plane that runs in operations" in shown
    assert "remote: istiod of config" in shown
    assert "gateway to the control planes in operations: no address yet, port 15012" in shown


def test_verdicts_are_marked_and_counted() -> None:
    def view(*verdicts: bool | None) -> str:
        clusters = tuple(ClusterPicture(f"c{index}", verified=verdict) for index, verdict in enumerate(verdicts))
        return words(draw(FleetPicture("dev", (MeshPicture("m", (NetworkPicture("n", clusters),)),))))

    assert "verification failed for 1 of 2" in view(True, False)
    assert "c1: verification failed" in view(True, False)
    assert "verified" in view(True, True).splitlines()
    assert "verif" not in view(None, None)


def test_odd_names_are_escaped_and_illegal_characters_replaced() -> None:
    odd = '<b a="1">&\x00\x1b</b>'
    svg = draw(FleetPicture(odd, (MeshPicture(odd, (NetworkPicture(odd, (ClusterPicture(odd),)),)),)))
    assert "<b" not in svg.replace("&lt;b", "")
    assert 'Fleet <b a="1">&\ufffd\ufffd</b>' in words(svg)


def test_a_text_that_is_cut_can_be_read_in_full_where_a_pointer_rests_on_it() -> None:
    long = "a-very-long-cluster-name-with-forty-eight-letters"
    svg = draw(FleetPicture("dev", (MeshPicture("m", (NetworkPicture("n", (ClusterPicture(long),)),)),)))
    root = ElementTree.fromstring(svg)
    groups = [group for group in root.iter(f"{SVG}g") if group.findtext(f"{SVG}title") == long]
    assert groups
    assert (groups[0].findtext(f"{SVG}text") or "").endswith("…")


def topology() -> Fleet:
    clusters: dict[str, object] = {
        name: {"network": f"net-{name}", "region": "eu", "zone": "eu-1", "embedded": {}} for name in ("host", "west")
    }
    return load(
        "dev",
        {
            "host": "host",
            "clusters": clusters,
            "networks": {"net-host": {}, "net-west": {}},
            "meshes": {"mesh1": {}},
        },
    )


def test_the_picture_of_a_topology_has_what_it_declares_and_what_is_known_of_it() -> None:
    declared = from_fleet(topology())
    status = Running({"west": ("127.1.0.2", 15443)}, {"host": True, "west": False}, {"mesh1": "2036-11-20T09:30:00Z"})
    known = from_fleet(topology(), status)
    (mesh,) = declared.meshes
    assert [network.name for network in mesh.networks] == ["net-host", "net-west"]
    host, west = (network.clusters[0] for network in mesh.networks)
    assert (host.role, west.role) == ("host", "member")
    assert host.gateway == GatewayPicture(15443, "")
    assert west.verified is None
    shown = words(draw(known))
    assert "127.1.0.2:15443" in shown
    assert "gateway :15443" in shown
    assert "verification failed for 1 of 2" in shown
    assert "ECDSA P-256 · valid until 2036-11-20" in shown
    assert "multi-primary, several networks" in shown


def test_virtual_machines_stand_in_the_cluster_they_are_declared_of() -> None:
    (mesh,) = from_fleet(fleet_called("virtual-machines")).meshes
    west, east = (network.clusters[0] for network in mesh.networks)
    assert [machine.name for machine in west.virtual_machines] == ["billing"]
    (ledger,) = east.virtual_machines
    assert (ledger.name, ledger.address) == ("ledger", "10.30.0.7, 10.30.0.8")


@pytest.mark.tools
def test_propagated_objects_stand_in_their_clusters_with_the_replicas_of_each_and_the_portal_on_the_host() -> None:
    (mesh,) = from_fleet(fleet_called("federation")).meshes
    found = {cluster.name: cluster.propagated for network in mesh.networks for cluster in network.clusters}
    assert {name: next(one for one in each if "frontend" in one.name) for name, each in found.items()} == {
        "paris": ObjectPicture("Deployment", "frontend", "shop", 6),
        "dublin": ObjectPicture("Deployment", "frontend", "shop", 3),
        "ohio": ObjectPicture("Deployment", "frontend-next", "shop", 1),
    }
    shown = words(draw(from_fleet(fleet_called("federation")))).splitlines()
    assert {"Deployment frontend", "6 replicas", "1 replica", "Deployment shop/frontend, 3 replicas"} <= set(shown)
    assert f"and {len(found['paris']) - palette.OBJECTS_SHOWN} more propagated objects" in shown
    (mesh,) = from_fleet(load("portal", read_stack_file(STACKS, "examples/portal").config)).meshes
    assert [cluster.portal for network in mesh.networks for cluster in network.clusters] == [True, False]


def test_machines_of_a_network_without_a_cluster_stand_in_it_with_its_declared_gateway() -> None:
    view = from_fleet(fleet_called("machine-network"))
    (mesh,) = view.meshes
    coast, datacenter, branch = mesh.networks
    assert coast.clusters[0].virtual_machines == ()
    assert [machine.name for machine in datacenter.machines] == ["billing", "edge"]
    assert ([machine.name for machine in branch.machines], branch.gateways) == (["till"], ())
    svg = draw(view)
    assert {"VM billing", "VM edge", "VM till", "203.0.113.80:15443"} <= set(words(svg).splitlines())
    assert "network datacenter with virtual machine billing, virtual machine edge" in svg
    assert "3 virtual machines" in svg
    (placed,) = place(view).meshes
    (row,) = placed.rows
    areas = {network.name: network.area for network in placed.networks}
    (gateway,) = row.gateways
    assert areas["datacenter"].x < gateway.x
    assert gateway.right < areas["datacenter"].right


@given(st.text(max_size=200), st.floats(8, 24), st.floats(0, 400))
def test_a_shortened_text_fits(text: str, size: float, room: float) -> None:
    assert width(shortened(text, size, room), size) <= room or not shortened(text, size, room)
