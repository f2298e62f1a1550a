"""Every release carries whose it is and which chart it was made of, and its objects are registered with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshfleet.components import chart_digest as charts
from meshfleet.components.chart_digest import chart_digest
from meshfleet.components.helm_release import marked
from meshfleet.kube.releases.owner import MARK, Owner
from meshfleet.kube.releases.record import Record
from tests.components.registered_graph import Graph
from tests.components.test_registered_contracts import plain

pytestmark = pytest.mark.proof("a release is known by its owner and its chart's content", step=1)

RELEASE = "kubernetes:helm.sh/v3:Release"
PARTS = "meshfleet:index:ReleaseObjects"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where relative charts are looked for."""
    monkeypatch.setattr(charts, "program_folder", lambda: tmp_path)
    chart_digest.cache_clear()
    return tmp_path


def chart(folder: Path) -> Path:
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("name: small\nversion: 1.0.0\n")
    (folder / "templates" / "map.yaml").write_text("kind: ConfigMap\n")
    return folder


def test_each_release_says_whose_it_is_and_has_its_parts_after_it(graph: Graph) -> None:
    releases = {found.name: found for found in graph.custom if found.type == RELEASE}
    parts = {found.name: found for found in graph.custom if found.type == PARTS}
    assert {f"{name}-objects" for name in releases} == parts.keys()
    fleet = {plain(found.inputs)["values"]["global"][MARK]["fleet"] for found in releases.values()}
    assert len(fleet) == 1
    for name, found in releases.items():
        inputs, part = plain(found.inputs), parts[f"{name}-objects"]
        assert inputs["values"]["global"][MARK]["cluster"] == found.cluster
        assert (inputs["namespace"], inputs["name"]) == (part.inputs["namespace"], part.inputs["release"])
        assert found.urn in part.after
        assert part.deleted_with == found.deleted_with
        assert part.parent == found.parent


def test_a_chart_is_another_one_when_any_of_its_files_changes(checkout: Path) -> None:
    folder = chart(checkout / "charts" / "small")
    seen = {chart_digest("charts/small")}
    for change in (
        lambda: (folder / "templates" / "map.yaml").write_text("kind: Secret\n"),
        lambda: (folder / "templates" / "map.yaml").rename(folder / "templates" / "other.yaml"),
        (folder / "values.yaml").touch,
        (folder / "values.yaml").unlink,
    ):
        change()
        chart_digest.cache_clear()
        seen.add(chart_digest("charts/small"))
    assert len(seen) == 4 + 1 - 1
    assert None not in seen


def test_a_chart_is_the_same_in_another_folder_and_a_package_is_one_too(checkout: Path, tmp_path: Path) -> None:
    chart(checkout / "one")
    chart(checkout / "two")
    assert chart_digest("one") == chart_digest("two")
    assert chart_digest(str(checkout / "one")) == chart_digest("one")
    (tmp_path / "small.tgz").write_bytes(b"package")
    assert chart_digest("small.tgz")


@pytest.mark.parametrize("reference", ["oci://example.com/istiod", "istiod", "/nowhere/at/all"])
def test_a_chart_that_is_not_on_this_machine_has_no_digest(reference: str, checkout: Path) -> None:
    assert chart_digest(reference) is None


def test_the_mark_leaves_the_values_as_they_are_and_reveals_nothing_to_a_repository(checkout: Path) -> None:
    chart(checkout / "istiod")
    values = {"pilot": {"cni": 1}, "global": {"meshID": "m"}}
    found = marked(values, "dev", "west", {"chart": "istiod"})
    assert found["pilot"] == values["pilot"]
    assert found["global"]["meshID"] == "m"
    assert set(found["global"][MARK]) == {"fleet", "cluster", "chart"}
    assert values["global"] == {"meshID": "m"}
    known = marked({}, "dev", "west", {"chart": "istiod", "repositoryOpts": {"repo": "https://r"}})
    assert known == {"global": {MARK: {"fleet": "dev", "cluster": "west"}}}


@pytest.mark.parametrize(
    ("config", "labels", "ours"),
    [
        ({"global": {MARK: {"fleet": "dev", "cluster": "west", "chart": "1"}}}, {}, True),
        ({"global": {MARK: {"fleet": "dev", "cluster": "east"}}}, {}, False),
        ({"global": {MARK: {"fleet": "prod", "cluster": "west"}}}, {}, False),
        ({"global": {MARK: "dev"}}, {}, False),
        ({"global": "text"}, {}, False),
        ({}, {}, False),
        # As the stand-in of earlier versions marked them.
        ({}, {"meshfleet.dev/resource": "f0f9b41b2ca46d0e5c8dcca1f13d2d77"}, False),
    ],
)
def test_a_release_is_ours_by_its_mark_alone(config: object, labels: dict[str, str], ours: bool) -> None:
    record = Record("s", labels, {"config": config})
    assert Owner("dev", "west").owns(record, frozenset({"urn:one"})) is ours
