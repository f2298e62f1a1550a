"""What is built, from which pinned module, and into which files.

A recipe names packages of one Go module in `modules/<tool>`; versions are read from that module's go.mod, so
that they are written down once. Kubernetes and Istio have further recipes, for other releases. How each tool was
found to build: docs/toolchain.md.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from meshfleet.versions import BUILT_ISTIO, BUILT_KUBERNETES, EMBEDDED_ISTIO, EMBEDDED_KUBERNETES, minor_of

MODULES = Path(__file__).parent / "modules"

# A change in how installations are laid out or built makes every key a new one.
LAYOUT = "2"

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class ModuleFiles:
    """Files copied out of a module's folder because the build caches are removed afterwards."""

    module: str
    source: str
    destination: str
    executable: bool = False


@dataclass(frozen=True)
class Recipe:
    """How one tool is built.

    `programs` maps the name of an installed program to its Go package, `settings` a Go variable to the text
    the linker puts there (`{version}`, `{major}` and `{minor}` are filled in), `texts` a file to be written to
    its content (`{version}` likewise), `tags` are build constraints, `gigabytes` is what its part of the build caches
    takes at most.
    """

    tool: str
    module: str
    programs: Mapping[str, str]
    settings: Mapping[str, str] = field(default_factory=dict)
    files: tuple[ModuleFiles, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    gigabytes: int = 1
    folder: Path | None = None

    @property
    def directory(self) -> Path:
        """The folder with the tool's go.mod and go.sum."""
        return self.folder or MODULES / self.tool

    @property
    def version(self) -> str:
        """The version of `module` that go.mod requires, such as `v1.35.4`; `unknown` when it names none."""
        pattern = rf"^(?:require)?\s*{re.escape(self.module)} (v\S+)"
        found = re.search(pattern, (self.directory / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
        return found.group(1) if found else "unknown"

    @property
    def installed_programs(self) -> tuple[str, ...]:
        """The names of everything that ends up in its `bin`."""
        scripts = (file.destination for file in self.files if file.destination.startswith("bin/"))
        return (*self.programs, *(name.removeprefix("bin/") for name in scripts))

    @property
    def shared_files(self) -> tuple[str, ...]:
        """The names of everything that ends up in its `share`: files that programs are told to read."""
        names = (file.destination for file in self.files if file.destination.startswith("share/"))
        return tuple(name.removeprefix("share/") for name in names)

    @property
    def installed(self) -> frozenset[str]:
        """The names of its programs and of the files in its `share`."""
        return frozenset((*self.installed_programs, *self.shared_files))

    @property
    def sources(self) -> tuple[Path, ...]:
        """The Go files of our own that lie beside go.mod; most tools have none."""
        return tuple(sorted(self.directory.rglob("*.go")))

    @property
    def key(self) -> str:
        """64 hexadecimal digits that change with go.mod, go.sum, our own Go files, the recipe and the machine."""
        digest = hashlib.sha256()
        for name in ("go.mod", "go.sum"):
            path = self.directory / name
            digest.update(path.read_bytes() if path.exists() else b"")
            digest.update(b"\0")
        fields = (LAYOUT, self.tool, self.module, dict(self.programs), dict(self.settings), self.files)
        # Only where there are any, so that recipes without keep the key of what is built already.
        texts = (dict(self.texts),) if self.texts else ()
        tags = (self.tags,) if self.tags else ()
        digest.update(repr((*fields, go_platform(), *texts, *tags)).encode())
        for path in self.sources:
            digest.update(b"\0" + path.read_bytes())
        return digest.hexdigest()

    def linker_flags(self) -> str:
        """The value of `-ldflags`: no symbol tables, and the versions the programs report."""
        major, minor = [*self.version.lstrip("v").split("."), "", ""][:2]
        values = {"version": self.version, "major": major, "minor": minor}
        settings = [f"-X {name}={text.format(**values)}" for name, text in self.settings.items()]
        return " ".join(["-s -w", *settings])


def go_platform() -> tuple[str, str]:
    """This machine in Go's words (https://go.dev/doc/install/source#environment), such as linux and amd64."""
    machine = os.uname().machine
    return sys.platform, _ARCHITECTURES.get(machine, machine)


def _charts(**folders: str) -> tuple[ModuleFiles, ...]:
    return tuple(
        ModuleFiles("istio.io/istio", f"manifests/charts/{folder}", f"charts/{chart}")
        for chart, folder in folders.items()
    )


# The template that Istio's proxy image has in /var/lib/istio/envoy (pilot/docker/Dockerfile.proxyv2).
ENVOY_BOOTSTRAP = ModuleFiles(
    "istio.io/istio", "tools/packaging/common/envoy_bootstrap.json", "share/envoy_bootstrap.json"
)

ETCD = Recipe(
    tool="etcd",
    module="go.etcd.io/etcd/server/v3",
    programs={"etcd": "go.etcd.io/etcd/server/v3"},
)
KWOK = Recipe(
    tool="kwok",
    module="sigs.k8s.io/kwok",
    programs={"kwok": "sigs.k8s.io/kwok/cmd/kwok", "kwokctl": "sigs.k8s.io/kwok/cmd/kwokctl"},
)
HELM = Recipe(
    tool="helm",
    module="helm.sh/helm/v3",
    programs={"helm": "helm.sh/helm/v3/cmd/helm"},
    settings={"helm.sh/helm/v3/internal/version.version": "{version}"},
)
KUBERNETES = Recipe(
    tool="kubernetes",
    module="k8s.io/kubernetes",
    programs={
        name: f"k8s.io/kubernetes/cmd/{name}"
        for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
    },
    # Clients and Helm charts read the server's version; without these it would say v0.0.0-master.
    settings={
        "k8s.io/component-base/version.gitVersion": "{version}",
        "k8s.io/component-base/version.gitMajor": "{major}",
        "k8s.io/component-base/version.gitMinor": "{minor}",
        "k8s.io/component-base/version.gitTreeState": "clean",
    },
    gigabytes=4,
)
ISTIO = Recipe(
    tool="istio",
    module="istio.io/istio",
    # All in one build: what takes long is compiling what they share.
    programs={
        "pilot-discovery": "istio.io/istio/pilot/cmd/pilot-discovery",
        "istioctl": "istio.io/istio/istioctl/cmd/istioctl",
        "pilot-agent": "istio.io/istio/pilot/cmd/pilot-agent",
        "echo-server": "istio.io/istio/pkg/test/echo/cmd/server",
        "echo-client": "istio.io/istio/pkg/test/echo/cmd/client",
    },
    files=(
        *_charts(
            base="base",
            istiod="istio-control/istio-discovery",
            gateway="gateway",
            cni="istio-cni",
            ztunnel="ztunnel",
        ),
        ENVOY_BOOTSTRAP,
    ),
    gigabytes=4,
)
PULUMI = Recipe(
    tool="pulumi",
    module="github.com/pulumi/pulumi/pkg/v3",
    programs={"pulumi": "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"},
    settings={"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": "{version}"},
    gigabytes=4,
)
PULUMI_LANGUAGE_PYTHON = Recipe(
    tool="pulumi-language-python",
    module="github.com/pulumi/pulumi/sdk/v3",
    programs={"pulumi-language-python": "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python"},
    settings={"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": "{version}"},
    # The host starts this script from its own folder.
    files=(
        ModuleFiles(
            "github.com/pulumi/pulumi/sdk/v3",
            "python/cmd/pulumi-language-python-exec",
            "bin/pulumi-language-python-exec",
            executable=True,
        ),
    ),
)

GATEWAY_API_CHART = """\
apiVersion: v2
name: gateway-api
description: The definitions of the Kubernetes Gateway API, standard channel
version: {version}
"""
GATEWAY_API = Recipe(
    tool="gateway-api",
    module="sigs.k8s.io/gateway-api",
    programs={},
    # No chart of it is published; the definitions hold nothing that a template would take for its own.
    files=(ModuleFiles("sigs.k8s.io/gateway-api", "config/crd/standard", "chart/templates"),),
    texts={"chart/Chart.yaml": GATEWAY_API_CHART},
)


_FURTHER = (
    *(
        replace(KUBERNETES, tool=f"{KUBERNETES.tool}-{release}")
        for release in BUILT_KUBERNETES
        if release != EMBEDDED_KUBERNETES
    ),
    # Its module has no version of the release's own, so that istiod and proxies would not know theirs.
    *(
        replace(ISTIO, tool=f"{ISTIO.tool}-{release}", settings={"istio.io/istio/pkg/version.buildVersion": release})
        for release in BUILT_ISTIO
        if release != EMBEDDED_ISTIO
    ),
)
FURTHER = {recipe.tool: recipe for recipe in _FURTHER}
"""Tool, as in `kubernetes-v1.32.2` → its recipe: other releases than the standard ones, built for who names them."""


_CERT_MANAGER = "github.com/cert-manager/cert-manager"
CERT_MANAGER_CHART = """\
apiVersion: v2
name: cert-manager
description: The definitions of cert-manager, for its controllers as a process
version: {version}
"""
CERT_MANAGER = Recipe(
    tool="cert-manager",
    module=_CERT_MANAGER,
    # The main module has all controllers, and its own programs are modules that are not served.
    programs={"cert-manager-controller": f"{_CERT_MANAGER}/cmd/controller"},
    settings={f"{_CERT_MANAGER}/pkg/util.AppVersion": "{version}"},
    files=tuple(
        ModuleFiles(_CERT_MANAGER, f"deploy/crds/cert-manager.io_{kind}.yaml", f"chart/templates/{kind}.yaml")
        for kind in ("certificaterequests", "certificates", "clusterissuers", "issuers")
    ),
    texts={"chart/Chart.yaml": CERT_MANAGER_CHART},
    gigabytes=2,
)
ON_DEMAND = {CERT_MANAGER.tool: CERT_MANAGER}
"""Tool → its recipe, of those that are built for a stack file that asks for them."""
ADDED = FURTHER | ON_DEMAND
"""All that is built beyond the standard toolchain for who names it."""


def further_recipe(program: str, release: str) -> Recipe | None:
    """The recipe of a program or file of Kubernetes (of a release such as v1.32.2) or Istio (such as 1.30.4).

    None for the standard release, for one that cannot be built, and for programs of which there is one release only.
    """
    if program in KUBERNETES.installed:
        return FURTHER.get(f"{KUBERNETES.tool}-{release}")
    return FURTHER.get(f"{ISTIO.tool}-{minor_of(release)}") if program in ISTIO.installed else None


# For clusters in containers (meshfleet/containers), built by scripts/kind-images alone.
KIND = Recipe(
    tool="kind",
    module="sigs.k8s.io/kind",
    programs={"kind": "sigs.k8s.io/kind"},
    # What its base image has, beside Debian's packages (images/base/Dockerfile).
    files=(ModuleFiles("sigs.k8s.io/kind", "images/base/files", "node"),),
)
KUBERNETES_NODE = Recipe(
    tool="kubernetes-node",
    module="k8s.io/kubernetes",
    programs={
        **{name: f"k8s.io/kubernetes/cmd/{name}" for name in ("kubelet", "kubeadm", "kube-proxy")},
        "pause": "meshfleet/toolchain/kubernetes-node/pause",
    },
    settings=KUBERNETES.settings,
    gigabytes=4,
)
CONTAINERD = Recipe(
    tool="containerd",
    module="github.com/containerd/containerd/v2",
    programs={
        name: f"github.com/containerd/containerd/v2/cmd/{name}"
        for name in ("containerd", "ctr", "containerd-shim-runc-v2")
    },
    settings={"github.com/containerd/containerd/v2/version.Version": "{version}"},
    # As kind builds it: the snapshotters that it never selects are left out.
    tags=("no_btrfs", "no_devmapper", "no_zfs"),
    gigabytes=2,
)
COREDNS = Recipe(
    tool="coredns",
    module="github.com/coredns/coredns",
    programs={"coredns": "meshfleet/toolchain/coredns"},
    gigabytes=2,
)
CERT_MANAGER_PODS_CHART = """\
apiVersion: v2
name: cert-manager
description: cert-manager, of images that are built here
version: {version}
appVersion: {version}
"""
CERT_MANAGER_PODS = replace(
    CERT_MANAGER,
    tool="cert-manager-pods",
    # The controller is the process of the other recipe, in an image.
    programs={f"cert-manager-{name}": f"{_CERT_MANAGER}/cmd/{name}" for name in ("webhook", "cainjector")},
    # Its own, but for Chart.yaml, which has no version before a release.
    files=tuple(
        ModuleFiles(_CERT_MANAGER, f"deploy/charts/cert-manager/{name}", f"chart/{name}")
        for name in ("templates", "values.yaml", "values.schema.json")
    ),
    texts={"chart/Chart.yaml": CERT_MANAGER_PODS_CHART},
    gigabytes=1,
    folder=MODULES / CERT_MANAGER.tool,
)
CONTAINER_RECIPES = (KIND, KUBERNETES_NODE, CONTAINERD, COREDNS, CERT_MANAGER, CERT_MANAGER_PODS)

# etcd first: it is small and leaves Go's standard library compiled for the others; then the longest.
RECIPES = (ETCD, KUBERNETES, ISTIO, PULUMI, HELM, KWOK, PULUMI_LANGUAGE_PYTHON, GATEWAY_API)
