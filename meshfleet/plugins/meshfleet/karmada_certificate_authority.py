"""`meshfleet:index:KarmadaCertificateAuthority`: what a control plane of Karmada identifies itself with, and trusts.

All certificates are issued together: for changed inputs, another root, and an end that comes near. Keys are kept, but
for another algorithm. Karmada's programs read them when they start, so that new ones mean a restart.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from meshfleet.errors import CertificateError
from meshfleet.plugins.meshfleet.authority_inputs import (
    Clock,
    any_unknown,
    check_algorithm,
    check_days,
    state_of,
    system_clock,
)
from meshfleet.plugins.meshfleet.certificate_reading import (
    fingerprint,
    is_issued_by,
    key_identifier,
    load_certificate,
    load_private_key,
    not_after,
    require_matching_key,
)
from meshfleet.plugins.meshfleet.certificates import Authority, issued_at
from meshfleet.plugins.meshfleet.handler import UNKNOWN, Created, Difference, Fault, Properties, changed
from meshfleet.plugins.meshfleet.input_checks import check_known, check_names
from meshfleet.plugins.meshfleet.karmada_certificates import PAIRS, KarmadaSpec, expiry, issue

_INPUTS: Final = (
    "rootCertificate",
    "rootPrivateKey",
    "cluster",
    "namespace",
    "algorithm",
    "validityDays",
    "renewBeforeDays",
)
_OF_RENEWAL: Final = "renewBeforeDays"
_MAIN: Final = "authorityCertificate"


class KarmadaCertificateAuthorityHandler:
    """Life cycle of the certificates; see `ResourceHandler`. `clock` tells the time of issue."""

    outputs = frozenset({*PAIRS, *PAIRS.values(), "notAfter", "fingerprint", "state"})
    secret_inputs = frozenset({"rootPrivateKey"})
    secret_outputs = frozenset(PAIRS.values())

    def __init__(self, clock: Clock = system_clock) -> None:
        self._now = clock

    def check(self, inputs: Properties) -> tuple[Properties, list[Fault]]:
        """No defaults."""
        faults = [
            *check_known(inputs, _INPUTS),
            *check_names(inputs, ("cluster", "namespace")),
            *check_algorithm(inputs),
            *check_days(inputs),
        ]
        for name in ("rootCertificate", "rootPrivateKey"):
            value = inputs.get(name)
            if value is not UNKNOWN and not (isinstance(value, str) and value):
                faults.append(Fault(name, "is missing; give the output of a RootCertificateAuthority"))
        return inputs, faults

    def diff(self, old_inputs: Properties, old_outputs: Properties, new_inputs: Properties) -> Difference:
        """Never replaced; `notAfter` changes when they are due, `state` when one is damaged."""
        return Difference(updates=changed(old_inputs, new_inputs) + _due(old_outputs, new_inputs, self._now()))

    def preview(self, old_outputs: Properties | None, new_inputs: Properties) -> Properties:
        """Nothing is known before they are issued: whether inputs differ, only `update` is told."""
        return {}

    def create(self, inputs: Properties, timeout: float) -> Created:
        """New keys and their certificates. `timeout` is not needed: nothing is waited for."""
        outputs = self._issued(inputs, {})
        authority = load_certificate(outputs[_MAIN], _MAIN)
        return Created(f"karmada-{key_identifier(authority)[:16]}", outputs)

    def read(self, identifier: str, inputs: Properties, old_outputs: Properties) -> Properties | None:
        """The same certificates with their state now: `valid until …`, `expired on …` or `damaged: …`."""
        if not old_outputs.get(_MAIN):
            return None
        if found := _damage(old_outputs):
            return old_outputs | {"state": f"damaged: {found}"}
        return old_outputs | {"state": state_of(load_certificate(old_outputs[_MAIN], _MAIN), self._now())}

    def update(
        self,
        identifier: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        timeout: float,
    ) -> Properties:
        """Issue all of them again, with the same keys."""
        if changed(old_inputs, new_inputs) == (_OF_RENEWAL,) and not _due(old_outputs, new_inputs, self._now()):
            return old_outputs
        return self._issued(new_inputs, old_outputs)

    def delete(self, identifier: str, inputs: Properties, old_outputs: Properties, timeout: float) -> None:
        """Nothing to remove: they live in the stack's state and in the release that is made with them."""

    def _issued(self, inputs: Properties, kept: Properties) -> Properties:
        now = self._now()
        root = Authority(inputs["rootCertificate"], inputs["rootPrivateKey"])
        made = issue(root, _spec(inputs), now, {name: kept[name] for name in PAIRS.values() if kept.get(name)})
        authority = load_certificate(made[_MAIN], _MAIN)
        return made | {
            "notAfter": not_after(authority),
            "fingerprint": fingerprint(authority),
            "state": state_of(authority, now),
        }


def _due(outputs: Properties, inputs: Properties, now: datetime) -> tuple[str, ...]:
    """The output whose change says why they are issued again: `state`, `notAfter`, or none."""
    if _damage(outputs):
        return ("state",)
    if any_unknown(inputs):
        return ()
    authority = load_certificate(outputs[_MAIN], _MAIN)
    if now < authority.not_valid_before_utc:
        # The clock was ahead when they were issued: nothing takes them until then.
        return ("state",)
    root, spec = load_certificate(inputs["rootCertificate"], "rootCertificate"), _spec(inputs)
    if not is_issued_by(authority, root) or authority.not_valid_after_utc != expiry(root, spec, issued_at(authority)):
        return ("notAfter",)
    due = authority.not_valid_after_utc - timedelta(days=inputs[_OF_RENEWAL])
    # Those that end with the root gain nothing by being issued again before the root is: no endless renewals.
    return ("notAfter",) if now >= due and expiry(root, spec, now) > authority.not_valid_after_utc else ()


def _damage(outputs: Properties) -> str:
    """What is wrong with the certificates and keys among `outputs`; empty when nothing is."""
    try:
        for name, key in PAIRS.items():
            certificate = load_certificate(str(outputs.get(name, "")), name)
            require_matching_key(certificate, load_private_key(str(outputs.get(key, "")), key), key)
    except CertificateError as error:
        return str(error)
    return ""


def _spec(inputs: Properties) -> KarmadaSpec:
    return KarmadaSpec(
        cluster=inputs["cluster"],
        namespace=inputs["namespace"],
        algorithm=inputs["algorithm"],
        validity_days=inputs["validityDays"],
    )
