"""What is run: pairs of Istio and Kubernetes, their stacks, and the range of pulumi. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from meshfleet.versions import BUILT_ISTIO, BUILT_KUBERNETES, SUPPORTED, one_of

NAMED: Final = {
    "oldest": f"{BUILT_ISTIO[0]}/{BUILT_KUBERNETES[0]}",
    "newest": f"{BUILT_ISTIO[-1]}/{BUILT_KUBERNETES[-1]}",
}
CLUSTERS: Final = ("west", "east")
RESOLUTIONS: Final = {"oldest": "lowest-direct", "newest": "highest"}
"""Which release of pulumi → how uv chooses it: https://docs.astral.sh/uv/concepts/resolution/#resolution-strategy."""


class WrongPairError(Exception):
    """An argument that is no pair; the text says which there are."""


@dataclass(frozen=True)
class Pair:
    """A release line of Istio, as in 1.30, and a release of Kubernetes, as in v1.32.2."""

    istio: str
    kubernetes: str

    @property
    def stack(self) -> str:
        """The name of its stack."""
        return f"istio-{self.istio}-kubernetes-{self.kubernetes}".replace(".", "-")

    @property
    def tools(self) -> tuple[str, ...]:
        """What the toolchain calls the two, where they are not the standard releases."""
        return (f"kubernetes-{self.kubernetes}", f"istio-{self.istio}")


def pairs(words: Sequence[str]) -> list[Pair]:
    """The pairs that words name, each once and in order. Raises WrongPairError for the first that names none."""
    found = [_pair(word) for word in words]
    return list(dict.fromkeys(found))


def _pair(word: str) -> Pair:
    istio, _, kubernetes = NAMED.get(word, word).partition("/")
    minor = re.fullmatch(r"v1\.(\d{1,4})\.\d{1,4}", kubernetes)
    if istio not in BUILT_ISTIO or kubernetes not in BUILT_KUBERNETES:
        raise WrongPairError(
            f"{word!r} is no pair that can be built; give oldest, newest, or ISTIO/KUBERNETES "
            f"with Istio {one_of(BUILT_ISTIO)} and Kubernetes {one_of(BUILT_KUBERNETES)}"
        )
    if minor is None or int(minor[1]) not in SUPPORTED[istio]:
        raise WrongPairError(f"{word!r}: Istio {istio} does not support Kubernetes {kubernetes}")
    return Pair(istio, kubernetes)


def fleet_of(pair: Pair) -> dict[str, Any]:
    """The configuration of two clusters in one mesh, each with an istiod, a network and pods of its own."""
    return {
        "host": CLUSTERS[0],
        "istio": {"version": pair.istio},
        "kubernetes": {"version": pair.kubernetes},
        "networks": {f"network-{name}": {} for name in CLUSTERS},
        "meshes": {"mesh1": {"settings": {"mtls": "strict"}}},
        "clusters": {name: {"embedded": {"pods": "processes"}, "network": f"network-{name}"} for name in CLUSTERS},
        "namespaces": {"sample": {"injection": True}},
        "workloads": {"echo": {"namespace": "sample"}},
    }


def single_cluster() -> dict[str, Any]:
    """The configuration that is brought up with each pulumi: what Pulumi does is the same for any number."""
    return {
        "host": "solo",
        "networks": {"network-solo": {}},
        "clusters": {"solo": {"embedded": {}, "network": "network-solo"}},
        "namespaces": {"sample": {"injection": True}},
    }


def stack_text(config: dict[str, Any]) -> dict[str, Any]:
    """A stack file's content, to be written as JSON, which is YAML."""
    return {"config": {f"meshfleet:{section}": value for section, value in config.items()}}


def pulumi_range(project: str) -> str:
    """The requirement of pulumi in the text of pyproject.toml, as in `pulumi>=3.259,<4`."""
    (found,) = (one for one in tomllib.loads(project)["project"]["dependencies"] if re.match(r"pulumi\b(?!-)", one))
    return str(found)


def constraints(lock: str, free: Sequence[str]) -> list[str]:
    """The pins of requirements.lock but for those of the packages `free`, so that nothing else than these differs."""
    chosen = {_normal(name) for name in free}
    pinned = re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", lock, re.MULTILINE)
    return [f"{name}=={version}" for name, version in pinned if _normal(name) not in chosen]


def requirements_named(requirements: Sequence[str]) -> list[str]:
    """The names of packages in requirements such as `grpcio<2,>=1.68.1; extra == "x"`."""
    found = (re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", one.strip()) for one in requirements)
    return [one.group() for one in found if one]


def _normal(name: str) -> str:
    # https://packaging.python.org/en/latest/specifications/name-normalization/
    return re.sub(r"[-_.]+", "-", name).lower()
