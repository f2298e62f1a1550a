"""`meshfleet:index:IssuedRoot` and `…:IssuedIntermediate`: certificates that something else has issued.

The state keeps them while the files that they came from hold others already, so that a mesh goes from one root to the
next in stages: until the next one signs, the program registers them with `ignore_changes` and no content, and the
engine hands on what was recorded. The key is a secret from birth.
"""

from __future__ import annotations

from typing import Final

from meshfleet.errors import CertificateError
from meshfleet.plugins.meshfleet.authority_inputs import Clock, state_of, system_clock
from meshfleet.plugins.meshfleet.certificate_reading import fingerprint, load_certificate, not_after
from meshfleet.plugins.meshfleet.handler import UNKNOWN, Created, Difference, Fault, Properties, changed

MISSING: Final = (
    "is not recorded, and the files of the stack hold another one; restore the files that it was issued in, and run "
    "up again"
)


class IssuedRootHandler:
    """Life cycle of a root from a file; see `ResourceHandler`. Another certificate is another root."""

    texts: tuple[str, ...] = ("certificate",)
    outputs = frozenset({"notAfter", "fingerprint", "state"})
    secret_inputs: frozenset[str] = frozenset()
    secret_outputs: frozenset[str] = frozenset()

    def __init__(self, clock: Clock = system_clock) -> None:
        self._now = clock

    def check(self, inputs: Properties) -> tuple[Properties, list[Fault]]:
        """Each text is there, and the certificate can be read; the program has checked that they belong together."""
        faults = [
            Fault(name, MISSING)
            for name in self.texts
            if inputs.get(name) is not UNKNOWN and not (isinstance(inputs.get(name), str) and inputs[name])
        ]
        if not faults and inputs["certificate"] is not UNKNOWN:
            try:
                load_certificate(inputs["certificate"], "certificate")
            except CertificateError as error:
                faults.append(Fault("certificate", str(error).partition(": ")[2]))
        return inputs, faults

    def diff(self, old_inputs: Properties, old_outputs: Properties, new_inputs: Properties) -> Difference:
        """Changed in place, by its texts."""
        return Difference(updates=changed(old_inputs, new_inputs))

    def preview(self, old_outputs: Properties | None, new_inputs: Properties) -> Properties:
        """All follows from the certificate."""
        return {} if new_inputs["certificate"] is UNKNOWN else self._outputs(new_inputs)

    def create(self, inputs: Properties, timeout: float) -> Created:
        """Nothing is issued. `timeout` is not needed: nothing is waited for."""
        outputs = self._outputs(inputs)
        return Created(f"issued-{outputs['fingerprint'][:16]}", outputs)

    def read(self, identifier: str, inputs: Properties, old_outputs: Properties) -> Properties | None:
        """The same certificate with its state now: `valid until …` or `expired on …`."""
        return self._outputs(inputs) if inputs.get("certificate") else None

    def update(
        self,
        identifier: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        timeout: float,
    ) -> Properties:
        """What the new certificate says."""
        return self._outputs(new_inputs)

    def delete(self, identifier: str, inputs: Properties, old_outputs: Properties, timeout: float) -> None:
        """Nothing to remove: it lives in the state of the stack and in the `cacerts` made from it."""

    def _outputs(self, inputs: Properties) -> Properties:
        certificate = load_certificate(inputs["certificate"], "certificate")
        return {
            "notAfter": not_after(certificate),
            "fingerprint": fingerprint(certificate),
            "state": state_of(certificate, self._now()),
        }


class IssuedIntermediateHandler(IssuedRootHandler):
    """The intermediate of one cluster, with its key and the chain from it to the root."""

    texts = ("certificate", "privateKey", "certificateChain")
    secret_inputs = frozenset({"privateKey"})
