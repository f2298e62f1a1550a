"""What a Docker engine and the nodes in it could leave on a machine, taken before and after."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from meshfleet.containers.machine_settings import CHANGED, FOLDERS, Machine
from meshfleet.containers.place import Place
from meshfleet.processes.bounded_run import run_bounded

_SYSCTLS: Final = Path("/proc/sys")
# Counters and random numbers, settings of single links, which come and go with them (compared by name), and a
# rate that the kernel adapts by itself.
_NO_SETTING: Final = re.compile(
    r"fs/(dentry-state|inode-nr|inode-state|file-nr|aio-nr|quota/\w+)|kernel/(ns_last_pid|pty/nr|random/\w+)"
    r"|net/netfilter/nf_conntrack_count|net/ipv[46]/(conf|neigh)/.*|net/ipv6/route/flush|kernel/perf_event_max_sample_rate"
    r"|kernel/perf_cpu_time_max_percent"
)
# Of fleets that other tests run at the same time.
_OTHERS_LINKS: Final = re.compile(r"mf-|mfn|v[0-9a-f]{6,}|ifb")
# The settings that the last engine restores; the kernel derives one from another.
_OF_ENGINES: Final = {name.replace(".", "/") for name in (*CHANGED, "user.max_inotify_instances")}
_OTHERS_TABLES: Final = re.compile(r"table inet meshfleet-")
_MORE_FOLDERS: Final = (
    "etc/cni",
    "opt/cni",
    "var/lib/docker",
    "var/lib/containerd",
    "var/lib/kubelet",
    "etc/containerd",
)


@dataclass(frozen=True)
class Snapshot:
    """All of it as sets of lines, so that the difference of two can be read."""

    links: frozenset[str]
    addresses: frozenset[str]
    routes: frozenset[str]
    tables: frozenset[str]
    settings: frozenset[str]
    folders: frozenset[str]
    cgroups: frozenset[str]
    mounts: frozenset[str]
    processes: frozenset[str]
    others: frozenset[str]


def take(engine: Path) -> Snapshot:
    """This machine now; `engine` is the folder of the engine, whose own files are no trace."""
    bridge = Place(engine.parent).bridge
    record = Machine().record()
    return Snapshot(
        links=frozenset(_links(bridge)),
        addresses=frozenset(line for line in _lines("ip", "-oneline", "address") if bridge in line),
        routes=frozenset(line for line in _lines("ip", "route", "show", "table", "all") if bridge in line),
        tables=frozenset(line for line in _lines("nft", "list", "tables") if not _OTHERS_TABLES.match(line)),
        settings=frozenset(_settings()),
        folders=frozenset(name for name in (*FOLDERS, *_MORE_FOLDERS) if Path("/", name).exists()),
        cgroups=frozenset(
            str(Path(folder, name))
            for folder, names, _ in os.walk("/sys/fs/cgroup")
            for name in names
            if name in (Place(engine.parent).identity, "docker")
        ),
        mounts=frozenset(line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(engine) in line),
        processes=frozenset(_programs_below(engine.parent)),
        others=frozenset(record.engines if record else ()) - {str(engine)},
    )


def differences(before: Snapshot, after: Snapshot) -> list[str]:
    """In words: what is there now and was not, and the other way round.

    While engines of other caches run, or end, the settings that the last of them restores are theirs.
    """
    found = []
    for field in fields(Snapshot):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if field.name == "others":
            continue
        if field.name == "settings" and (before.others or after.others):
            old, new = _without_those_of_engines(old), _without_those_of_engines(new)
        found += [f"{field.name}: + {line}" for line in sorted(new - old)]
        found += [f"{field.name}: - {line}" for line in sorted(old - new)]
    return found


def _without_those_of_engines(settings: frozenset[str]) -> frozenset[str]:
    return frozenset(line for line in settings if line.split(" = ")[0] not in _OF_ENGINES)


def _links(bridge: str) -> Iterator[str]:
    for path in Path("/sys/class/net").iterdir():
        # A port of a bridge is the bridge's: of another engine, or gone with ours.
        if path.name == bridge or (not _OTHERS_LINKS.match(path.name) and not (path / "master").exists()):
            yield path.name


def _lines(*command: str) -> list[str]:
    ended = run_bounded(command, seconds=30)
    assert ended.code == 0, ended.err
    return ended.out.splitlines()


def _settings() -> Iterator[str]:
    for folder, _, names in os.walk(_SYSCTLS):
        for name in names:
            path = Path(folder, name)
            relative = path.relative_to(_SYSCTLS).as_posix()
            if _NO_SETTING.fullmatch(relative):
                continue
            try:
                yield f"{relative} = {path.read_text().strip()}"
            except (OSError, UnicodeDecodeError):
                continue


def _programs_below(folder: Path) -> Iterator[str]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                program = os.readlink(entry / "exe")
            except OSError:
                continue
            if program.startswith(f"{folder}/"):
                yield program
