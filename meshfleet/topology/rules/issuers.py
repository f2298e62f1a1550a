"""Who issues the intermediates of a mesh: the stack itself, or something else whose files it reads."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic.alias_generators import to_camel

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.topology.draft import Draft
from meshfleet.topology.mesh import Trust

OF_BUILTIN = ("roots", "signing", "algorithm", "organization", "root", "intermediate")
"""What the stack decides when it issues certificates, and what files say themselves."""
OF_ROOTS = ("roots", "signing", "root")
"""What the stack decides of roots of its own."""

OF_THE_ISSUER = ("cluster", "issuer_ref", "root")
"""What says where cert-manager issues intermediates, and below which root."""


def issuers(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for files without their issuer, for missing ones, and for what files decide themselves."""
    for mesh, declared in draft.meshes.items():
        path, trust = f"meshes.{mesh}.trust", declared.trust
        if trust.files and trust.issuer != "files":
            yield Fault(f"{path}.files", "belongs to the issuer files; write issuer: files, or leave them out")
        if "cert_manager" in trust.model_fields_set and trust.issuer != "cert-manager":
            yield from _without_the_issuer(trust, f"{path}.certManager")
        if not trust.reads_root:
            continue
        by = "certManager.root" if trust.signs_elsewhere else "the files of the issuer"
        for name in OF_ROOTS if trust.signs_elsewhere else OF_BUILTIN:
            if name in trust.model_fields_set and (name != "roots" or trust.roots):
                yield Fault(f"{path}.{to_camel(name)}", f"is decided by {by}; leave it out")
        if trust.issuer == "files":
            yield from _files(draft, mesh, f"{path}.files")


def _without_the_issuer(trust: Trust, path: str) -> Iterator[Fault]:
    """With istio-csr it says how cert-manager is installed, and no more."""
    advice = "belongs to the issuer cert-manager; write issuer: cert-manager, or leave it out"
    if not trust.by_istio_csr:
        yield Fault(path, advice)
        return
    for field in OF_THE_ISSUER:
        if field in trust.cert_manager.model_fields_set:
            yield Fault(f"{path}.{to_camel(field)}", advice)


def _files(draft: Draft, mesh: str, path: str) -> Iterator[Fault]:
    given = draft.meshes[mesh].trust.files
    signing = [
        name
        for name, cluster in draft.clusters.items()
        if draft.mesh_of(cluster) == mesh and cluster.control_plane.kind != "remote"
    ]
    for name in signing:
        if name not in given:
            yield Fault(f"{path}.{name}", "is missing; name the certificate, the key and the root of its intermediate")
    for name in given:
        if name not in draft.names["clusters"]:
            known = ", ".join(signing) or "none"
            yield Fault(f"{path}.{name}", f"no cluster is named {shown(name)}; those that sign are {known}")
        elif name in draft.clusters and name not in signing:
            yield Fault(f"{path}.{name}", f"{name} has no control plane of its own in {mesh}; leave it out")
