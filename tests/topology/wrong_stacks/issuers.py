"""Issuers that cannot be: parts of another one, one without its files, cert-manager where the root's key is read."""

from __future__ import annotations

from tests.topology.wrong_stacks.wrong import Wrong, existing

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
    Wrong(
        "cert-manager in a cluster that another one reads",
        {f"{TRUST}.issuer": "cert-manager"},
        {f"{TRUST}.certManager.cluster": "control planes of east read every Secret there"},
    ),
    Wrong(
        "cert-manager of no issuer",
        {f"{TRUST}.certManager": {"install": False}},
        {f"{TRUST}.certManager": "belongs to the issuer cert-manager"},
    ),
    Wrong(
        "files beside cert-manager, in a cluster that is not there",
        {f"{TRUST}.issuer": "cert-manager", f"{TRUST}.files": BOTH, f"{TRUST}.certManager": {"cluster": "north"}},
        {
            f"{TRUST}.files": "belongs to the issuer files",
            f"{TRUST}.certManager.cluster": "no cluster is named 'north'; known are west, east",
        },
    ),
    Wrong(
        "cert-manager to be installed among real pods",
        {
            f"{TRUST}.issuer": "cert-manager",
            "clusters.west": existing(),
            "clusters.east": existing("east"),
            "clusters.west.discovery": {"readBy": []},
        },
        {f"{TRUST}.certManager.install": "the pods of west are real; install its chart there"},
    ),
    Wrong(
        "two meshes that differ about one cert-manager",
        {
            f"{TRUST}.issuer": "cert-manager",
            "meshes.mesh2.trust": {"issuer": "cert-manager", "certManager": {"install": False}},
            "clusters.west.mesh": "mesh1",
            "clusters.east.mesh": "mesh2",
        },
        {"meshes.mesh2.trust.certManager.install": "is false, and that of mesh1 true"},
    ),
    Wrong(
        "an intermediate of cert-manager that is always due",
        {f"{TRUST}.issuer": "cert-manager", f"{TRUST}.intermediate": {"validityDays": 30, "renewBeforeDays": 30}},
        {f"{TRUST}.intermediate": "renewBeforeDays 30 is not below validityDays 30"},
    ),
]
