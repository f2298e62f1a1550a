"""Every kind of wrong stack configuration: which fields are named, and what is said of each."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from meshfleet.topology import TopologyError, load, read_stack_file
from tests.topology.wrong_stacks.additions import ADDITIONS
from tests.topology.wrong_stacks.addresses import ADDRESSES
from tests.topology.wrong_stacks.ambient_namespaces import AMBIENT_NAMESPACES
from tests.topology.wrong_stacks.discovery import DISCOVERY_SETTINGS
from tests.topology.wrong_stacks.federation import FEDERATIONS
from tests.topology.wrong_stacks.gateways import GATEWAY_FAULTS
from tests.topology.wrong_stacks.identities import IDENTITIES
from tests.topology.wrong_stacks.issuers import ISSUERS
from tests.topology.wrong_stacks.kind_clusters import KIND_CLUSTERS
from tests.topology.wrong_stacks.layouts import LAYOUTS
from tests.topology.wrong_stacks.many import MANY
from tests.topology.wrong_stacks.models import MODELS
from tests.topology.wrong_stacks.names import NAMES
from tests.topology.wrong_stacks.node_ports import NODE_PORT_FAULTS
from tests.topology.wrong_stacks.portal import PORTALS
from tests.topology.wrong_stacks.propagations import PROPAGATIONS
from tests.topology.wrong_stacks.readers import READERS
from tests.topology.wrong_stacks.revisions import REVISIONS
from tests.topology.wrong_stacks.roots import ROOTS
from tests.topology.wrong_stacks.secrets import SECRETS
from tests.topology.wrong_stacks.settings import MESH_SETTINGS
from tests.topology.wrong_stacks.shapes import SHAPES
from tests.topology.wrong_stacks.signers import SIGNERS
from tests.topology.wrong_stacks.virtual_machines import VIRTUAL_MACHINES
from tests.topology.wrong_stacks.workload_routes import WORKLOAD_ROUTES
from tests.topology.wrong_stacks.workloads import WORKLOADS
from tests.topology.wrong_stacks.wrong import GOOD, Wrong

pytestmark = pytest.mark.proof("stack files are checked before anything exists", step=0)

KINDS = [
    SHAPES,
    NAMES,
    LAYOUTS,
    ADDITIONS,
    ADDRESSES,
    MODELS,
    READERS,
    ROOTS,
    ISSUERS,
    SIGNERS,
    REVISIONS,
    AMBIENT_NAMESPACES,
    MESH_SETTINGS,
    DISCOVERY_SETTINGS,
    GATEWAY_FAULTS,
    NODE_PORT_FAULTS,
    KIND_CLUSTERS,
    WORKLOADS,
    WORKLOAD_ROUTES,
    VIRTUAL_MACHINES,
    PROPAGATIONS,
    PORTALS,
    FEDERATIONS,
    IDENTITIES,
    SECRETS,
    MANY,
]
WRONG = [wrong for kind in KINDS for wrong in kind]


def test_the_configuration_that_the_cases_change_is_good() -> None:
    assert list(load("dev", GOOD).clusters) == ["west", "east"]


def test_every_case_has_a_title_of_its_own() -> None:
    assert [title for title, count in Counter(wrong.title for wrong in WRONG).items() if count > 1] == []
    assert len(WRONG) >= 100
    assert len(MODELS) >= 30


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.title)
def test_every_fault_is_found_and_no_other(wrong: Wrong) -> None:
    with pytest.raises(TopologyError) as caught:
        load("dev", wrong.config)
    error = caught.value
    assert [fault.path for fault in error.faults] == [path for path, _ in wrong.expected]
    for fault, (_, part) in zip(error.faults, wrong.expected, strict=True):
        assert part in fault.message
        assert not fault.message.endswith(".")
        assert len(fault.message) < 400
    assert list(error.faults) == sorted(error.faults)
    assert str(error).splitlines() == [f"{fault.path}: {fault.message}" for fault in error.faults]
    assert [text for text in wrong.unsaid if text in str(error)] == []
    assert [link for link in wrong.links if f"({link})" not in str(error)] == []


# A file goes through another reader, and then through the same rules: one of each kind shows it.
@pytest.mark.parametrize("wrong", [kind[0] for kind in KINDS], ids=lambda wrong: wrong.title)
def test_a_stack_file_has_the_faults_of_its_configuration(wrong: Wrong, tmp_path: Path) -> None:
    config = {f"meshfleet:{section}": value for section, value in wrong.config.items()}
    # All JSON is YAML.
    (tmp_path / "Pulumi.dev.yaml").write_text(json.dumps({"config": config}), encoding="utf-8")
    file = read_stack_file(tmp_path, "dev")
    with pytest.raises(TopologyError) as from_file:
        load(file.stack, file.config)
    with pytest.raises(TopologyError) as from_memory:
        load("dev", wrong.config)
    assert from_file.value.faults == from_memory.value.faults
