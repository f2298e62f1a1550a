"""A stack file is one stack to both of its readers, or is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshfleet.topology import TopologyError, read_stack_file
from tests.topology.pulumi_cases import CASES, Case

pytestmark = pytest.mark.proof("a stack file means the same to Pulumi, or is refused", step=0)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_what_pulumi_reads_otherwise_is_refused(case: Case, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_bytes(case.text.encode())
    if not case.fault:
        assert read_stack_file(tmp_path, "dev").config is not None
        return
    with pytest.raises(TopologyError) as caught:
        read_stack_file(tmp_path, "dev")
    assert case.fault in str(caught.value)


def test_the_fault_names_the_field(tmp_path: Path) -> None:
    text = "config:\n  meshfleet:namespaces: {shop: {labels: {secure: 'yes'}}, cart: {labels: {a: 010}}}\n"
    (tmp_path / "Pulumi.dev.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(TopologyError) as caught:
        read_stack_file(tmp_path, "dev")
    paths = [fault.path for fault in caught.value.faults]
    assert paths == ["namespaces.cart.labels.a", "namespaces.shop.labels"]
