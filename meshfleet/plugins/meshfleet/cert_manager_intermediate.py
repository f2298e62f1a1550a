"""`meshfleet:index:CertManagerIntermediate`: the intermediate of one cluster, as cert-manager has issued it.

It creates no object: the Certificate is one of the stack's documents. It waits until that is issued below the root that
signs, and keeps what was issued in the state, the key as a secret from birth. What cert-manager has renewed since is a
difference that every preview sees.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from meshfleet.errors import CertificateError, ClusterError, MeshfleetError
from meshfleet.kube.cert_manager import issued, try_again
from meshfleet.kube.releases.server import Server, connected
from meshfleet.plugins.meshfleet.authority_inputs import Clock, check_days, damage, state_of, system_clock
from meshfleet.plugins.meshfleet.certificate_reading import (
    fingerprint,
    is_authority,
    is_issued_by,
    load_certificate,
    load_certificates,
    load_private_key,
    name_of,
    not_after,
    require_matching_key,
    timestamp,
)
from meshfleet.plugins.meshfleet.handler import UNKNOWN, Created, Difference, Fault, Properties, changed
from meshfleet.plugins.meshfleet.input_checks import (
    LONGEST_OBJECT_NAME,
    check_known,
    check_names,
    check_optional_texts,
    check_texts,
)
from meshfleet.processes.waiting import NotYetError, wait_until

LATE: Final = "not renewed"
UNSEEN: Final = "unknown: "
NOT_RECORDED: Final = (
    "no intermediate below the root that still signs is recorded, and its issuer is not in the stack file any more; "
    "write the issuer and the root of before, run up, and then change them"
)
_PARTS: Final = ("certificate", "privateKey", "certificateChain")
_INPUTS: Final = (
    "cluster",
    "namespace",
    "name",
    "kubeconfig",
    "context",
    "rootCertificate",
    "request",
    "validityDays",
    "renewBeforeDays",
    "keep",
)
_SECONDS: Final = 90.0
# cert-manager renews at that moment by itself, and tries again after a failure.
_GRACE: Final = timedelta(hours=1)


class CertManagerIntermediateHandler:
    """Life cycle of what was issued; see `ResourceHandler`."""

    outputs = frozenset({*_PARTS, "notAfter", "fingerprint", "state"})
    secret_inputs = frozenset({"kubeconfig"})
    secret_outputs = frozenset({"privateKey"})

    def __init__(self, clock: Clock = system_clock) -> None:
        self._now = clock

    def check(self, inputs: Properties) -> tuple[Properties, list[Fault]]:
        """No defaults. `request` is what the Certificate says: another one is waited for.

        With `keep` nothing is looked at: what is recorded stays while its root still signs and another issuer comes.
        """
        if inputs.get("keep") and not inputs.get("kubeconfig"):
            return inputs, [Fault("keep", NOT_RECORDED)]
        faults = [
            *check_known(inputs, _INPUTS),
            *check_names(inputs, ("cluster", "namespace")),
            *check_names(inputs, ("name",), LONGEST_OBJECT_NAME),
            *check_texts(inputs, ("kubeconfig", "rootCertificate")),
            *check_optional_texts(inputs, ("context",)),
            *check_days(inputs),
        ]
        if inputs.get("request") is not UNKNOWN and not isinstance(inputs.get("request"), dict):
            faults.append(Fault("request", "is missing; must be the spec of the Certificate"))
        if inputs.get("keep") not in (None, True, False, UNKNOWN):
            faults.append(Fault("keep", f"must be true or false, got {inputs['keep']!r}"))
        return inputs, faults

    def diff(self, old_inputs: Properties, old_outputs: Properties, new_inputs: Properties) -> Difference:
        """`certificate` differs when cert-manager has renewed it; `state` when it is damaged, or has not in time."""
        updates = changed(old_inputs, new_inputs)
        if updates or UNKNOWN in new_inputs.values():
            return Difference(updates)
        if new_inputs.get("keep"):
            return Difference()
        if damage(old_outputs) or self._late(new_inputs, old_outputs):
            return Difference(("state",))
        if (found := _found(new_inputs)) is None:
            return Difference()
        if found["certificate"] != old_outputs["certificate"]:
            return Difference(("certificate",))
        return Difference(("state",) if str(old_outputs.get("state")).startswith(UNSEEN) else ())

    def preview(self, old_outputs: Properties | None, new_inputs: Properties) -> Properties:
        """What is issued already, for what is requested now."""
        if UNKNOWN in new_inputs.values() or old_outputs is None or damage(old_outputs):
            return {}
        if new_inputs.get("keep"):
            return old_outputs
        found = _found(new_inputs, as_requested=True)
        return self._told(new_inputs, found) if found else {}

    def create(self, inputs: Properties, timeout: float) -> Created:
        """Waits until it is issued."""
        return Created(f"{inputs['namespace']}/{inputs['name']}", self._await(inputs, timeout))

    def read(self, identifier: str, inputs: Properties, old_outputs: Properties) -> Properties | None:
        """What is issued now; what was recorded, with the reason in `state`, where nothing usable is."""
        if inputs.get("keep"):
            return old_outputs
        try:
            with connected(inputs["kubeconfig"], inputs.get("context")) as server:
                return self._told(inputs, _usable(server, inputs))
        except (NotYetError, MeshfleetError) as error:
            return {**old_outputs, "state": f"{UNSEEN}{error}"}

    def update(
        self,
        identifier: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        timeout: float,
    ) -> Properties:
        """Waits until it is issued as it is to be now, unless it is kept."""
        return old_outputs if new_inputs.get("keep") else self._await(new_inputs, timeout)

    def delete(self, identifier: str, inputs: Properties, old_outputs: Properties, timeout: float) -> None:
        """Nothing was created; what is issued goes with the namespace of the Certificate."""

    def _await(self, inputs: Properties, timeout: float) -> Properties:
        with connected(inputs["kubeconfig"], inputs.get("context")) as server:
            try_again(server, inputs["namespace"], inputs["name"], self._now())
            found = wait_until(
                lambda: _usable(server, inputs),
                f"cert-manager to issue the intermediate of {inputs['cluster']} (Certificate {inputs['name']} in "
                f"{inputs['namespace']})",
                timeout or _SECONDS,
                "correct what it says, and run meshfleet up again; until then the cluster signs with what it has",
                failure=ClusterError,
            )
        outputs = self._told(inputs, found)
        if self._now() > load_certificate(outputs["certificate"], "certificate").not_valid_after_utc:
            raise ClusterError(
                f"the intermediate of {inputs['cluster']} expired on {outputs['notAfter']}, and cert-manager has not "
                f"renewed it; see kubectl describe certificate {inputs['name']} -n {inputs['namespace']}, and run "
                "meshfleet up again"
            )
        return outputs

    def _told(self, inputs: Properties, found: Properties) -> Properties:
        certificate = load_certificate(found["certificate"], "certificate")
        state = state_of(certificate, self._now())
        if self._late(inputs, found):
            due = _due(inputs, certificate)
            state = f"{LATE} by cert-manager since {timestamp(due)}, {state}"
        return {**found, "notAfter": not_after(certificate), "fingerprint": fingerprint(certificate), "state": state}

    def _late(self, inputs: Properties, outputs: Properties) -> bool:
        """Whether cert-manager should have renewed it by now."""
        certificate = load_certificate(outputs["certificate"], "certificate")
        return self._now() > _due(inputs, certificate) + _GRACE


def _due(inputs: Properties, certificate: x509.Certificate) -> datetime:
    """When cert-manager renews it: at two thirds of its life where its issuer has given it less than was requested.

    Source: RenewalTime in pkg/util/pki/renewaltime.go of cert-manager
    """
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    before = timedelta(days=inputs["renewBeforeDays"])
    return end - (before if before < end - begin else (end - begin) / 3)


def _found(inputs: Properties, *, as_requested: bool = False) -> Properties | None:
    """What is issued now; None where nothing usable is, for what is requested now, or the cluster does not respond."""
    try:
        with connected(inputs["kubeconfig"], inputs.get("context")) as server:
            return _usable(server, inputs, as_requested=as_requested)
    except (NotYetError, MeshfleetError):
        return None


def _usable(server: Server, inputs: Properties, *, as_requested: bool = False) -> Properties:
    """The parts that an istiod can sign with. Raises NotYetError as long as they are not below the root that signs."""
    parts = issued(server, inputs["namespace"], inputs["name"])
    if as_requested and any(parts.request.get(name) != value for name, value in inputs["request"].items()):
        raise NotYetError("it was issued for another request")
    root = load_certificate(inputs["rootCertificate"], "rootCertificate")
    try:
        certificate, *between = load_certificates(parts.certificate, "tls.crt")
        require_matching_key(certificate, load_private_key(parts.key, "tls.key"), "tls.key")
    except CertificateError as error:
        raise NotYetError(f"what is in its Secret cannot be used: {error}") from None
    if not is_authority(certificate):
        raise NotYetError(
            f"its issuer has signed {name_of(certificate)} as no certificate authority; have it sign CA:TRUE, as Vault "
            "does at pki/root/sign-intermediate"
        )
    path = [certificate, *(one for one in between if one != root)]
    for lower, upper in pairwise([*path, root]):
        if not is_issued_by(lower, upper):
            raise NotYetError(f"{name_of(lower)} of {lower.issuer.rfc4514_string()} was not signed by {name_of(upper)}")
    pem = [one.public_bytes(Encoding.PEM).decode() for one in path]
    return {
        "certificate": pem[0],
        "privateKey": parts.key,
        "certificateChain": f"{''.join(pem)}{inputs['rootCertificate'].strip()}\n",
    }
