"""The files that a pod finds in its volumes, fetched from the API server and kept as they change there.

Each volume is a folder of its own below the pod's; a container sees it at the path of its mount, below its working
directory, which stands for the root of an image.
Source: https://kubernetes.io/docs/concepts/storage/volumes/
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from embedded.api_errors import RefusedError, api_errors
from embedded.node.containers import Mount, fields_of
from embedded.node.containers import field as field_of
from topology.files import write_file

if TYPE_CHECKING:
    from lightkube import Client
    from lightkube.models.core_v1 import DownwardAPIVolumeFile, KeyToPath, Volume, VolumeProjection
    from lightkube.resources.core_v1 import ConfigMap, Pod, Secret

T = TypeVar("T", "ConfigMap", "Secret")
_TOKEN_SECONDS: Final = 3600
# As the kubelet does it: a token is asked for anew when four fifths of its time have gone.
_OF_ITS_TIME: Final = 0.8


@dataclass
class PodVolumes:
    """The volumes of one pod in `directory`, which belong to the user `owner`."""

    directory: Path
    owner: int
    _renew: dict[str, datetime] = field(default_factory=dict)

    def fetch(self, client: Client, pod: Pod, address: str, host: str) -> None:
        """Write what is new in any volume. Raises ClusterError for what must be there and is not."""
        fields = fields_of(pod, address, host)
        for volume in (pod.spec.volumes if pod.spec else None) or ():
            folder = self.directory / volume.name
            self._make(folder)
            for name, content in self._files(client, pod, volume, fields).items():
                self._write(folder / name, content)

    def mount(self, root: Path, mounts: Iterable[Mount]) -> None:
        """Let a container whose root is `root` find its volumes."""
        self._make(root)
        for mount in mounts:
            place = root / mount.path.strip("/")
            for parent in reversed(place.relative_to(root).parents):
                self._make(root / parent)
            if not place.is_symlink():
                place.symlink_to(self.directory / mount.volume)

    def _files(self, client: Client, pod: Pod, volume: Volume, fields: Mapping[str, str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for source in (volume.projected.sources or ()) if volume.projected else (volume,):
            found |= self._from(source, client, pod, fields)
        return found

    def _from(
        self, source: Volume | VolumeProjection, client: Client, pod: Pod, fields: Mapping[str, str]
    ) -> dict[str, str]:
        from lightkube.models.core_v1 import SecretVolumeSource
        from lightkube.models.core_v1 import VolumeProjection as Projection

        if source.downwardAPI:
            return _told(source.downwardAPI.items or (), fields)
        if one := source.configMap:
            return _config_map(client, pod, one.name or "", one.items, one.optional)
        if secret := source.secret:
            name = secret.secretName if isinstance(secret, SecretVolumeSource) else secret.name
            return _secret(client, pod, name or "", secret.items, secret.optional)
        if isinstance(source, Projection) and (wanted := source.serviceAccountToken):
            key = f"{wanted.audience}/{wanted.path}"
            if self._renew.get(key, datetime.min.replace(tzinfo=UTC)) > datetime.now(UTC):
                return {}
            seconds = wanted.expirationSeconds or _TOKEN_SECONDS
            token = _token(client, pod, wanted.audience or "", seconds)
            self._renew[key] = datetime.now(UTC) + timedelta(seconds=seconds * _OF_ITS_TIME)
            return {wanted.path: token}
        return {}

    def _make(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        os.chown(folder, self.owner, self.owner)

    def _write(self, path: Path, content: str) -> None:
        if path.exists() and path.read_text(encoding="utf-8") == content:
            return
        write_file(path, content)
        os.chown(path, self.owner, self.owner)


def _told(items: Iterable[DownwardAPIVolumeFile], fields: Mapping[str, str]) -> dict[str, str]:
    return {item.path: field_of(item.fieldRef.fieldPath, fields) for item in items if item.fieldRef}


def _config_map(
    client: Client, pod: Pod, name: str, items: Iterable[KeyToPath] | None, optional: bool | None
) -> dict[str, str]:
    from lightkube.resources.core_v1 import ConfigMap

    found = _read(client, ConfigMap, pod, name, optional)
    return _chosen((found.data if found else None) or {}, items)


def _secret(
    client: Client, pod: Pod, name: str, items: Iterable[KeyToPath] | None, optional: bool | None
) -> dict[str, str]:
    from lightkube.resources.core_v1 import Secret

    found = _read(client, Secret, pod, name, optional)
    data = (found.data if found else None) or {}
    return _chosen({key: base64.b64decode(value).decode("utf-8", "replace") for key, value in data.items()}, items)


def _chosen(data: Mapping[str, str], items: Iterable[KeyToPath] | None) -> dict[str, str]:
    """The keys that are asked for, by the paths they are to have; all of them where none are."""
    return {item.path: data[item.key] for item in items if item.key in data} if items else dict(data)


def _read(client: Client, kind: type[T], pod: Pod, name: str, optional: bool | None) -> T | None:
    """An object of the pod's namespace; None where it is optional and not there."""
    namespace = (pod.metadata.namespace if pod.metadata else None) or ""
    try:
        with api_errors(f"{kind.__name__} {namespace}/{name}"):
            return client.get(kind, name, namespace=namespace)
    except RefusedError as error:
        if optional and error.not_found:
            return None
        raise


def _token(client: Client, pod: Pod, audience: str, seconds: int) -> str:
    from lightkube.models.authentication_v1 import BoundObjectReference, TokenRequestSpec
    from lightkube.models.meta_v1 import ObjectMeta
    from lightkube.resources.core_v1 import ServiceAccountToken

    metadata = pod.metadata
    account = (pod.spec.serviceAccountName if pod.spec else None) or "default"
    bound = BoundObjectReference(
        apiVersion="v1", kind="Pod", name=metadata.name if metadata else None, uid=metadata.uid if metadata else None
    )
    wanted = ServiceAccountToken(
        metadata=ObjectMeta(name=account),
        spec=TokenRequestSpec(
            audiences=[audience] if audience else [], expirationSeconds=seconds, boundObjectRef=bound
        ),
    )
    with api_errors(f"a token of ServiceAccount {account}"):
        made = client.create(wanted, account, namespace=metadata.namespace if metadata else "")
    return str(made.status.token) if made.status else ""
