"""Makes the Kubernetes client safe to use from several threads at once.

msgspec, under lightkube, builds what it knows of a model at the first decode and without a lock: two first decodes
of a Node at once, in two threads, end the interpreter with a segmentation fault.
"""

from __future__ import annotations

import threading
from functools import cache

_LOCK = threading.Lock()


def prepare_decoders() -> None:
    """Decode every model that is used from here on once, in one thread; the second call does nothing."""
    with _LOCK:
        _decode_once()


@cache
def _decode_once() -> None:
    from lightkube import KubeConfig
    from lightkube.core.decoders import decode_list, decode_status
    from lightkube.resources.admissionregistration_v1 import MutatingWebhookConfiguration
    from lightkube.resources.coordination_v1 import Lease
    from lightkube.resources.core_v1 import (
        ConfigMap,
        Endpoints,
        Namespace,
        Node,
        Pod,
        Secret,
        Service,
        ServiceAccount,
        ServiceAccountToken,
    )
    from lightkube.resources.discovery_v1 import EndpointSlice

    # The only ones of them that have fields they cannot do without.
    needed: dict[type, dict[str, object]] = {
        EndpointSlice: {"addressType": "IPv4", "endpoints": []},
        ServiceAccountToken: {"spec": {"audiences": []}},
    }
    for model in (
        ConfigMap,
        Endpoints,
        EndpointSlice,
        Lease,
        MutatingWebhookConfiguration,
        Namespace,
        Node,
        Pod,
        Secret,
        Service,
        ServiceAccount,
        ServiceAccountToken,
    ):
        model.from_dict(needed.get(model, {}))
        decode_list(b'{"items": []}', model)
    decode_status(b"{}")
    KubeConfig.from_dict(
        {
            "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {}}],
        }
    ).get()
