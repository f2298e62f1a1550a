"""What an embedded cluster was made as, from its directory: its record, or what kwokctl wrote down.

There are four answers, because a cluster whose record is lost must never be mistaken for one that never was complete:
nothing is there; it is being made, or the making was interrupted (a note says so); it is complete; and, as an error,
something is there of which neither can be told. Only for the first two may anything be removed without being told to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, ip_network
from pathlib import Path
from typing import Any, Final

from meshfleet.embedded.cluster_spec import COMPONENTS, ClusterSpec, load_spec
from meshfleet.errors import FileError, NewerFileError
from meshfleet.files import read_record, read_text, remove_file, write_file
from meshfleet.topology.address_blocks import SERVICE_BLOCK, SIMULATED_POD_BLOCK

RECORD: Final = "cluster.json"
MAKING: Final = "making"
"""The note that a cluster is being made; until it is gone nothing in the directory counts."""
_ADVICE: Final = "remove that file: the next up rebuilds it from kwokctl's configuration"


def read_spec(directory: Path) -> ClusterSpec | None:
    """What the cluster in a directory was made as; None when there is none, or its making was interrupted.

    A damaged record is rebuilt from `kwok.yaml`. Raises FileError when that is damaged too, though the cluster's data
    is there, and NewerFileError when a later version wrote the record.
    """
    record = directory / RECORD
    try:
        spec = read_record(record, load_spec, _ADVICE)
    except NewerFileError:
        raise
    except FileError as error:
        return _rebuilt(directory, str(error))
    if spec is not None or not directory.is_dir() or (directory / MAKING).exists():
        return spec
    return _rebuilt(directory, f"{record}: is gone") if has_data(directory) else None


def is_recorded(directory: Path) -> bool:
    """Whether the record of the cluster itself is whole, and says so with certainty. Raises NewerFileError."""
    try:
        return read_record(directory / RECORD, load_spec, _ADVICE) is not None
    except NewerFileError:
        raise
    except FileError:
        return False


def has_data(directory: Path) -> bool:
    """Whether the database of a cluster is in the directory: what cannot be made again."""
    return any(directory.glob("kwok/clusters/*/etcd/member"))


def begin_making(directory: Path) -> None:
    """Note that the cluster in this directory, which is there, is being made; removes nothing. Raises FileError."""
    write_file(directory / MAKING, "the making of this cluster has not come to its end\n")


def end_making(directory: Path, text: str) -> None:
    """Keep the record, and take the note away. Raises FileError."""
    write_file(directory / RECORD, text)
    remove_file(directory / MAKING)


def notes(directory: Path, name: str) -> dict[str, dict[str, Any]]:
    """Component → what kwokctl wrote down of it: `args` above all. Raises FileError when that is not whole."""
    return _notes_file(directory, name)[1]


def _rebuilt(directory: Path, why: str) -> ClusterSpec:
    name = directory.name
    try:
        options, components = _notes_file(directory, name)
        servers = components["kube-apiserver"]["args"]
        controllers = components["kube-controller-manager"]["args"]
        return ClusterSpec(
            name=name,
            kubernetes_version=_text(options["kubeVersion"]),
            # How many nodes there are is corrected by the next up.
            nodes=1,
            pod_cidr=_declared(_option(controllers, "--cluster-cidr"), SIMULATED_POD_BLOCK),
            service_cidr=_declared(_option(servers, "--service-cluster-ip-range"), SERVICE_BLOCK),
        )
    except (FileError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileError(
            f"{why}, and it cannot be rebuilt ({error}); nothing was removed, the data of cluster {name} is in "
            f"{directory}: put the file back, or give the cluster up with meshfleet destroy"
        ) from None


def _notes_file(directory: Path, name: str) -> tuple[Mapping[str, Any], dict[str, dict[str, Any]]]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    path = directory / "kwok" / "clusters" / name / "kwok.yaml"
    advice = f"put that file back, or destroy cluster {name} and create it again"
    text = read_text(path)
    if text is None:
        raise FileError(f"{path}: is gone; {advice}")
    try:
        documents = [one for one in YAML(typ="safe").load_all(text) if one]
        components = {item["name"]: item for document in documents for item in document.get("components") or ()}
        options: Mapping[str, Any] = next((one["options"] for one in documents if one.get("options")), {})
        broken = [one for one in COMPONENTS if not isinstance(components[one]["args"], list)] if components else []
    except KeyError as error:
        raise FileError(f"{path}: damaged (no {error.args[0]}); {advice}") from None
    except (YAMLError, ValueError, AttributeError, TypeError, RecursionError) as error:
        raise FileError(f"{path}: damaged ({type(error).__name__}); {advice}") from None
    if not components or broken:
        raise FileError(f"{path}: {'damaged' if text.strip() else 'empty'} (no component {COMPONENTS[0]}); {advice}")
    return options, components


def _declared(given: str | None, reserved: IPv4Network) -> str | None:
    """A range, unless it is of those that are reserved for clusters whose stack file names none."""
    network = ip_network(given) if given else None
    return None if isinstance(network, IPv4Network) and network.subnet_of(reserved) else given


def _option(arguments: Sequence[Any], name: str) -> str | None:
    found = [str(one).partition("=")[2] for one in arguments if str(one).startswith(f"{name}=")]
    return found[-1] if found else None


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("no Kubernetes version")
    return value
