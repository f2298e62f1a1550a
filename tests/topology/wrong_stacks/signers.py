"""Signers that cannot be: istio-csr where it does not run, or for what does not ask it, and settings of none."""

from __future__ import annotations

from tests.topology.wrong_stacks.wrong import Wrong, existing

TRUST = "meshes.mesh1.trust"
SIGNER = f"{TRUST}.signer"
THERE: dict[str, object] = {"clusters.west": existing(), "clusters.east": existing("east"), SIGNER: "istio-csr"}

SIGNERS = [
    Wrong("a signer that is not known", {SIGNER: "spire"}, {SIGNER: "spire"}),
    Wrong(
        "settings of istio-csr where istiod signs",
        {f"{TRUST}.istioCsr": {"version": "0.17.0"}},
        {f"{TRUST}.istioCsr": "belongs to the signer istio-csr; write signer: istio-csr"},
    ),
    Wrong(
        "istio-csr where no pods of published images run",
        {SIGNER: "istio-csr"},
        {
            SIGNER: (
                "east runs no pods of published images (provider embedded); leave it out, or take east out of mesh1",
                "west runs no pods of published images (provider embedded)",
            )
        },
    ),
    Wrong(
        "istio-csr where images are built",
        THERE | {"clusters.west": {"network": "network-west", "kind": {}}},
        {SIGNER: "west has no image of it"},
    ),
    Wrong(
        "istio-csr for a cluster that another one serves",
        THERE | {"clusters.east.controlPlane": {"remote": "west"}},
        {SIGNER: "the control plane of east is remote, in another cluster than its workloads"},
    ),
    Wrong(
        "istio-csr for a cluster in ambient mode",
        {**THERE, **{f"clusters.{name}.dataPlane": "ambient" for name in ("west", "east")}},
        {SIGNER: ("east is ambient", "west is ambient")},
    ),
    Wrong(
        "istio-csr for a virtual machine",
        THERE | {"virtualMachines": {"billing": {"namespace": "shop", "cluster": "west"}}},
        {SIGNER: "the virtual machine 'billing' requests its certificate from the istiod of west, which signs none"},
    ),
    Wrong(
        "an issuer of intermediates that istio-csr has no use for",
        THERE | {f"{TRUST}.certManager": {"cluster": "west", "version": "1.20.0"}},
        {f"{TRUST}.certManager.cluster": "belongs to the issuer cert-manager"},
    ),
    Wrong(
        "a chart of cert-manager that something else installs",
        THERE | {f"{TRUST}.certManager": {"install": False, "version": "1.20.0", "values": {"replicaCount": 2}}},
        {
            f"{TRUST}.certManager.version": "something else installs cert-manager; leave it out",
            f"{TRUST}.certManager.values": "something else installs cert-manager; leave it out",
        },
    ),
    Wrong(
        "the same beside the issuer, which is told once",
        THERE
        | {
            f"{TRUST}.issuer": "cert-manager",
            f"{TRUST}.certManager": {"install": False, "version": "1.20.0"},
            "clusters.west.discovery": {"readBy": []},
        },
        {f"{TRUST}.certManager.version": "something else installs cert-manager; leave it out"},
    ),
    Wrong(
        "two needs of one cert-manager that differ",
        {
            **THERE,
            "clusters.east.mesh": "mesh2",
            "clusters.west.mesh": "mesh1",
            "meshes.mesh2.trust": {
                "issuer": "cert-manager",
                "certManager": {"cluster": "west", "version": "1.20.0"},
            },
        },
        {"meshes.mesh2.trust.certManager.version": "is '1.20.0', and that of mesh1 '1.21.2'"},
    ),
    Wrong(
        "values of istio-csr that the fleet sets",
        THERE
        | {
            f"{TRUST}.istioCsr": {
                "values": {
                    "app": {
                        "server": {"clusterID": "other"},
                        "tls": {"trustDomain": "other", "certificateDuration": "2h"},
                    },
                    "volumes": [],
                    "nameOverride": "other",
                    "replicaCount": 2,
                }
            }
        },
        {
            f"{TRUST}.istioCsr.values.app.server.clusterID": "is set by the fleet from its name in clusters",
            f"{TRUST}.istioCsr.values.app.tls.trustDomain": "is set by the fleet from meshes.<name>.trustDomain",
            f"{TRUST}.istioCsr.values.nameOverride": "is set by the fleet from meshes.<name>.trust",
            f"{TRUST}.istioCsr.values.volumes": "is set by the fleet from meshes.<name>.trust",
        },
    ),
    *(
        Wrong(
            f"a {field} of istio-csr that is none",
            THERE | {f"{TRUST}.istioCsr": {field: value}},
            {f"{TRUST}.istioCsr.{field}": told},
        )
        for field, value, told in (
            ("version", "v0.17.0", "is not a version of istio-csr; write it as '0.17.0'"),
            ("charts", "jetstack", "is not a chart source"),
        )
    ),
]
