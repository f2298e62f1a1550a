"""Revision tags: the webhooks Istio's own chart would make, for the right istiod, and for no pod a second one."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from meshfleet.manifests import Object, fleet_plan
from meshfleet.manifests.control_plane import Webhooks, injection_path
from meshfleet.manifests.names import istiod_service
from meshfleet.manifests.namespaces import injection_labels
from meshfleet.manifests.revision_tags import tags, webhook
from meshfleet.toolchain import Toolchain
from meshfleet.topology import Fleet, load
from tests.components.fleets import CONFIGURATIONS, fleet_called
from tests.examples import up_to
from tests.manifests.plans import named, values_of
from tests.topology.strategies import loaded_fleets

pytestmark = pytest.mark.proof("two revisions of Istio side by side", step=0)

quick = up_to(30)
PROCESS = Webhooks(injection="https://localhost:1/inject", validation="https://localhost:1/validate")

Labels = Mapping[str, str]


def webhooks_of(fleet: Fleet, cluster: str, process: Webhooks | None) -> dict[str, Object]:
    """The webhook of each tag of a cluster, by tag."""
    return {tag: webhook(fleet, cluster, tag, process) for tag in tags(fleet, cluster)}


def rendered_by_the_chart(
    toolchain: Toolchain, template: str, values: dict[str, Any], namespace: str = "istio-system"
) -> list[Object]:
    """What the istiod chart makes of `values` by one of its templates."""
    command = [str(toolchain.bin / "helm"), "template", "istiod", str(toolchain.charts / "istiod"), "--namespace"]
    done = subprocess.run(
        [*command, namespace, "--values", "-", "--show-only", f"templates/{template}.yaml"],
        input=json.dumps(values),
        capture_output=True,
        text=True,
        check=True,
    )
    return [document for document in YAML(typ="safe", pure=True).load_all(done.stdout) if document]


@pytest.fixture(scope="module")
def of_revisions(toolchain: Toolchain) -> list[Object]:
    """The injection webhooks of the revisions `default` and `green`."""
    both: list[dict[str, Any]] = [{}, {"revision": "green"}]
    made = [found for values in both for found in rendered_by_the_chart(toolchain, "mutatingwebhook", values)]
    assert [found["metadata"]["name"] for found in made] == ["istio-sidecar-injector", "istio-sidecar-injector-green"]
    return made


@pytest.mark.parametrize("revision", ["default", "blue"])
@pytest.mark.parametrize("process", [True, False], ids=["process", "pods"])
@pytest.mark.parametrize("cluster", ["operations", "shop"])
def test_a_tag_is_what_the_istiod_chart_would_make_of_it(
    toolchain: Toolchain, revision: str, process: bool, cluster: str
) -> None:
    config = copy.deepcopy(CONFIGURATIONS["external-hosted-twice"])
    config["istio"] = {"revision": revision, "tags": ["stable", "prod"]}
    fleet = load("tags", config)
    assert fleet.system_namespace(cluster) == {"operations": "istio-system", "shop": "istiod-shop"}[cluster]
    values: dict[str, Any] = {"revisionTags": ["stable", "prod"], "istiodRemote": {}}
    if revision != "default":
        values["revision"] = revision
    if process:
        values["istiodRemote"]["injectionURL"] = PROCESS.injection
    else:
        values["istiodRemote"]["injectionPath"] = injection_path(fleet, cluster)
    rendered = rendered_by_the_chart(toolchain, "revision-tags-mwc", values, fleet.system_namespace(cluster))
    theirs = {document["metadata"]["labels"]["istio.io/tag"]: document for document in rendered}
    ours = webhooks_of(fleet, cluster, PROCESS if process else None)
    assert list(ours) == ["stable", "prod"]
    for tag, made in ours.items():
        assert made["webhooks"] == theirs[tag]["webhooks"]
        assert made["metadata"]["name"] == theirs[tag]["metadata"]["name"]
        # istiod finds by these what it is to give its certificate, and whoever looks for webhooks of Istio as well.
        for label in ("istio.io/tag", "istio.io/rev", "app"):
            assert made["metadata"]["labels"][label] == theirs[tag]["metadata"]["labels"][label]


def test_nobody_but_istiod_owns_the_certificate_of_a_tag() -> None:
    made = webhooks_of(fleet_called("two-revisions"), "west", PROCESS)
    assert all("caBundle" not in webhook["clientConfig"] for body in made.values() for webhook in body["webhooks"])


@quick
@given(loaded_fleets())
def test_every_tag_is_in_every_cluster_and_leads_to_the_istiod_of_the_revision_it_stands_for(fleet: Fleet) -> None:
    for cluster, plan in fleet_plan(fleet).items():
        found = {document.name: values_of(document) for document in plan if document.name.startswith("tag-")}
        assert list(found) == [f"tag-{tag}" for tag in fleet.istio.tags]
        chart = named(plan, istiod_service(fleet.istio.revision))
        assert chart is not None
        url = values_of(chart).get("istiodRemote", {}).get("injectionURL")
        for body in found.values():
            assert body["metadata"]["labels"]["istio.io/rev"] == fleet.istio.revision
            configs = [webhook["clientConfig"] for webhook in body["webhooks"]]
            if fleet.clusters[cluster].capabilities.istiod_runtime == "process":
                assert configs == [{"url": url}] * 2
            else:
                service = configs[0]["service"]
                assert configs == [{"service": service}] * 2
                assert service["name"] == istiod_service(fleet.istio.revision)
                assert service["namespace"] == fleet.system_namespace(cluster)
                assert service["path"].startswith(f"/inject/cluster/{cluster}/net/")


@quick
@given(loaded_fleets())
def test_namespaces_that_are_labelled_for_the_fleet_are_those_that_its_first_tag_selects(fleet: Fleet) -> None:
    labels = injection_labels(fleet)
    for tag, body in webhooks_of(fleet, next(iter(fleet.clusters)), PROCESS).items():
        assert bool(selecting(body, labels, {})) == (tag == fleet.istio.tags[0])


labels_of_either = st.fixed_dictionaries(
    {},
    optional={
        "istio-injection": st.sampled_from(["enabled", "disabled"]),
        "istio.io/rev": st.sampled_from(["stable", "prod", "default", "green"]),
        "sidecar.istio.io/inject": st.sampled_from(["true", "false"]),
    },
)


@given(labels_of_either, labels_of_either)
def test_no_pod_is_injected_twice_and_none_that_refuses(
    of_revisions: list[Object], namespace: Labels, pod: Labels
) -> None:
    config = CONFIGURATIONS["two-revisions"] | {
        "istio": {"revisions": {"default": {}, "green": {}}, "tags": ["stable", "prod"]}
    }
    made = list(webhooks_of(load("tags", config), "west", PROCESS).values())
    by_tag = [name for body in made for name in selecting(body, namespace, pod)]
    by_revision = [name for body in of_revisions for name in selecting(body, namespace, pod)]
    assert len(by_tag) + len(by_revision) <= 1
    # A label of the namespace has the last word, as with the webhooks of the revision itself.
    wanted = namespace.get("istio.io/rev", pod.get("istio.io/rev"))
    free = "istio-injection" not in namespace and pod.get("sidecar.istio.io/inject") != "false"
    assert bool(by_tag) == (free and wanted in ("stable", "prod"))


def selecting(configuration: Object, namespace: Labels, pod: Labels) -> list[str]:
    """The webhooks of a configuration that a new pod with these labels is sent to."""
    return [
        webhook["name"]
        for webhook in configuration["webhooks"]
        if matches(webhook["namespaceSelector"], namespace) and matches(webhook["objectSelector"], pod)
    ]


def matches(selector: Object, labels: Labels) -> bool:
    """Whether an API server would say that the selector matches.

    Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#resources-that-support-set-based-requirements
    """
    return all(_holds(expression, labels.get(expression["key"])) for expression in selector["matchExpressions"])


def _holds(expression: Object, value: str | None) -> bool:
    match expression["operator"]:
        case "In":
            return value in expression["values"]
        case "NotIn":
            return value not in expression["values"]
        case "DoesNotExist":
            return value is None
    raise AssertionError(expression)
