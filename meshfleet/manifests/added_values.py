"""Where added values of the istiod chart take effect beyond the chart: in an istiod process, and in injected proxies.

A proxy keeps what it was injected with, and an istiod that is a process reads no Deployment. So what is added is handed
to both here. Pure.

Sources: templates/istiod-injector-configmap.yaml of manifests/charts/istio-control/istio-discovery, which picks the
values that injection sees, and pkg/kube/inject of istio/istio for the mesh configuration that it reads
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from meshfleet.manifests import charts, control_plane, external
from meshfleet.manifests.additions import has_additions, with_additions
from meshfleet.manifests.objects import Object, Release
from meshfleet.manifests.placeholders import Placeholders
from meshfleet.manifests.section import Document
from meshfleet.topology import Fleet

_INJECTION = ("global", "sidecarInjectorWebhook", "cni", "env", "gateways")
_MESH_CONFIG = ("defaultConfig", "enablePrometheusMerge", "proxyListenPort", "proxyInboundListenPort")

_LONGEST = 256


def process_settings(fleet: Fleet, cluster: str, revision: str) -> dict[str, str]:
    """The environment of the istiod process that carries the name of `cluster`: the fleet's, and what is added.

    As the chart has it in `env`; for an external istiod of its release in the cluster that it runs in.
    """
    settings = control_plane.settings(fleet, cluster)
    hosting = fleet.hosting(cluster)
    if not has_additions(fleet, hosting):
        return settings
    istiod = charts.istiod if hosting == cluster else external.istiod
    made = _added_to(fleet, hosting, istiod(fleet, cluster, revision, Placeholders(fleet)))
    return settings | {name: str(value) for name, value in (made.values.get("env") or {}).items()}


def of_proxies(fleet: Fleet, cluster: str, revision: str) -> Object:
    """What is added for the proxies of a cluster, as far as it gets into them when they are injected.

    `values` are those of the injector, `meshConfig` what injection reads of the mesh configuration; empty where
    nothing is added. Of a remote cluster both are where its control plane's configuration is.
    """
    primary = fleet.primary_of(cluster)
    if not has_additions(fleet, primary):
        return {}
    document = charts.istiod(fleet, primary, revision, Placeholders(fleet))
    own, made = document.body, _added_to(fleet, primary, document)
    assert isinstance(own, Release)  # the document of a chart
    if made is own:
        return {}
    found = {
        "values": _added(_picked(own.values, _INJECTION), _picked(made.values, _INJECTION)),
        "meshConfig": _added(
            _picked(own.values.get("meshConfig", {}), _MESH_CONFIG),
            _picked(made.values.get("meshConfig", {}), _MESH_CONFIG),
        ),
    }
    return {what: tree for what, tree in found.items() if tree}


def _added_to(fleet: Fleet, cluster: str, document: Document) -> Release:
    """A release with what is added to it."""
    (made,) = with_additions(fleet, cluster, [document])
    assert isinstance(made.body, Release)  # additions change what is in a document, not what it is
    return made.body


def _picked(values: Object, keys: tuple[str, ...]) -> Object:
    return {key: values[key] for key in keys if key in values}


def _added(own: Any, made: Any) -> Any:
    """What of a tree is not in another one; what is gone from it is None. Whole templates are there as a digest."""
    if not isinstance(made, dict):
        text = made if isinstance(made, str) else json.dumps(made, sort_keys=True)
        # All of it stands in an annotation.
        return made if len(text) <= _LONGEST else f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    base = own if isinstance(own, dict) else {}
    differing = {key: _added(base.get(key), value) for key, value in made.items() if base.get(key) != value}
    return differing | {key: None for key in base if key not in made}
