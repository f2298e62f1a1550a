"""What the fleets of a home have reserved, read from their directories when the one file of it is lost.

Each has a copy of its part. One that an earlier version made has none: the ports of its clusters are in what was
written for kwokctl, those of an istiod in its command line while it runs, the address of a node in the node's record.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from meshfleet.embedded.cluster_spec import OPTION_OF_PORT, PORTS
from meshfleet.embedded.istiod_spec import PORT_OPTIONS
from meshfleet.embedded.reservation_record import ADVICE, COPY, Addresses, Ports, load
from meshfleet.errors import FileError
from meshfleet.files import read_bytes, read_record, read_text
from meshfleet.files.json_text import parse_json
from meshfleet.processes.process_table import rows
from meshfleet.workspace.marker import is_fleet

_LOOPBACK: Final = "127.0.0.1:"


def rebuilt(home: Path) -> tuple[Ports, Addresses]:
    """Ports and addresses by owner; those of which nothing is known any more are left out."""
    ports: Ports = {}
    addresses: Addresses = {}
    for directory in sorted(home.glob("fleets/*")):
        if not is_fleet(directory):
            continue
        copy = _copy(directory)
        if copy is None:
            copy = _from_directories(directory)
        ports |= copy[0]
        addresses |= copy[1]
    return ports, addresses


def cluster_ports(directory: Path) -> dict[str, int]:
    """The ports of an embedded cluster by what kwokctl was given, or wrote down itself; empty when neither is whole."""
    for path in (directory / "kwokctl.yaml", *sorted(directory.glob("kwok/clusters/*/kwok.yaml"))):
        ports = _options(path)
        if set(PORTS) <= set(ports):
            return ports
    return {}


def _copy(directory: Path) -> tuple[Ports, Addresses] | None:
    try:
        return read_record(directory / COPY, load, ADVICE)
    except FileError:
        return None


def _from_directories(directory: Path) -> tuple[Ports, Addresses]:
    fleet = directory.name
    ports: Ports = {}
    for cluster in sorted(directory.glob("clusters/*")):
        if found := cluster_ports(cluster):
            ports[f"{fleet}/cluster/{cluster.name}"] = found
    for istiod in sorted(directory.glob("istiods/*")):
        cluster_name, _, revision = istiod.name.partition(".")
        if found := _istiod_ports(istiod):
            ports[f"{fleet}/istiod/{cluster_name}/{revision}"] = found
    addresses: Addresses = {}
    for node in sorted(directory.glob("nodes/*")):
        if address := _node_address(node):
            addresses[f"{fleet}/node/{node.name}"] = address
    return ports, addresses


def _options(path: Path) -> dict[str, int]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        text = read_text(path)
        documents = list(YAML(typ="safe", pure=True).load_all(text or ""))
        options = next(one["options"] for one in documents if one and one.get("kind") == "KwokctlConfiguration")
        return {name: int(options[option]) for name, option in OPTION_OF_PORT.items() if options.get(option)}
    except (FileError, YAMLError, StopIteration, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _istiod_ports(directory: Path) -> dict[str, int]:
    for row in rows():
        if row.program.startswith(f"{directory}/"):
            return dict(_listed(_command_line(row.pid)))
    return {}


def _listed(line: Sequence[str]) -> Iterator[tuple[str, int]]:
    for name, option in PORT_OPTIONS.items():
        if option in line[:-1]:
            value = line[line.index(option) + 1]
            if value.startswith(_LOOPBACK) and value.removeprefix(_LOOPBACK).isdecimal():
                yield name, int(value.removeprefix(_LOOPBACK))


def _command_line(pid: int) -> list[str]:
    import psutil

    try:
        return psutil.Process(pid).cmdline()
    except psutil.Error:
        return []


def _node_address(directory: Path) -> str:
    try:
        content = parse_json(read_bytes(directory / "node.json") or b"{}")
        return str(content.get("address", ""))
    except (FileError, ValueError, AttributeError):
        return ""
