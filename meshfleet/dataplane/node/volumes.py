"""The files that a pod finds in its volumes, fetched from the API server and kept as they change there.

Each volume is a folder of its own below the pod's; a container sees it at the path of its mount. What comes from the
API server lies in folders that root alone may change and the pod's group may read, so that nothing the pod does leads
root's hand elsewhere. All other volumes begin empty, are the pod's own, and root never looks into them.
Source: https://kubernetes.io/docs/concepts/storage/volumes/
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, TypeVar

from meshfleet.dataplane.node.containers import field as field_of
from meshfleet.dataplane.node.containers import fields_of
from meshfleet.errors import EmbeddedError, FileError, UnsupportedError
from meshfleet.files import file_error, read_text, write_file
from meshfleet.kube.api_errors import RefusedError, api_errors

if TYPE_CHECKING:
    from lightkube import Client
    from lightkube.models.core_v1 import DownwardAPIVolumeFile, KeyToPath, Volume, VolumeProjection
    from lightkube.resources.core_v1 import ConfigMap, Pod, Secret

T = TypeVar("T", "ConfigMap", "Secret")
_TOKEN_SECONDS: Final = 3600
# As the kubelet does it: a token is renewed after four fifths of its lifetime.
_OF_ITS_TIME: Final = 0.8


@dataclass
class PodVolumes:
    """The volumes of one pod in `directory` whose names are in `read`; `owner` is the pod's user, and its group."""

    directory: Path
    owner: int
    read: frozenset[str]
    _renew: dict[str, datetime] = field(default_factory=dict)

    def fetch(self, client: Client, pod: Pod, address: str, host: str) -> None:
        """Write what is new in any volume.

        Raises ClusterError for what must be there and is not, EmbeddedError,
        UnsupportedError for a kind that nothing here fills.
        """
        fields = fields_of(pod, address, host)
        for volume in (pod.spec.volumes if pod.spec else None) or ():
            if volume.name not in self.read:
                continue
            folder = self.directory / volume.name
            if not (volume.projected or volume.configMap or volume.secret or volume.downwardAPI):
                _require_empty(volume)
                _make(folder, self.owner, self.owner, 0o2770)
                continue
            # Its files get the group of the folder (S_ISGID), under any user.
            _make(folder, 0, self.owner, 0o2750)
            for name, content in self._files(client, pod, volume, fields).items():
                self._write(folder, name, content)

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

    def _write(self, folder: Path, name: str, content: str) -> None:
        *parents, last = PurePosixPath(name).parts or ("",)
        if not last or name.startswith("/") or ".." in (*parents, last):
            raise EmbeddedError(f"volume {folder.name}: {name!r} is no path in a volume; correct its items")
        for parent in parents:
            folder /= parent
            _make(folder, 0, self.owner, 0o2750)
        path = folder / last
        try:
            if read_text(path) == content:
                return
        except FileError:
            # Whatever stands there is replaced, or refused by name.
            pass
        write_file(path, content, mode=0o640)


def _require_empty(volume: Volume) -> None:
    """Raises UnsupportedError for a volume that the program of a pod reads and nothing here could fill."""
    if volume.emptyDir is None:
        given = [name for name in volume.to_dict() if name != "name"]
        raise UnsupportedError(
            f"volume {volume.name}: {', '.join(given) or 'its kind'} is not supported for a pod that is a process; "
            "use configMap, secret, downwardAPI, projected or emptyDir"
        )


def _make(folder: Path, owner: int, group: int, mode: int) -> None:
    """Make a folder in one that is root's alone, or what an earlier version made of it what it is to be."""
    try:
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fchown(descriptor, owner, group)
            os.fchmod(descriptor, mode)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise file_error(folder, error) from error


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
