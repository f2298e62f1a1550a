"""Programs `docker` and `kind` that keep their containers in a file and answer as they are set to: for faults.

The answers have the form of Docker 20.10 and kind 0.33. Each command line is written down in `calls`.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PROGRAM = '#!/bin/sh\nexec {python} -S {program} {state} {name} "$@"\n'


@dataclass(frozen=True)
class FakeDocker:
    """`state` is the file with containers, images and what fails; `late` clusters come up with `kind create`.

    So many calls of `docker inspect` as `unknown` do not find what `docker ps` lists: it is being created.
    """

    state: Path

    @classmethod
    def install(cls, folder: Path) -> FakeDocker:
        """Write both programs into a folder, which is to be on PATH."""
        made = cls(folder / "state.json")
        made.set(containers=[], images=[], fail={}, ready=True, calls=[], late=[], unknown=0)
        for name in ("docker", "kind"):
            text = _PROGRAM.format(python=sys.executable, program=__file__, state=made.state, name=name)
            (folder / name).write_text(text, encoding="utf-8")
            (folder / name).chmod(0o755)
        return made

    @property
    def now(self) -> dict[str, Any]:
        """All of it."""
        return dict(json.loads(self.state.read_text(encoding="utf-8")))

    def set(self, **fields: Any) -> None:
        """Change some of it."""
        before = self.now if self.state.exists() else {}
        self.state.write_text(json.dumps(before | fields), encoding="utf-8")

    def fail(self, **commands: str) -> None:
        """Let commands, by their first word, print something on stderr and end with 1."""
        self.set(fail=commands)

    @property
    def names(self) -> list[str]:
        """The names of all containers."""
        return [one["Name"] for one in self.now["containers"]]

    def calls(self, word: str) -> list[list[str]]:
        """The command lines that have a word."""
        return [call for call in self.now["calls"] if word in call]

    def add(self, cluster: str, *, mounts: list[str] | None = None) -> None:
        """A container of a kind cluster that something else made."""
        self.set(containers=[*self.now["containers"], container(f"{cluster}-control-plane", cluster, mounts or [])])


def container(name: str, cluster: str, mounts: list[str], role: str = "control-plane", number: int = 2) -> Any:
    """What `docker inspect` has of a node."""
    return {
        "Id": f"{name}-id",
        "Name": f"/{name}",
        "Config": {"Labels": {"io.x-k8s.kind.cluster": cluster, "io.x-k8s.kind.role": role}},
        "State": {"Running": True, "StartedAt": "2026-01-01T00:00:00Z"},
        "Mounts": [{"Destination": one} for one in mounts],
        "NetworkSettings": {"Networks": {"kind": {"IPAddress": f"172.18.0.{number}"}}},
    }


def answer(state: Path, program: str, words: list[str], stdin: str) -> tuple[int, str, str]:
    """One call of one of the programs: its exit code, and what it prints on both outputs."""
    fake = FakeDocker(state)
    now = fake.now
    now["calls"].append([program, *words])
    fake.set(calls=now["calls"])
    first = "create" if program == "kind" else words[0]
    if first == "create" and (late := now["late"]):
        fake.set(late=[])
        for cluster in late:
            fake.add(cluster, mounts=["/meshfleet/0123456789abcdef"])
        return 1, "", f'ERROR: failed to create cluster: node(s) already exist for a cluster with the name "{late[0]}"'
    if first == "create":
        _create(fake, json.loads(stdin))
    if reason := now["fail"].get(first):
        return 1, "", reason
    out = "" if program == "kind" else _docker(fake, now, words)
    if out is None:
        return 1, "", f"Error: No such object: {words[-1]}\nError: No such image: {words[-1]}"
    return 0, out, ""


def _create(fake: FakeDocker, config: Any) -> None:
    made = []
    for number, node in enumerate(config["nodes"]):
        suffix = node["role"] if not number else f"worker{'' if number == 1 else number}"
        mounts = [mount["containerPath"] for mount in node["extraMounts"]]
        made.append(container(f"{config['name']}-{suffix}", config["name"], mounts, node["role"], number + 2))
    fake.set(containers=[*fake.now["containers"], *made], pods=config["networking"]["podSubnet"])


def _docker(fake: FakeDocker, now: Any, words: list[str]) -> str | None:
    match words:
        case ["version", *_]:
            return "20.10.24"
        case ["ps", *rest]:
            label = next((word for word in rest if word.startswith("label=")), "").rpartition("=")[2]
            found = [one for one in now["containers"] if label in ("", _cluster(one))]
            return "\n".join(one["Id"] for one in found)
        case ["inspect", *_] if now["unknown"]:
            fake.set(unknown=now["unknown"] - 1)
            return None
        case ["inspect", *ids]:
            return json.dumps([one for one in now["containers"] if one["Id"] in ids])
        case ["image", "inspect", *rest]:
            return "id" if rest[-1] in now["images"] else None
        case ["pull", *rest]:
            fake.set(images=[*now["images"], rest[-1]])
            return rest[-1]
        case ["network", "inspect", *_]:
            return json.dumps([{"IPAM": {"Config": [{"Subnet": "fc00::/64"}, {"Subnet": "172.18.0.0/16"}]}}])
        case ["rm", *ids]:
            fake.set(containers=[one for one in now["containers"] if one["Id"] not in ids])
            return ""
        case ["start", *ids]:
            for one in now["containers"]:
                if one["Id"] in ids:
                    one["State"] = {"Running": True, "StartedAt": "2026-01-02T00:00:00Z"}
            fake.set(containers=now["containers"])
            return ""
        case ["exec", *rest]:
            return _execute(now, rest)
    return ""


def _cluster(one: Any) -> str:
    return str(one["Config"]["Labels"]["io.x-k8s.kind.cluster"])


def _execute(now: Any, words: list[str]) -> str:
    if "journalctl" in words:
        return "E0101 kubelet.go: node not found\nE0101 cni plugin not initialized"
    if "view" in words:
        user = {"client-certificate-data": "c", "client-key-data": "SECRET"}
        return json.dumps({"clusters": [{"cluster": {"certificate-authority-data": "a"}}], "users": [{"user": user}]})
    if "nodes" in words and "get" in words:
        status = "True" if now["ready"] else "False"
        conditions = [{"type": "Ready", "status": status, "message": "cni plugin not initialized"}]
        return json.dumps(
            {
                "items": [
                    {
                        "metadata": {"name": one["Name"].lstrip("/")},
                        "spec": {"podCIDR": f"10.192.{number}.0/24"},
                        "status": {"conditions": conditions},
                    }
                    for number, one in enumerate(now["containers"])
                ]
            }
        )
    return json.dumps({"status": {"readyReplicas": 1}})


if __name__ == "__main__":
    code, printed, complained = answer(Path(sys.argv[1]), sys.argv[2], sys.argv[3:], sys.stdin.read())
    print(printed)
    print(complained, file=sys.stderr)
    sys.exit(code)
