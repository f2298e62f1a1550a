"""A mesh whose intermediates something else issues: other files are a renewal, and another root goes in stages."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from meshfleet.testing import Sandbox
from tests.integration.fleets.observer import Observer, steps
from tests.integration.rotation.fleet import CLUSTERS, STACK, configuration
from tests.integration.rotation.test_rotated_roots import holds, mesh, processes
from tests.issued_files import der, name_of, new_root, write

pytestmark = [pytest.mark.extended, pytest.mark.proof("intermediates that something else issues, in files", step=3)]

FIRST, SECOND = new_root("First of files"), new_root("Second of files")


def declare(sandbox: Sandbox, root: Any) -> dict[str, str]:
    """Issue an intermediate for each cluster, and write the stack file that names them; the certificates."""
    files = {name: write(sandbox.folder / "issued", root, name) for name in CLUSTERS}
    sandbox.write_stack(STACK, configuration({"issuer": "files", "files": files}))
    return {name: (sandbox.folder / "issued" / f"{name}-certificate.pem").read_text() for name in CLUSTERS}


def signed_with(sandbox: Sandbox, cluster: str) -> bytes:
    """The certificate in `cacerts`."""
    words = ("get", "secret", "cacerts", "-n", "istio-system", "-o", "json")
    data = json.loads(sandbox.kubectl(STACK, cluster, *words).out)["data"]
    return der(base64.b64decode(data["ca-cert.pem"]).decode())


def assert_walked(shared: Sandbox, old: str, new: str) -> None:
    """`up` goes from one root to the other in stages, in which nothing distrusts anything."""
    stages = [
        f"both roots trusted ({old} and {new})",
        f"the new root signs ({new})",
        f"the old root is dropped ({old})",
    ]
    observer = Observer(shared, STACK, CLUSTERS)
    with observer.watching():
        report = shared.meshfleet("up", "--stack", STACK, "--json").report
    assert [stage["name"] for stage in report["stages"]] == stages
    assert observer.faults() == []
    for name in CLUSTERS:
        assert steps(observer.states(name)) == [(1, False), (2, False), (2, True), (1, False)]
    assert (mesh(shared)["signing"], mesh(shared)["trust"]) == (new, f"one root ({new})")


def test_a_mesh_goes_from_a_root_of_the_stack_to_one_in_files_in_stages(shared: Sandbox) -> None:
    (old,) = mesh(shared)["roots"]
    issued = declare(shared, FIRST)
    assert_walked(shared, old["name"], name_of(FIRST))
    assert {name: signed_with(shared, name) for name in CLUSTERS} == {name: der(issued[name]) for name in CLUSTERS}
    holds(shared)


def test_other_files_below_the_same_root_renew_the_intermediates_of_running_istiods(shared: Sandbox) -> None:
    before = processes(shared)
    issued = declare(shared, FIRST)
    report = shared.meshfleet("up", "--stack", STACK, "--json").report
    assert "stages" not in report
    assert {name: signed_with(shared, name) for name in CLUSTERS} == {name: der(issued[name]) for name in CLUSTERS}
    assert processes(shared) == before
    holds(shared)


def test_another_root_in_the_files_goes_in_stages_with_the_old_intermediates_in_the_state_alone(
    shared: Sandbox,
) -> None:
    issued = declare(shared, SECOND)
    assert_walked(shared, name_of(FIRST), name_of(SECOND))
    assert {name: signed_with(shared, name) for name in CLUSTERS} == {name: der(issued[name]) for name in CLUSTERS}
    holds(shared)
