"""Issuers that cannot be: parts of another one, one without its files, cert-manager where the root's key is read."""

from __future__ import annotations

from collections.abc import Mapping

from tests.topology.wrong_stacks.wrong import Wrong, existing

TRUST = "meshes.mesh1.trust"
FILES = {"certificate": "ca-cert.pem", "key": "ca-key.pem", "root": "root-cert.pem"}
BOTH = {"west": FILES, "east": FILES}
VAULT: dict[str, object] = {"issuerRef": {"name": "vault"}, "root": "root-cert.pem"}


def _signed_by(cert_manager: Mapping[str, object], **trust: object) -> dict[str, object]:
    """An issuer of the user's own, in a cluster that no other control plane reads."""
    return {
        f"{TRUST}.issuer": "cert-manager",
        f"{TRUST}.certManager": cert_manager,
        "clusters.west.discovery": {"readBy": []},
        **{f"{TRUST}.{field}": value for field, value in trust.items()},
    }


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
        "a root of the stack with the name of one of an issuer",
        {f"{TRUST}.roots": ["issuer-0123456789abcdef"]},
        {f"{TRUST}.roots[0]": "is the name of a root from a file"},
    ),
    Wrong(
        "an issuer of one's own without its root",
        _signed_by({"issuerRef": {"name": "vault"}}),
        {f"{TRUST}.certManager": "issuerRef needs the root below which it signs; write root: PATH"},
    ),
    Wrong(
        "a root of no issuer",
        _signed_by({"root": "root-cert.pem"}),
        {f"{TRUST}.certManager": "root belongs to issuerRef; name the issuer that signs below it"},
    ),
    Wrong(
        "an issuer of one's own in a cluster that another one reads",
        {f"{TRUST}.issuer": "cert-manager", f"{TRUST}.certManager": VAULT},
        {f"{TRUST}.certManager.cluster": "the keys of the intermediates are in west, and the control planes of east"},
    ),
    Wrong(
        "an issuer that cert-manager as a process has not",
        _signed_by(VAULT | {"issuerRef": {"name": "pca", "group": "awspca.cert-manager.io"}}),
        {f"{TRUST}.certManager.issuerRef.group": "has the issuers of CAs and of Vault alone; install it yourself"},
    ),
    Wrong(
        "what the root of an issuer decides",
        _signed_by(VAULT, roots=["a"], signing="a", root={"validityDays": 100, "renewBeforeDays": 10}),
        {f"{TRUST}.{field}": "is decided by certManager.root; leave it out" for field in ("roots", "signing", "root")},
    ),
    *(
        Wrong(
            f"an issuer whose {field} is none: {value}",
            _signed_by(VAULT | {"issuerRef": {"name": "vault", field: value}}),
            {f"{TRUST}.certManager.issuerRef.{field}": told},
        )
        for field, value, told in (
            ("name", "Vault", "is not a DNS subdomain"),
            ("name", "", "is not a DNS subdomain"),
            ("name", "../vault", "is not a DNS subdomain"),
            ("name", "v" * 254, "at most 253 characters"),
            ("kind", "clusterissuer", "is not a kind; write it as 'Issuer' or 'ClusterIssuer'"),
            ("group", "cert-manager.io/v1", "is not a DNS subdomain"),
        )
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
        "a chart of cert-manager other than the one whose images are built",
        {
            f"{TRUST}.issuer": "cert-manager",
            f"{TRUST}.certManager": {
                "version": "1.20.0",
                "charts": {"folder": "charts"},
                "values": {"replicaCount": 2},
            },
            "clusters.west": {"network": "network-west", "kind": {}},
            "clusters.east": {"network": "network-east", "kind": {}},
            "clusters.west.discovery": {"readBy": []},
        },
        {
            f"{TRUST}.certManager.version": "and the images of cert-manager that are built for west are of 1.21.2",
            f"{TRUST}.certManager.charts": "is not used, since the chart is built with the images of west",
        },
    ),
    *(
        Wrong(
            f"a chart of cert-manager that is not installed, {why}",
            {
                f"{TRUST}.issuer": "cert-manager",
                "clusters.west.discovery": {"readBy": []},
                f"{TRUST}.certManager": {"charts": "published", "version": "1.21.2", "values": {}, **more},
            },
            {f"{TRUST}.certManager.{field}": why for field in ("charts", "values", "version")},
        )
        for why, more in {
            "cert-manager is a process beside west": {},
            "something else installs cert-manager": {"install": False},
        }.items()
    ),
    *(
        Wrong(
            f"a {field} of cert-manager that is none: {value}",
            {
                f"{TRUST}.issuer": "cert-manager",
                "clusters.west": existing(),
                "clusters.east": existing("east"),
                "clusters.west.discovery": {"readBy": []},
                f"{TRUST}.certManager": {field: value},
            },
            {f"{TRUST}.certManager.{field}": told},
        )
        for field, value, told in (
            ("version", "v1.21.2", "is not a version of cert-manager; write it as '1.21.2'"),
            ("version", "1.21", "is not a version of cert-manager; write it as '1.21.2'"),
            ("charts", "jetstack", "is not a chart source"),
            ("charts", {"repository": "http://charts.example"}, "is not a chart source"),
            ("values", {"a": None}, "null is given to no release"),
        )
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
        "two meshes that differ about the chart of one cert-manager",
        {
            f"{TRUST}.issuer": "cert-manager",
            f"{TRUST}.certManager": {"version": "1.21.2", "values": {"replicaCount": 2}},
            "meshes.mesh2.trust": {"issuer": "cert-manager", "certManager": {"version": "1.20.0"}},
            "clusters.west": {**existing(), "mesh": "mesh1"},
            "clusters.east.mesh": "mesh2",
        },
        {
            "meshes.mesh2.trust.certManager.version": "is '1.20.0', and that of mesh1 '1.21.2'",
            "meshes.mesh2.trust.certManager.values": "is not that of mesh1; both use the cert-manager of west",
        },
    ),
    Wrong(
        "an intermediate of cert-manager that is always due",
        {f"{TRUST}.issuer": "cert-manager", f"{TRUST}.intermediate": {"validityDays": 30, "renewBeforeDays": 30}},
        {f"{TRUST}.intermediate": "renewBeforeDays 30 is not below validityDays 30"},
    ),
]
