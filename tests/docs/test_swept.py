"""What docs/operations.md says of how much the tests sweep over is what they sweep over."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from meshfleet.automation.support_bundle.cluster_parts import PAGES
from meshfleet.kube.fields import FIELDS
from tests.automation.commands import commands
from tests.automation.fault_injection import ERRORS
from tests.automation.made_up_home import WAYS
from tests.automation.test_damaged_files import OTHERS
from tests.docs.snippets import ROOT
from tests.fuzz import test_doors as fuzz
from tests.fuzz.decoding_places import places
from tests.integration.dev import CLUSTERS, neighbours
from tests.integration.faults.kill_points import POINTS, Victims
from tests.integration.faults.test_cut_files import CUTS
from tests.integration.fleets.test_existing_clusters import KILLED
from tests.topology import test_hostile_values as hostile
from tests.topology.every_field import declared_fields
from tests.topology.test_wrong_stack_files import WRONG

pytestmark = pytest.mark.proof("the documentation says what the code does", step=0)

ROW = re.compile(r"^\| (?P<what>[^|]+) \| (?P<count>[^|]+) \| `[^|]+` \|$", re.MULTILINE)
LISTENERS = 7
"""Of each cluster on loopback; tests/integration/dev/test_neighbours.py counts those that there are."""


def counts(folder: Path) -> dict[str, str]:
    """What the table has, computed."""
    doors = 0
    for name, made in fuzz.GROUPS.items():
        (folder / name).mkdir()
        doors += len(made(folder / name))
    values = [*hostile.NAMES, *hostile.ADDRESSES, *hostile.URLS, *hostile.NUMBERS, *hostile.SHAPES]
    return {
        "errors of the system at the calls of commands": f"{len(commands())} commands, {len(ERRORS)} errors",
        "files of a home, damaged": f"{len(WAYS)} ways, {len(OTHERS) + 1} commands",
        "inputs of others": f"{doors} doors to {len(places())} places that decode",
        "wrong stack files": f"{len(WRONG)} examples",
        "fields of a stack file": f"{len(declared_fields())} fields, {len(values)} hostile values",
        "fields of a kubeconfig": f"{len(FIELDS)} fields",
        "ports as another user": f"{len(CLUSTERS) * LISTENERS} ports, {2 * len(neighbours.PATHS)} requests each",
        "kills of `up` and `destroy` of real fleets": f"{POINTS} points of each, {len(Victims)} ways",
        "files of etcd and Pulumi, cut": f"{len(CUTS)} places",
        "kills of an `up` on an existing cluster": f"{len(KILLED)} points",
        "parts of a support bundle searched for secrets": f"{len(PAGES)} pages of each istiod",
    }


def test_the_page_has_the_counts_of_all_sweeps(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = page.partition("## What the tests sweep")[2].partition("\n## ")[0]
    found = {row["what"]: row["count"] for row in ROW.finditer(section)}
    assert found == counts(tmp_path)
    for test in re.findall(r"\| `(tests/[^`]+)` \|", section):
        assert (ROOT / test).is_file()


def test_the_page_on_security_has_the_ports_and_requests() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    assert f"{len(CLUSTERS) * LISTENERS} ports on loopback (seven for each cluster), with " in page
    assert f"with {2 * len(neighbours.PATHS)} requests each" in page
