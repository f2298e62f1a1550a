"""Intermediates that an issuer of the user's own signs through cert-manager: what is registered, and what is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from meshfleet.components.issued_trust import read_issued_trust
from meshfleet.manifests import fleet_plan
from meshfleet.rollout.deployed import Deployed, DeployedTrust
from meshfleet.rollout.root_rotation import with_bundles
from meshfleet.rollout.stages import stages
from meshfleet.topology import Fleet, TopologyError, load
from tests.components.registered_graph import Graph
from tests.components.registrations import record
from tests.components.test_registered_cert_manager import config_of
from tests.components.test_registered_issued import cacerts
from tests.issued_files import below, fingerprint_of, new_root, new_server, write

pytestmark = pytest.mark.proof("intermediates that an issuer of the user's own signs through cert-manager", step=1)

ROOT, OTHER = new_root(), new_root("Other root")
NEW, OLD = f"issuer-{fingerprint_of(ROOT)[:16]}", "issuer-0123456789abcdef"
REQUESTED = {"context", "kubeconfig", "namespace", "renewBeforeDays", "request", "rootCertificate", "validityDays"}
DEPLOYED = DeployedTrust(("first",), ("first",))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The root below which the issuer signs, with a text before it."""
    path = tmp_path / "root-cert.pem"
    path.write_text(f"the root of the company\n{ROOT.certificate}")
    return path


def declared(root: Path, *, install: bool = True, **issuer: Any) -> Fleet:
    """The fleet as it is declared; the root is not read."""
    chosen = {"issuerRef": {"name": "vault", **issuer}, "root": str(root), "install": install}
    return load("issuing", config_of({"issuer": "cert-manager", "certManager": chosen, "organization": "Example"}))


def staged(fleet: Fleet, *bundle: str) -> Graph:
    """What is registered in a stage in which the mesh has these roots."""
    return record(with_bundles({"shop": bundle})(fleet))


def test_it_is_asked_for_each_intermediate_and_the_stack_has_no_root_of_its_own(root: Path) -> None:
    graph = record(declared(root))
    request = graph["hub/intermediate-west"].inputs["spec"]
    assert request["issuerRef"] == {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": "vault"}
    assert request["isCA"] is True
    assert graph["hub/cert-manager-ready"].urn in graph["hub/intermediate-west"].after
    assert not {"hub/root-shop", "hub/issuer-shop", "mesh shop/root", "west/intermediate"} & graph.names()
    assert graph[f"mesh shop/root-{NEW}"].inputs["certificate"] == ROOT.certificate
    issued = graph["west/issued-by-cert-manager"]
    assert issued.inputs["rootCertificate"] == ROOT.certificate
    assert "keep" not in issued.inputs
    assert not issued.ignored
    assert cacerts(graph, "west")["ca-key.pem"] == "CONFIDENTIAL privateKey of west/issued-by-cert-manager"
    assert cacerts(graph, "west")["root-cert.pem"] == ROOT.certificate


def test_an_issuer_of_another_api_group_is_named_as_it_is_declared(root: Path) -> None:
    graph = record(declared(root, kind="AWSPCAClusterIssuer", group="awspca.cert-manager.io", install=False))
    assert graph["hub/intermediate-east"].inputs["spec"]["issuerRef"] == {
        "group": "awspca.cert-manager.io",
        "kind": "AWSPCAClusterIssuer",
        "name": "vault",
    }


def test_render_reads_no_file_and_shows_what_is_requested(tmp_path: Path) -> None:
    plan = fleet_plan(declared(tmp_path / "absent.pem"))
    names = {document.name for document in plan["hub"]}
    assert {"intermediate-west", "intermediate-east"} <= names
    assert not {"root-shop", "issuer-shop"} & names


def test_a_root_of_the_stack_signs_until_the_issuer_takes_over(root: Path) -> None:
    fleet = declared(root)
    both = staged(fleet, "first", NEW)
    assert {"west/intermediate", "mesh shop/root", f"mesh shop/root-{NEW}"} <= both.names()
    assert not {"west/issued-by-cert-manager", "hub/intermediate-west"} & both.names()
    signs = staged(fleet, NEW, "first")
    assert {"west/issued-by-cert-manager", "hub/intermediate-west", "mesh shop/root"} <= signs.names()
    assert not signs["west/issued-by-cert-manager"].ignored


def test_until_the_next_root_of_the_issuer_signs_what_was_issued_below_the_last_one_is_kept(root: Path) -> None:
    fleet = declared(root)
    both = staged(fleet, OLD, NEW)
    # The next issuer has its requests already.
    assert "hub/intermediate-west" in both.names()
    kept = both["west/issued-by-cert-manager"]
    assert kept.ignored == REQUESTED
    assert kept.inputs["keep"] is True
    assert both[f"mesh shop/root-{OLD}"].ignored == {"certificate"}
    signs = staged(fleet, NEW, OLD)
    assert not signs["west/issued-by-cert-manager"].ignored
    assert signs["west/issued-by-cert-manager"].inputs["rootCertificate"] == ROOT.certificate


@pytest.mark.parametrize("issuer", ["builtin", "cert-manager"])
def test_what_was_issued_is_kept_until_a_root_of_the_stack_signs_again(issuer: str) -> None:
    fleet = load("issuing", config_of({"issuer": issuer}))
    both = staged(fleet, OLD, "first")
    assert both["west/issued-by-cert-manager"].inputs["keep"] is True
    assert not {"hub/intermediate-west", "hub/cert-manager", "west/intermediate"} & both.names()
    signs = staged(fleet, "first", OLD)
    assert ("west/intermediate" in signs.names()) is (issuer == "builtin")
    assert ("west/issued-by-cert-manager" in signs.names()) is (issuer == "cert-manager")


def test_what_was_issued_is_kept_until_the_root_of_files_signs(tmp_path: Path) -> None:
    files = {name: write(tmp_path, ROOT, name) for name in ("west", "east")}
    fleet = load("issuing", config_of({"issuer": "files", "files": files}))
    name = f"file-{fingerprint_of(ROOT)[:16]}"
    both = staged(fleet, OLD, name)
    assert both["west/issued-by-cert-manager"].inputs["keep"] is True
    assert "west/issued-intermediate" not in both.names()
    signs = staged(fleet, name, OLD)
    assert "west/issued-by-cert-manager" not in signs.names()
    assert not signs["west/issued-intermediate"].ignored


def test_files_of_another_root_are_kept_until_the_issuer_signs(root: Path) -> None:
    both = staged(declared(root), "file-0123456789abcdef", NEW)
    assert both["west/issued-intermediate"].ignored == {"certificate", "certificateChain", "privateKey"}
    assert "west/issued-by-cert-manager" not in both.names()


def test_the_issuer_takes_over_in_stages_and_at_once_from_files_of_the_same_root(root: Path) -> None:
    target = with_bundles({"shop": (NEW,)})(declared(root))

    def walk(*bundle: str) -> list[tuple[str, ...]]:
        deployed = Deployed({"shop": DeployedTrust(bundle, bundle), "operations": DEPLOYED})
        return [stage.fleet.meshes["shop"].trust.bundle for stage in stages(deployed, target)]

    assert walk("first") == [("first", NEW), (NEW, "first"), (NEW,)]
    assert walk(OLD) == [(OLD, NEW), (NEW, OLD), (NEW,)]
    assert walk(f"file-{fingerprint_of(ROOT)[:16]}") == [(NEW,)]


def unreadable(root: Path) -> str:
    with pytest.raises(TopologyError) as caught:
        read_issued_trust(declared(root))
    (fault,) = caught.value.faults
    assert fault.path == "meshes.shop.trust.certManager.root"
    return fault.message


def test_a_root_that_is_none_is_refused_before_anything_changes(tmp_path: Path) -> None:
    path = tmp_path / "root.pem"
    assert "there is no file" in unreadable(path)
    for text, said in (
        ("nothing", "is not a certificate in PEM"),
        (ROOT.certificate + OTHER.certificate, "holds 2 certificates; give one, the root"),
        (ROOT.certificate + ROOT.private_key, "contains a private key; give only certificates"),
        (below(ROOT).certificate, "is not signed by itself; give the root"),
        (new_server(ROOT).certificate, "is no certificate authority"),
    ):
        path.write_text(text)
        assert said in unreadable(path)


def test_faults_of_all_meshes_are_told_at_once(tmp_path: Path) -> None:
    config = config_of(
        {"issuer": "cert-manager", "certManager": {"issuerRef": {"name": "vault"}, "root": str(tmp_path / "a")}}
    )
    files = {name: str(tmp_path / name) for name in ("certificate", "key", "root")}
    config["meshes"]["operations"] = {"trust": {"issuer": "files", "files": {"hub": files}}}
    with pytest.raises(TopologyError) as caught:
        read_issued_trust(load("issuing", config))
    assert {fault.path for fault in caught.value.faults} == {
        "meshes.shop.trust.certManager.root",
        *(f"meshes.operations.trust.files.hub.{name}" for name in files),
    }
