"""`meshfleet:index:RootCertificateAuthority`: the root that every cluster of one mesh trusts.

Another subject or algorithm makes another root, so it replaces; its intermediates follow.
A root near its end is renewed in place with the same key and subject, which keeps all it has issued valid.
Background: https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from meshfleet.plugins.meshfleet.authority_inputs import (
    Clock,
    any_unknown,
    check_algorithm,
    check_days,
    check_text,
    damage,
    damaged,
    state_of,
    system_clock,
    usable_certificate,
)
from meshfleet.plugins.meshfleet.certificate_reading import fingerprint, key_identifier, load_certificate, not_after
from meshfleet.plugins.meshfleet.certificates import Authority, RootSpec, create_root, issued_at, renew_root
from meshfleet.plugins.meshfleet.handler import Created, Difference, Fault, Properties, changed

DEFAULTS: Final[dict[str, Any]] = {
    "organization": "Istio",
    "algorithm": "ecdsa-p256",
    "validityDays": 3650,
    "renewBeforeDays": 365,
}

REPLACING: Final = frozenset({"commonName", "organization", "algorithm"})


class RootCertificateAuthorityHandler:
    """Life cycle of a root; see `ResourceHandler`. `clock` tells the time of issue and of expiry."""

    outputs = frozenset({"certificate", "privateKey", "notAfter", "fingerprint", "state"})
    secret_inputs: frozenset[str] = frozenset()
    secret_outputs = frozenset({"privateKey"})

    def __init__(self, clock: Clock = system_clock) -> None:
        self._now = clock

    def check(self, inputs: Properties) -> tuple[Properties, list[Fault]]:
        """Defaults: organization `Istio`, `ecdsa-p256`, 3650 days, renewed 365 days before the end."""
        filled = {**DEFAULTS, **inputs}
        texts = [fault for name in ("commonName", "organization") for fault in check_text(filled, name, 64)]
        return filled, texts + check_algorithm(filled) + check_days(filled)

    def diff(self, old_inputs: Properties, old_outputs: Properties, new_inputs: Properties) -> Difference:
        """Replaced for another subject or algorithm; `notAfter` when renewal is due, `state` when damaged."""
        names = changed(old_inputs, new_inputs)
        replaces = tuple(name for name in names if name in REPLACING)
        if replaces:
            return Difference(updates=tuple(name for name in names if name not in REPLACING), replaces=replaces)
        return Difference(updates=names + _reissued(old_outputs, new_inputs, self._now()))

    def preview(self, old_outputs: Properties | None, new_inputs: Properties) -> Properties:
        """A renewal keeps the key; with nothing to renew everything stays."""
        if old_outputs is None or any_unknown(new_inputs) or damage(old_outputs):
            return {}
        kept = {"privateKey"} if _reissued(old_outputs, new_inputs, self._now()) else self.outputs
        return {name: old_outputs[name] for name in kept if name in old_outputs}

    def create(self, inputs: Properties, timeout: float) -> Created:
        """A new key and a certificate signed by it. `timeout` is not needed: nothing is waited for."""
        now = self._now()
        root = create_root(_spec(inputs), now)
        certificate = load_certificate(root.certificate, "certificate")
        return Created(f"root-{key_identifier(certificate)[:16]}", _outputs(root, now))

    def read(self, identifier: str, inputs: Properties, old_outputs: Properties) -> Properties | None:
        """The same certificate with its state now: `valid until …`, `expired on …` or `damaged: …`."""
        if not old_outputs.get("certificate"):
            return None
        if told := damaged(self.outputs, old_outputs):
            return told
        return _outputs(Authority(old_outputs["certificate"], old_outputs["privateKey"]), self._now())

    def update(
        self,
        identifier: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        timeout: float,
    ) -> Properties:
        """Renew with the same key where that is due; only a damaged key gives way to a new one."""
        now = self._now()
        if damage(old_outputs):
            return _outputs(create_root(_spec(new_inputs), now), now)
        root = Authority(old_outputs["certificate"], old_outputs["privateKey"])
        if _reissued(old_outputs, new_inputs, now):
            root = renew_root(root, _spec(new_inputs), now)
        return _outputs(root, now)

    def delete(self, identifier: str, inputs: Properties, old_outputs: Properties, timeout: float) -> None:
        """Nothing to remove: a root lives in the stack's state alone."""


def _reissued(old_outputs: Properties, inputs: Properties, now: datetime) -> tuple[str, ...]:
    """The output whose change says why the root is issued again: `state`, `notAfter`, or none."""
    certificate = usable_certificate(old_outputs)
    if certificate is None:
        return ("state",)
    if any_unknown(inputs):
        return ()
    if now < certificate.not_valid_before_utc:
        # The clock was ahead when it was issued: nothing takes it until then.
        return ("state",)
    lifetime = certificate.not_valid_after_utc - issued_at(certificate)
    due = certificate.not_valid_after_utc - timedelta(days=inputs["renewBeforeDays"])
    return ("notAfter",) if now >= due or lifetime != timedelta(days=inputs["validityDays"]) else ()


def _spec(inputs: Properties) -> RootSpec:
    return RootSpec(
        common_name=inputs["commonName"],
        organization=inputs["organization"],
        algorithm=inputs["algorithm"],
        validity_days=inputs["validityDays"],
    )


def _outputs(root: Authority, now: datetime) -> Properties:
    certificate = load_certificate(root.certificate, "certificate")
    return {
        "certificate": root.certificate,
        "privateKey": root.private_key,
        "notAfter": not_after(certificate),
        "fingerprint": fingerprint(certificate),
        "state": state_of(certificate, now),
    }
