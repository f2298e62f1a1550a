"""What cert-manager says of itself through the API server of its cluster: whether it takes requests, what it issued.

Plain JSON of its API (https://cert-manager.io/docs/reference/api-docs/). Nothing here changes what is declared.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from meshfleet.errors import ClusterError
from meshfleet.kube.api_errors import RefusedError, expected_form
from meshfleet.kube.releases.server import JsonObject, Server
from meshfleet.processes.waiting import NotYetError

_API: Final = "apis/cert-manager.io/v1/namespaces"
_ISSUERS: Final = {
    "Issuer": f"{_API}/{{namespace}}/issuers/{{name}}",
    "ClusterIssuer": "apis/cert-manager.io/v1/clusterissuers/{name}",
}
_MANAGER: Final = "meshfleet"
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
# https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
_WEBHOOK_FAILED: Final = "failed calling webhook"


@dataclass(frozen=True)
class Issued:
    """What is in the Secret of a Certificate, PEM; `certificate` may be followed by those between it and the root.

    `request` is the `spec` of the Certificate.
    """

    certificate: str
    key: str = field(repr=False)
    request: JsonObject


def require_ready(server: Server, namespace: str) -> None:
    """Have cert-manager look at a Certificate that is not stored, as its own `cmctl check api` does.

    Raises NotYetError while its API is not served or its webhook does not respond, ClusterError for any other refusal.
    """
    subject = "cert-manager, asked to check a Certificate"
    body = {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {"generateName": "meshfleet-check-", "namespace": namespace},
        "spec": {
            "secretName": "meshfleet-check",
            "dnsNames": ["check.example"],
            "issuerRef": {"group": "cert-manager.io", "kind": "Issuer", "name": "meshfleet-check"},
        },
    }
    try:
        server.create(f"{_API}/{namespace}/certificates", body, subject, manager=_MANAGER, dry_run=True)
    except RefusedError as error:
        if error.not_found:
            raise NotYetError("the API server serves no cert-manager.io/v1 or has no such namespace") from None
        if _WEBHOOK_FAILED in str(error):
            raise NotYetError(f"its webhook does not respond: {error}") from None
        raise


def issued(server: Server, namespace: str, name: str) -> Issued:
    """What was issued for a Certificate as it is now. Raises NotYetError with what cert-manager says until it was."""
    subject = f"the Certificate {name} in {namespace}"
    with expected_form(subject):
        certificate = server.get(f"{_API}/{namespace}/certificates/{name}", subject)
        if certificate is None:
            raise NotYetError(f"there is no Certificate {name}")
        _require_issued(server, namespace, certificate)
        secret_name = _name(certificate["spec"]["secretName"])
        subject = f"the Secret {secret_name} in {namespace}"
        secret = server.get(f"api/v1/namespaces/{namespace}/secrets/{secret_name}", subject)
        if secret is None:
            raise NotYetError(f"its Secret {secret_name} is gone, and cert-manager issues it again")
        return Issued(_text(secret, "tls.crt", subject), _text(secret, "tls.key", subject), certificate["spec"])


def try_again(server: Server, namespace: str, name: str, now: datetime) -> None:
    """Have cert-manager issue a Certificate at once that it could not issue; fine where there is nothing to do.

    By itself it waits for an hour after the first failure, and longer after further ones. Done as its own
    `cmctl renew` does it: https://cert-manager.io/docs/reference/cmctl/#renew
    """
    path, subject = f"{_API}/{namespace}/certificates/{name}", f"the Certificate {name} in {namespace}"
    with expected_form(subject):
        certificate = server.get(path, subject)
        issuing = conditions(certificate).get("Issuing", {}) if certificate else {}
        if certificate is None or issuing.get("status") != "False" or "lastFailureTime" not in certificate["status"]:
            return
        due = {
            "type": "Issuing",
            "status": "True",
            "reason": "ManuallyTriggered",
            "message": "Certificate re-issuance manually triggered",
            # Requests that failed before are dropped.
            "lastTransitionTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "observedGeneration": certificate["metadata"].get("generation"),
        }
        others = [one for one in certificate["status"]["conditions"] if one["type"] != "Issuing"]
        body = certificate | {"status": certificate["status"] | {"conditions": [*others, due]}}
    try:
        server.replace(f"{path}/status", body, subject, manager=_MANAGER)
    except RefusedError:
        # Changed meanwhile, or one who may not: the wait goes on all the same, and reports what cert-manager says.
        return


def _require_issued(server: Server, namespace: str, certificate: JsonObject) -> None:
    """Raise NotYetError unless the Certificate is ready in its present form, and none is being issued."""
    if not (found := conditions(certificate)):
        raise NotYetError("cert-manager has not looked at it; check that its controller runs")
    generation = certificate["metadata"].get("generation")
    ready, issuing = found.get("Ready", {}), found.get("Issuing", {})
    if ready.get("status") == "True" and issuing.get("status") != "True":
        if ready.get("observedGeneration", generation) == generation:
            return
        raise NotYetError("cert-manager has not looked at its present form; check that its controller runs")
    said = [_said(found[name]) for name in ("Issuing", "Ready") if found.get(name, {}).get("message")]
    raise NotYetError(
        "; ".join(dict.fromkeys([*said, *_of_issuer(server, namespace, certificate)])) or "it is not ready"
    )


def _of_issuer(server: Server, namespace: str, certificate: JsonObject) -> list[str]:
    """What the issuer of a Certificate says while it is missing or not ready; those of other API groups have a form
    of their own.
    """
    reference = certificate["spec"]["issuerRef"]
    kind = reference.get("kind")
    if reference.get("group", "cert-manager.io") != "cert-manager.io" or kind not in _ISSUERS:
        return []
    name = _name(reference["name"])
    found = server.get(_ISSUERS[kind].format(namespace=namespace, name=name), f"the {kind} {name}")
    if found is None:
        return [f"there is no {kind} {name}" + (f" in {namespace}" if kind == "Issuer" else "")]
    ready = conditions(found).get("Ready")
    if ready is None:
        return [f"the {kind} {name} was not looked at; check that cert-manager runs and knows issuers of its type"]
    return [] if ready.get("status") == "True" else [f"the {kind} {name} is not ready: {_said(ready)}"]


def _name(value: object) -> str:
    """The name of an object, as part of a path. Raises TypeError, as for any other form, for what is none."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise TypeError
    return value


def conditions(found: JsonObject) -> dict[str, Any]:
    """The conditions of an object by type."""
    return {one["type"]: one for one in (found.get("status") or {}).get("conditions") or []}


def _said(condition: JsonObject) -> str:
    return f"{condition.get('reason') or condition['type']}: {condition.get('message') or 'without a message'}"


def _text(secret: JsonObject, name: str, subject: str) -> str:
    data = secret.get("data") or {}
    if not data.get(name):
        raise NotYetError(f"{subject} has no {name} yet")
    try:
        return base64.b64decode(data[name], validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise ClusterError(
            f"{subject}: its {name} is no PEM text; delete that Secret, and cert-manager issues it again"
        ) from None
