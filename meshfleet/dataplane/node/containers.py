"""The containers of a pod as a kubelet understands them: environment, arguments, files and probes. Pure.

Sources: https://kubernetes.io/docs/concepts/workloads/pods/downward-api/ and
https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from lightkube.models.core_v1 import Container as Declared
    from lightkube.models.core_v1 import EnvVar, Probe
    from lightkube.resources.core_v1 import Pod

_REFERENCE: Final = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")
_SUBSCRIPT: Final = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")
# The capacity of a node; no limit is enforced here.
_RESOURCES: Final = {"limits.cpu": "2", "requests.cpu": "1", "limits.memory": str(1 << 30)}


@dataclass(frozen=True)
class HttpProbe:
    """Ask for `path` at `port` of the pod every `period` seconds; `failures` in a row make it unready."""

    path: str
    port: int
    period: float
    failures: int


@dataclass(frozen=True)
class Mount:
    """The files of a volume at a path of the container."""

    volume: str
    path: str


@dataclass(frozen=True)
class Container:
    """One container; `sidecar` is an init container that keeps running beside the others.

    `pause` are the seconds that it is left in peace when its pod is to end.
    """

    name: str
    image: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    mounts: tuple[Mount, ...]
    first: bool
    sidecar: bool
    started: HttpProbe | None
    ready: HttpProbe | None
    pause: float = 0.0


def containers_of(pod: Pod, address: str, host: str) -> tuple[Container, ...]:
    """All containers in the order in which they start; `address` is the pod's, `host` the node's."""
    specification = pod.spec
    if specification is None:
        return ()
    fields = _fields(pod, address, host)
    first = [_container(one, fields, first=True) for one in specification.initContainers or ()]
    return (*first, *(_container(one, fields, first=False) for one in specification.containers))


def _container(declared: Declared, fields: Mapping[str, str], *, first: bool) -> Container:
    environment = _environment(declared.env or (), fields)
    words = [*(declared.command or ()), *(declared.args or ())]
    startup = _probe(declared.startupProbe, declared)
    return Container(
        name=declared.name,
        image=declared.image or "",
        arguments=tuple(_expanded(word, environment) for word in words),
        environment=environment,
        mounts=tuple(Mount(mount.name, mount.mountPath) for mount in declared.volumeMounts or ()),
        first=first,
        sidecar=first and declared.restartPolicy == "Always",
        started=startup,
        ready=_probe(declared.readinessProbe, declared),
        pause=_pause(declared),
    )


def _pause(declared: Declared) -> float:
    before = declared.lifecycle.preStop if declared.lifecycle else None
    return float(before.sleep.seconds) if before and before.sleep else 0.0


def _environment(declared: Sequence[EnvVar], fields: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for variable in declared:
        source = variable.valueFrom
        if source is None:
            found[variable.name] = _expanded(variable.value or "", found)
        elif source.fieldRef:
            found[variable.name] = field(source.fieldRef.fieldPath, fields)
        elif source.resourceFieldRef:
            found[variable.name] = _RESOURCES.get(source.resourceFieldRef.resource, "0")
    return found


def _expanded(text: str, environment: Mapping[str, str]) -> str:
    """`$(NAME)` filled in; what is not known stays as it is, as Kubernetes has it."""
    return _REFERENCE.sub(lambda found: environment.get(found.group(1), found.group(0)), text)


def field(path: str, fields: Mapping[str, str]) -> str:
    """A field of the pod by its path, such as `metadata.labels['app']`; empty when it has none."""
    found = _SUBSCRIPT.fullmatch(path)
    return fields.get(f"{found.group(1)}.{found.group(2)}" if found else path, "")


def _fields(pod: Pod, address: str, host: str) -> dict[str, str]:
    metadata, specification = pod.metadata, pod.spec
    if metadata is None or specification is None:
        return {}
    plain = {
        "metadata.name": metadata.name,
        "metadata.namespace": metadata.namespace,
        "metadata.uid": metadata.uid,
        "spec.nodeName": specification.nodeName,
        "spec.serviceAccountName": specification.serviceAccountName,
        "status.podIP": address,
        "status.podIPs": address,
        "status.hostIP": host,
    }
    texts = {name: str(value or "") for name, value in plain.items()}
    for kind in ("labels", "annotations"):
        pairs: dict[str, Any] = getattr(metadata, kind) or {}
        texts |= {f"{kind}.{name}": str(value) for name, value in pairs.items()}
        # As a volume of the downward API has them (pkg/fieldpath of kubernetes/kubernetes).
        texts[f"metadata.{kind}"] = "\n".join(f"{name}={_quoted(str(pairs[name]))}" for name in sorted(pairs))
    return texts


def fields_of(pod: Pod, address: str, host: str) -> Mapping[str, str]:
    """What the downward API tells a pod of itself, by path."""
    return _fields(pod, address, host)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def _probe(declared: Probe | None, container: Declared) -> HttpProbe | None:
    if declared is None or declared.httpGet is None:
        return None
    port: Any = declared.httpGet.port
    if not isinstance(port, int):
        named = {one.name: one.containerPort for one in container.ports or ()}
        port = named.get(str(port), 0)
    return HttpProbe(
        path=declared.httpGet.path or "/",
        port=int(port),
        period=float(declared.periodSeconds or 10),
        failures=int(declared.failureThreshold or 3),
    )
