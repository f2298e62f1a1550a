"""The inputs that both kinds of certificate authority have, checked, and the names of a certificate's states.

Limits: names in a subject by RFC 5280 appendix A.1 (ub-common-name and ub-organization-name 64,
ub-locality-name 128).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

from cryptography import x509

from meshfleet.errors import CertificateError
from meshfleet.plugins.meshfleet.certificate_reading import (
    ALGORITHMS,
    load_certificate,
    load_private_key,
    not_after,
    require_matching_key,
    timestamp,
)
from meshfleet.plugins.meshfleet.handler import UNKNOWN, Fault, Properties

Clock = Callable[[], datetime]

MAXIMUM_DAYS: Final = 36500


def system_clock() -> datetime:
    """Now, with a time zone; tests give the handlers another clock."""
    return datetime.now(UTC)


def check_text(inputs: Properties, name: str, longest: int) -> list[Fault]:
    """A required string of 1 to `longest` characters."""
    value = inputs.get(name)
    if value is UNKNOWN or (isinstance(value, str) and 1 <= len(value) <= longest):
        return []
    return [Fault(name, f"must be a string of 1 to {longest} characters, got {value!r}")]


def check_algorithm(inputs: Properties) -> list[Fault]:
    """One of the algorithms a key can be made for."""
    value = inputs.get("algorithm")
    if value is UNKNOWN or value in ALGORITHMS:
        return []
    return [Fault("algorithm", f"must be one of {', '.join(ALGORITHMS)}, got {value!r}")]


def check_days(inputs: Properties) -> list[Fault]:
    """Whole days: validity at least one, and renewal within the validity, else every run would renew."""
    faults = []
    for name, lowest in (("validityDays", 1), ("renewBeforeDays", 0)):
        value = inputs.get(name)
        if value is UNKNOWN:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= MAXIMUM_DAYS:
            faults.append(Fault(name, f"must be a whole number of days from {lowest} to {MAXIMUM_DAYS}, got {value!r}"))
    validity, renewal = inputs.get("validityDays"), inputs.get("renewBeforeDays")
    if not faults and isinstance(validity, int) and isinstance(renewal, int) and renewal >= validity:
        faults.append(
            Fault("renewBeforeDays", f"{renewal} is not below validityDays {validity}; every run would renew")
        )
    return faults


def any_unknown(inputs: Properties) -> bool:
    """Whether a preview does not know all inputs yet."""
    return any(value is UNKNOWN for value in inputs.values())


def usable_certificate(outputs: Properties) -> x509.Certificate | None:
    """The certificate among `outputs` if it and its private key are intact and belong together, else None."""
    return None if damage(outputs) else load_certificate(str(outputs["certificate"]), "certificate")


def damage(outputs: Properties) -> str:
    """What is wrong with the certificate and private key among `outputs`; empty when nothing is."""
    try:
        certificate = load_certificate(str(outputs.get("certificate", "")), "certificate")
        key = load_private_key(str(outputs.get("privateKey", "")), "privateKey")
        require_matching_key(certificate, key, "privateKey")
    except CertificateError as error:
        return str(error)
    return ""


def damaged(names: Iterable[str], outputs: Properties) -> Properties | None:
    """The `outputs` of these names with a state that says what is damaged; None when nothing is."""
    found = damage(outputs)
    return {**{name: outputs.get(name) for name in names}, "state": f"damaged: {found}"} if found else None


def state_of(certificate: x509.Certificate, now: datetime) -> str:
    """`valid until …`, `expired on …` or `not valid before …`: what `refresh` compares."""
    if now > certificate.not_valid_after_utc:
        return f"expired on {not_after(certificate)}"
    if now < certificate.not_valid_before_utc:
        return f"not valid before {timestamp(certificate.not_valid_before_utc)}"
    return f"valid until {not_after(certificate)}"
