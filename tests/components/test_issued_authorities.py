"""Intermediates in files: what istiod could not sign with is refused before anything changes, and no key is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from meshfleet.components.issued_authorities import issued_authorities
from meshfleet.components.issued_trust import IssuedTrust, read_issued_trust, with_read_roots
from meshfleet.errors.faults import TopologyError
from meshfleet.plugins.meshfleet.certificates import Authority
from meshfleet.topology import Fleet, load
from tests.issued_files import name_of, new_intermediate, new_root, new_server, write

pytestmark = pytest.mark.proof("intermediates that something else issues, in files", step=0)

ROOT, OTHER = new_root(), new_root("Other root")
WEST, EAST = new_intermediate(ROOT, "west"), new_intermediate(ROOT, "east")
PAST = datetime.now(UTC) - timedelta(days=90)
Files = dict[str, dict[str, str]]


def fleet_of(files: Files) -> Fleet:
    clusters = {name: {"embedded": {}, "network": name} for name in files}
    trust = {"issuer": "files", "files": files}
    config: dict[str, Any] = {"host": "west", "networks": {name: {} for name in files}, "clusters": clusters}
    return load("issued", config | {"meshes": {"mesh1": {"trust": trust}}})


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return {"west": write(tmp_path, ROOT, "west", WEST), "east": write(tmp_path, ROOT, "east", EAST)}


def test_what_fits_is_read_and_names_the_root_of_the_mesh(files: Files) -> None:
    fleet = fleet_of(files)
    assert fleet.meshes["mesh1"].trust.bundle == ()
    issued = issued_authorities(fleet)
    assert issued["west"].certificate == WEST.certificate
    assert issued["west"].chain == WEST.certificate + ROOT.certificate
    assert issued["east"].key == EAST.private_key
    assert EAST.private_key.splitlines()[1] not in repr(issued)
    read = read_issued_trust(fleet)
    assert read.intermediates == issued
    resolved = with_read_roots(fleet, read)
    assert resolved.meshes["mesh1"].trust.bundle == (name_of(ROOT),)
    # In a stage other roots are there, and stay.
    between = resolved.meshes["mesh1"].trust.model_copy(update={"roots": ("first",), "signing": "first"})
    stage = fleet.model_copy(update={"meshes": {"mesh1": fleet.meshes["mesh1"].model_copy(update={"trust": between})}})
    assert with_read_roots(stage, read).meshes["mesh1"].trust.bundle == ("first",)


def test_a_chain_may_hold_all_from_the_intermediate_to_the_root(files: Files, tmp_path: Path) -> None:
    chain = tmp_path / "chain.pem"
    chain.write_text(f"the chain of west\n{WEST.certificate}{ROOT.certificate}")
    files["west"]["chain"] = str(chain)
    assert issued_authorities(fleet_of(files))["west"].chain == WEST.certificate + ROOT.certificate


@dataclass(frozen=True)
class Fault:
    """What is done to the files of west, and the field that is named with a part of what is said."""

    change: Callable[[Path], object]
    field: str
    said: str


def content(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / f"west-{name}.pem").write_text(text)


def folder_for_a_key(folder: Path) -> None:
    (folder / "west-key.pem").unlink()
    (folder / "west-key.pem").mkdir()


FAULTS = {
    "no file": Fault(lambda folder: (folder / "west-key.pem").unlink(), "key", "there is no file"),
    "a folder": Fault(folder_for_a_key, "key", "west-key.pem"),
    "a key that others may read": Fault(
        lambda folder: (folder / "west-key.pem").chmod(0o640), "key", "others may read or change it (mode 0640)"
    ),
    "no key": Fault(content("key", "nothing"), "key", "is not a private key in PEM form"),
    "a key of another certificate": Fault(content("key", EAST.private_key), "key", "does not belong to"),
    "no certificate": Fault(content("certificate", "nothing"), "certificate", "is not a certificate in PEM"),
    "a key for a certificate": Fault(
        content("certificate", WEST.private_key), "certificate", "contains a private key; give only certificates"
    ),
    "two certificates": Fault(
        content("certificate", WEST.certificate * 2), "certificate", "holds 2 certificates; give one"
    ),
    "the root itself": Fault(
        lambda folder: (content("certificate", ROOT.certificate)(folder), content("key", ROOT.private_key)(folder)),
        "certificate",
        "is the root itself",
    ),
    "another root": Fault(content("root", OTHER.certificate), "certificate", "is not signed by"),
    "an intermediate for a root": Fault(content("root", EAST.certificate), "root", "is not signed by itself"),
    "a root in two files": Fault(content("root", ROOT.certificate + OTHER.certificate), "root", "holds 2 certificates"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_what_istiod_could_not_use_is_refused_by_its_field(fault: Fault, files: Files, tmp_path: Path) -> None:
    fault.change(tmp_path)
    with pytest.raises(TopologyError) as caught:
        issued_authorities(fleet_of(files))
    fields = {one.path: one.message for one in caught.value.faults}
    assert fault.said in fields[f"meshes.mesh1.trust.files.west.{fault.field}"]
    for key in (WEST.private_key, EAST.private_key, ROOT.private_key):
        assert key.splitlines()[1] not in str(caught.value)


def test_all_faults_of_all_clusters_come_at_once(files: Files, tmp_path: Path) -> None:
    for name in ("west", "east"):
        (tmp_path / f"{name}-key.pem").unlink()
        (tmp_path / f"{name}-root.pem").unlink()
    with pytest.raises(TopologyError) as caught:
        issued_authorities(fleet_of(files))
    assert {one.path for one in caught.value.faults} == {
        f"meshes.mesh1.trust.files.{name}.{field}" for name in ("west", "east") for field in ("key", "root")
    }


def authority_that_has_ended() -> tuple[Authority, Authority]:
    root = new_root("Ended", days=200, now=PAST)
    return root, new_intermediate(root, "west", days=30, now=PAST)


def test_what_has_expired_is_named_with_its_end(files: Files, tmp_path: Path) -> None:
    root, ended = authority_that_has_ended()
    write(tmp_path, root, "west", ended)
    with pytest.raises(TopologyError, match=r"expired on .*; issue it again and replace the file"):
        issued_authorities(fleet_of(files))


def test_a_certificate_of_a_server_is_no_authority(files: Files, tmp_path: Path) -> None:
    write(tmp_path, ROOT, "west", new_server(ROOT))
    with pytest.raises(TopologyError, match="is no certificate authority"):
        issued_authorities(fleet_of(files))


def test_the_clusters_of_a_mesh_have_one_root(files: Files, tmp_path: Path) -> None:
    write(tmp_path, OTHER, "east")
    with pytest.raises(TopologyError) as caught:
        issued_authorities(fleet_of(files))
    (fault,) = caught.value.faults
    assert fault.path == "meshes.mesh1.trust.files.east.root"
    assert "another certificate than the root of west" in fault.message


def test_a_fleet_without_files_reads_none() -> None:
    fleet = load(
        "plain", {"host": "west", "networks": {"n": {}}, "clusters": {"west": {"embedded": {}, "network": "n"}}}
    )
    assert read_issued_trust(fleet) == IssuedTrust()
    assert with_read_roots(fleet, IssuedTrust()) == fleet
