"""A world that is right: a fleet as status reports it, the objects of its API servers, the pages of its istiods."""

from __future__ import annotations

import base64
import copy
import io
import json
import tarfile
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from meshfleet.kube.releases.record import pack
from meshfleet.manifests.namespaces import CONTROL_PLANES
from tests.automation.made_up_session import STATUS
from tests.fuzz.world import KINDS

RECORDED = Path(__file__).resolve().parents[1] / "verification" / "recorded"
WORKLOAD: dict[str, Any] = {
    "name": "w",
    "namespace": "n",
    "host": "w.n.svc.cluster.local",
    "ports": {"http": 80.0, "grpc": 7070.0},
    "echo": False,
    "allowedCallers": [],
    "versions": [{"name": "v1", "replicas": 1.0, "weight": None, "headers": {}}],
}
MACHINE: dict[str, Any] = {
    "name": "billing",
    "namespace": "n",
    "cluster": "west",
    "controlPlane": "west",
    "group": "billing",
    "selector": {"app": "billing"},
    "ports": [{"name": "http", "port": 8080.0, "protocol": "HTTP"}],
    "host": "billing.n.svc.cluster.local",
    "network": "network-west",
    "serviceAccount": "billing",
    "labels": {"app": "billing"},
    "locality": "r/z",
    "addresses": [],
}
MANIFEST = """apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system, labels: {a: b}}
data: {mesh: "trustDomain: cluster.local"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: istiod}
spec:
  replicas: 2
  template: {spec: {containers: [{name: discovery, resources: {requests: {memory: 2048Mi, cpu: "1"}}}]}}
"""


def recorded_page(name: str) -> Any:
    """What a real istiod, API server or istioctl answered (tests/verification/recorded)."""
    text = (RECORDED / name).read_text(encoding="utf-8")
    return json.loads(text) if name.endswith(".json") else text


@cache
def authority() -> dict[str, bytes]:
    """The files of an authority that is its own root."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "any")])
    now = datetime.now(UTC)
    usage = dict.fromkeys(("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"), False)
    usage |= dict.fromkeys(("key_agreement", "crl_sign", "encipher_only", "decipher_only"), False)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(True, None), critical=True)
        .add_extension(x509.KeyUsage(key_cert_sign=True, **usage), critical=True)
        .sign(key, SHA256())
    )
    pem = made.public_bytes(Encoding.PEM)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {"ca-cert.pem": pem, "ca-key.pem": secret, "root-cert.pem": pem}


def certificate() -> bytes:
    """A self-signed certificate in PEM form."""
    return authority()["ca-cert.pem"]


def status(kubeconfig: str) -> dict[str, Any]:
    """A fleet of two clusters, as status has it; one is served by the other's istiod."""
    found: dict[str, Any] = copy.deepcopy(STATUS)
    for cluster in found["clusters"]:
        cluster |= {"kubeconfig": kubeconfig, "context": "", "workloads": [copy.deepcopy(WORKLOAD)]}
        cluster["pods"] = "processes"
        facts = {"cluster": cluster["name"], "network": "network-west", "mesh": "mesh1"}
        cluster["injected"] = {"workloads": facts, "gateways": {}, "eastWest": {}}
    found["virtualMachines"] = [
        copy.deepcopy(MACHINE),
        MACHINE | {"name": "fixed", "group": None, "addresses": ["10.9.9.9"]},
    ]
    return found


def metadata(name: str, namespace: str = "n", **more: Any) -> dict[str, Any]:
    return {"name": name, "namespace": namespace, "uid": f"uid-{name}", "resourceVersion": "7", **more}


def pod() -> dict[str, Any]:
    """An injected pod with everything a node looks at: ports, probes, volumes, hooks."""
    found: dict[str, Any] = recorded_page("injected-pod.json")
    found["metadata"]["labels"] |= {"app": "w", "istio": "eastwestgateway"}
    found["metadata"]["ownerReferences"] = [
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "w-5", "uid": "u", "controller": True}
    ]
    found["spec"] |= {"nodeName": "west-0", "serviceAccountName": "w"}
    found["spec"]["volumes"].append({"name": "secret", "secret": {"secretName": "cacerts"}})
    proxy = found["spec"]["containers"][1]
    proxy["volumeMounts"].append({"name": "secret", "mountPath": "/etc/secret"})
    proxy |= {
        "readinessProbe": {"httpGet": {"path": "/healthz/ready", "port": 15021}, "periodSeconds": 15},
        "lifecycle": {"preStop": {"sleep": {"seconds": 2}}},
    }
    found["status"] = {
        "phase": "Running",
        "podIP": "100.64.0.9",
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    return found


def world() -> dict[str, Any]:
    """What the servers of the fleet answer."""
    ca = base64.b64encode(certificate()).decode()
    release = {
        "name": "istiod",
        "namespace": "istio-system",
        "version": 1,
        "info": {"status": "deployed"},
        "config": {"global": {"meshfleet": {"fleet": "dev", "cluster": "west"}}},
        "chart": {
            "metadata": {"name": "istiod", "version": "1.0.0"},
            "files": [{"name": "crds/a.yaml", "data": "YTogMQ=="}],
        },
        "manifest": MANIFEST,
    }
    entry = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "WorkloadEntry",
        "metadata": metadata(
            "billing-10.0.0.7",
            annotations={
                "istio.io/autoRegistrationGroup": "billing",
                "istio.io/connectedAt": "2026-11-23T00:00:00Z",
                "proxy.istio.io/health-checks-enabled": "true",
            },
        ),
        "spec": {
            "address": "10.0.0.7",
            "network": "other",
            "labels": {"app": "old"},
            "locality": "r",
            "serviceAccount": "billing",
        },
        "status": {"conditions": [{"type": "Healthy", "status": "True"}]},
    }
    return {
        ".well-known/openid-configuration": {"issuer": "https://kubernetes.default.svc"},
        "customresourcedefinitions": [
            {
                "metadata": {"name": "deployments.example.com"},
                "spec": {
                    "group": "example.com",
                    "names": {"kind": "Deployment"},
                    "versions": [{"name": "v1", "served": True}],
                },
                "status": {"conditions": [{"type": "Established", "status": "True"}]},
            }
        ],
        KINDS: [
            {"name": "configmaps", "kind": "ConfigMap", "namespaced": True},
            {"name": "deployments", "kind": "Deployment", "namespaced": True},
            {"name": "deployments/scale", "kind": "Scale", "namespaced": True},
        ],
        "namespaces": [
            {"metadata": {"name": "istio-system", "annotations": {CONTROL_PLANES: "west"}}},
            {"metadata": {"name": "kube-system", "uid": "uid-kube-system"}},
            {"metadata": {"name": "n", "labels": {"istio-injection": "enabled"}}},
        ],
        "pods": [pod()],
        "services": [
            {
                "metadata": metadata("w"),
                "spec": {
                    "clusterIP": "10.96.0.9",
                    "clusterIPs": ["10.96.0.9"],
                    "ports": [{"name": "tls", "port": 15443, "protocol": "TCP"}, {"name": "http", "port": 80}],
                },
                "status": {"loadBalancer": {"ingress": [{"ip": "198.18.0.9"}]}},
            }
        ],
        "endpointslices": [
            {
                "metadata": metadata("w-x", labels={"kubernetes.io/service-name": "w"}),
                "addressType": "IPv4",
                "endpoints": [{"addresses": ["100.64.0.9"], "conditions": {"ready": True}}],
                "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
            }
        ],
        "leases": [{"metadata": {"name": "west-0"}, "spec": {"holderIdentity": "west-0", "leaseDurationSeconds": 40}}],
        "nodes": [
            {
                "metadata": {"name": "west-0", "labels": {"app.kubernetes.io/managed-by": "meshfleet-node"}},
                "spec": {"podCIDR": "100.64.0.0/24", "podCIDRs": ["100.64.0.0/24"]},
                "status": {
                    "conditions": [
                        {"type": "Ready", "status": "True"},
                        {"type": "ObjectsAccepted", "status": "False", "message": "Service n/w: bad"},
                    ]
                },
            }
        ],
        "events": [
            {
                "metadata": metadata("e"),
                "involvedObject": {"kind": "Pod", "namespace": "n", "name": "w"},
                "type": "Warning",
                "reason": "LeftOut",
                "message": "m",
                "lastTimestamp": "2026-11-23T00:00:00Z",
            }
        ],
        "secrets": [
            {
                "metadata": metadata("cacerts", "istio-system"),
                "data": {name: base64.b64encode(content).decode() for name, content in authority().items()},
            },
            {
                "metadata": metadata(
                    "sh.helm.release.v1.istiod.v1",
                    "istio-system",
                    labels={"owner": "helm", "name": "istiod", "version": "1", "status": "deployed"},
                ),
                "type": "helm.sh/release.v1",
                "data": {"release": pack(release)},
            },
        ],
        "configmaps": [
            {
                "metadata": metadata("istio-ca-root-cert", "istio-system", labels={"istio.io/config": "true"}),
                "data": {"root-cert.pem": certificate().decode(), "a.b": "c"},
            },
            {"metadata": metadata("istio", "istio-system"), "data": {"mesh": "trustDomain: cluster.local"}},
            {"metadata": metadata("kube-root-ca.crt"), "data": {"ca.crt": "any"}},
            {"metadata": metadata("istio-ca-crl"), "data": {"ca-crl.pem": "any"}},
        ],
        "deployments": [{"metadata": metadata("istiod", "istio-system"), "spec": {"replicas": 1}}],
        "horizontalpodautoscalers": [{"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "istiod"}}}],
        "serviceaccounts": [{"metadata": metadata("default", "default")}],
        "token": {
            "metadata": {},
            "spec": {"audiences": ["istio-ca"]},
            "status": {"token": "a.YQ==.b", "expirationTimestamp": "2026-11-23T00:00:00Z"},
        },
        "subjectaccessreviews": {"status": {"allowed": True}},
        "selfsubjectreviews": {"status": {"userInfo": {"username": "ada", "groups": ["system:authenticated"]}}},
        "mutatingwebhookconfigurations": [
            {
                "metadata": {"name": name},
                "webhooks": [
                    {
                        "name": "rev.namespace.sidecar-injector.istio.io",
                        "admissionReviewVersions": ["v1"],
                        "sideEffects": "None",
                        "clientConfig": {"caBundle": ca, "service": {"name": "istiod", "namespace": "istio-system"}},
                    }
                ],
            }
            for name in ("istio-sidecar-injector", "istio-sidecar-injector-istio-system")
        ],
        "workloadentries": [entry],
        "envoyfilters": [{"metadata": metadata("f", "istio-system")}],
        "clusterportforwards": [],
        "servicecidrs": [{"metadata": {"name": "kubernetes"}, "spec": {"cidrs": ["10.96.0.0/16"]}}],
        "gateways": [{"metadata": metadata("meshfleet-probe")}],
        **{
            f"debug/{page}": recorded_page(f"{page}.json")
            for page in ("clusterz", "networkz", "mesh", "configz", "endpointShardz", "syncz", "ambientz")
        },
        "debug/adsz": {
            "clients": [
                {
                    "metadata": {
                        "CLUSTER_ID": "west",
                        "NAMESPACE": "n",
                        "WORKLOAD_NAME": "billing",
                        "NETWORK": "network-west",
                        "MESH_ID": "mesh1",
                        "SERVICE_ACCOUNT": "billing",
                        "NODE_NAME": "",
                    }
                }
            ]
        },
        "debug/config_dump": {"configs": [{"@type": "t", "dynamic_listeners": []}]},
        "version": {"gitVersion": "v1.35.4"},
    }


def chart(content: bytes, name: str = "Chart.yaml") -> bytes:
    """A packed chart with this Chart.yaml, or another file alone."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo(f"chart/{name}")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()
