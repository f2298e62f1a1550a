"""`meshfleet:index:IntermediateCertificateAuthority`: what the istiod of one cluster signs with.

Its outputs are the four keys of the Secret `cacerts`: the certificate, its key, the chain (intermediate, then
root) and the root. A changed input or an end that comes near issues it again in place, with a new key; istiod
takes a new intermediate up without a restart. A renewed root with the same key only renews the chain.
Source: https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from cryptography import x509

from meshfleet.plugins.meshfleet.authority_inputs import (
    Clock,
    any_unknown,
    check_algorithm,
    check_days,
    check_text,
    damaged,
    state_of,
    system_clock,
    usable_certificate,
)
from meshfleet.plugins.meshfleet.certificate_reading import (
    algorithm_of,
    fingerprint,
    is_issued_by,
    key_identifier,
    load_certificate,
    not_after,
)
from meshfleet.plugins.meshfleet.certificates import (
    Authority,
    IntermediateSpec,
    create_intermediate,
    intermediate_expiry,
    intermediate_subject,
    issued_at,
    istiod_name,
)
from meshfleet.plugins.meshfleet.handler import UNKNOWN, Created, Difference, Fault, Properties, changed

DEFAULTS: Final[dict[str, Any]] = {
    "organization": "Istio",
    "algorithm": "ecdsa-p256",
    "validityDays": 730,
    "renewBeforeDays": 90,
    "namespace": "istio-system",
}

# RFC 5280 appendix A.1 for the subject, RFC 1123 for the namespace; PEM texts have no limit worth a number.
LONGEST: Final = {"cluster": 128, "organization": 64, "namespace": 63}


class IntermediateCertificateAuthorityHandler:
    """Life cycle of an intermediate; see `ResourceHandler`. `clock` tells the time of issue."""

    outputs = frozenset({"certificate", "privateKey", "certificateChain", "notAfter", "fingerprint", "state"})
    secret_inputs = frozenset({"rootPrivateKey"})
    secret_outputs = frozenset({"privateKey"})

    def __init__(self, clock: Clock = system_clock) -> None:
        self._now = clock

    def check(self, inputs: Properties) -> tuple[Properties, list[Fault]]:
        """Defaults: `Istio`, `ecdsa-p256`, 730 days, renewed 90 days before, namespace `istio-system`."""
        filled = {**DEFAULTS, **inputs}
        faults = [fault for name, longest in LONGEST.items() for fault in check_text(filled, name, longest)]
        for name in ("rootCertificate", "rootPrivateKey"):
            value = filled.get(name)
            if value is not UNKNOWN and not (isinstance(value, str) and value):
                faults.append(Fault(name, "is missing; give the output of a RootCertificateAuthority"))
        return filled, faults + check_algorithm(filled) + check_days(filled)

    def diff(self, old_inputs: Properties, old_outputs: Properties, new_inputs: Properties) -> Difference:
        """Never replaced; `notAfter` changes when it is issued again, `state` when it is damaged."""
        names = changed(old_inputs, new_inputs)
        return Difference(updates=names + _reissued(old_outputs, new_inputs, self._now()))

    def preview(self, old_outputs: Properties | None, new_inputs: Properties) -> Properties:
        """With nothing to issue again the certificate stays, and the chain is known with its root."""
        if old_outputs is None or any_unknown(new_inputs) or _reissued(old_outputs, new_inputs, self._now()):
            return {}
        kept = Authority(old_outputs["certificate"], old_outputs["privateKey"])
        return _outputs(kept, new_inputs, self._now())

    def create(self, inputs: Properties, timeout: float) -> Created:
        """A new key and its certificate. `timeout` is not needed: nothing is waited for."""
        now = self._now()
        intermediate = _issue(inputs, now)
        certificate = load_certificate(intermediate.certificate, "certificate")
        return Created(f"intermediate-{key_identifier(certificate)[:16]}", _outputs(intermediate, inputs, now))

    def read(self, identifier: str, inputs: Properties, old_outputs: Properties) -> Properties | None:
        """The same certificate with its state now: `valid until …`, `expired on …` or `damaged: …`."""
        if not old_outputs.get("certificate"):
            return None
        if told := damaged(self.outputs, old_outputs):
            return told
        intermediate = Authority(old_outputs["certificate"], old_outputs["privateKey"])
        # The chain as it is: read says what is there, only update changes it.
        return {
            **_outputs(intermediate, inputs, self._now()),
            "certificateChain": old_outputs.get("certificateChain"),
        }

    def update(
        self,
        identifier: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        timeout: float,
    ) -> Properties:
        """Issue again where that is due, else only renew the chain."""
        now = self._now()
        if _reissued(old_outputs, new_inputs, now):
            return _outputs(_issue(new_inputs, now), new_inputs, now)
        return _outputs(Authority(old_outputs["certificate"], old_outputs["privateKey"]), new_inputs, now)

    def delete(self, identifier: str, inputs: Properties, old_outputs: Properties, timeout: float) -> None:
        """Nothing to remove: an intermediate lives in the stack's state and in the `cacerts` made from it."""


def _reissued(old_outputs: Properties, inputs: Properties, now: datetime) -> tuple[str, ...]:
    """The output whose change says why it is issued again: `state`, `notAfter`, or none."""
    certificate = usable_certificate(old_outputs)
    if certificate is None:
        return ("state",)
    if any_unknown(inputs):
        return ()
    if now < certificate.not_valid_before_utc:
        # The clock was ahead when it was issued: nothing takes it until then.
        return ("state",)
    root = load_certificate(inputs["rootCertificate"], "rootCertificate")
    fits = _says(certificate, _spec(inputs)) and is_issued_by(certificate, root)
    expected = intermediate_expiry(root, _spec(inputs), issued_at(certificate))
    if not fits or certificate.not_valid_after_utc != expected:
        return ("notAfter",)
    due = certificate.not_valid_after_utc - timedelta(days=inputs["renewBeforeDays"])
    # One that ends with its root gains nothing by being issued again before the root is: no endless renewals.
    gains = intermediate_expiry(root, _spec(inputs), now) > certificate.not_valid_after_utc
    return ("notAfter",) if now >= due and gains else ()


def _says(certificate: x509.Certificate, spec: IntermediateSpec) -> bool:
    """Whether subject, DNS name and kind of key are those of `spec`."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    return (
        certificate.subject == intermediate_subject(spec)
        and names.get_values_for_type(x509.DNSName) == [istiod_name(spec.namespace)]
        and algorithm_of(certificate) == spec.algorithm
    )


def _issue(inputs: Properties, now: datetime) -> Authority:
    root = Authority(inputs["rootCertificate"], inputs["rootPrivateKey"])
    return create_intermediate(root, _spec(inputs), now)


def _spec(inputs: Properties) -> IntermediateSpec:
    return IntermediateSpec(
        cluster=inputs["cluster"],
        organization=inputs["organization"],
        algorithm=inputs["algorithm"],
        validity_days=inputs["validityDays"],
        namespace=inputs["namespace"],
    )


def _outputs(intermediate: Authority, inputs: Properties, now: datetime) -> Properties:
    certificate = load_certificate(intermediate.certificate, "certificate")
    return {
        "certificate": intermediate.certificate,
        "privateKey": intermediate.private_key,
        "certificateChain": intermediate.certificate + inputs["rootCertificate"],
        "notAfter": not_after(certificate),
        "fingerprint": fingerprint(certificate),
        "state": state_of(certificate, now),
    }
