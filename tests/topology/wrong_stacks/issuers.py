"""Issuers that cannot be: files without their issuer, an issuer without its files, and what files decide themselves."""

from __future__ import annotations

from tests.topology.wrong_stacks.wrong import Wrong

TRUST = "meshes.mesh1.trust"
FILES = {"certificate": "ca-cert.pem", "key": "ca-key.pem", "root": "root-cert.pem"}
BOTH = {"west": FILES, "east": FILES}

ISSUERS = [
    Wrong("an issuer that is not known", {f"{TRUST}.issuer": "vault"}, {f"{TRUST}.issuer": "vault"}),
    Wrong("files of no issuer", {f"{TRUST}.files": BOTH}, {f"{TRUST}.files": "write issuer: files"}),
    Wrong(
        "files of one cluster of two",
        {f"{TRUST}.issuer": "files", f"{TRUST}.files": {"west": FILES}},
        {f"{TRUST}.files.east": "is missing; name the certificate, the key and the root"},
    ),
    Wrong(
        "files of a cluster that is not there",
        {f"{TRUST}.issuer": "files", f"{TRUST}.files": BOTH | {"north": FILES}},
        {f"{TRUST}.files.north": "no cluster is named 'north'; those that sign are west, east"},
    ),
    Wrong(
        "files of a cluster that another one serves",
        {
            f"{TRUST}.issuer": "files",
            f"{TRUST}.files": BOTH,
            "clusters.east.controlPlane": {"remote": "west"},
        },
        {f"{TRUST}.files.east": "east has no control plane of its own in mesh1"},
    ),
    Wrong(
        "what files decide themselves",
        {f"{TRUST}.issuer": "files", f"{TRUST}.files": BOTH, f"{TRUST}.roots": ["a"], f"{TRUST}.algorithm": "rsa-4096"},
        {
            f"{TRUST}.roots": "is decided by the files of the issuer",
            f"{TRUST}.algorithm": "is decided by the files of the issuer",
        },
    ),
    Wrong(
        "files without a key",
        {f"{TRUST}.issuer": "files", f"{TRUST}.files": BOTH | {"west": {"certificate": "c", "root": "r"}}},
        {f"{TRUST}.files.west.key": ""},
    ),
    Wrong(
        "a root of the stack with the name of one from a file",
        {f"{TRUST}.roots": ["file-0123456789abcdef"]},
        {f"{TRUST}.roots[0]": "is the name of a root from a file"},
    ),
]
