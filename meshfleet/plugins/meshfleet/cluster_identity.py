"""`meshfleet:index:ClusterIdentity`: which cluster a kubeconfig led to when the stack first used it.

It makes nothing. What the stack has in an existing cluster gets its kubeconfig through this resource, so that nothing
in a cluster is touched while that kubeconfig leads to another cluster than the recorded one: the resource fails, and
the engine passes over all that depends on it. Going on with another cluster is a decision that `meshfleet up` makes
(meshfleet/topology/identities.py); the engine by itself would delete the old objects there, by their names.
"""

from __future__ import annotations

from typing import Final

from meshfleet.errors import ClusterError
from meshfleet.kube.identity import read_identity
from meshfleet.plugins.meshfleet.handler import UNKNOWN, Created, Difference, Fault, Properties, changed
from meshfleet.plugins.meshfleet.input_checks import check_known, check_names, check_optional_texts, check_texts

SAME: Final = "recorded"


class ClusterIdentityHandler:
    """Life cycle of the record; see `ResourceHandler`."""

    outputs = frozenset({"identity", "state"})
    secret_inputs = frozenset({"kubeconfig"})
    secret_outputs: frozenset[str] = frozenset()

    def check(self, inputs: Properties) -> tuple[Properties, list[Fault]]:
        """No defaults."""
        return inputs, [
            *check_known(inputs, ("cluster", "kubeconfig", "context")),
            *check_names(inputs, ("cluster",)),
            *check_texts(inputs, ("kubeconfig",)),
            *check_optional_texts(inputs, ("context",)),
        ]

    def diff(self, old_inputs: Properties, old_outputs: Properties, new_inputs: Properties) -> Difference:
        """`identity` differs when another cluster responds, and when the first one can be recorded at last."""
        updates = changed(old_inputs, new_inputs)
        identity, _ = _read(new_inputs)
        return Difference((*updates, "identity") if identity and identity != old_outputs.get("identity") else updates)

    def preview(self, old_outputs: Properties | None, new_inputs: Properties) -> Properties:
        """Fails as `update` would, so that a preview shows it."""
        before = (old_outputs or {}).get("identity")
        identity, _ = _read(new_inputs)
        _require_same(new_inputs, before, identity)
        return {"identity": before or identity or UNKNOWN, "state": SAME if before or identity else UNKNOWN}

    def create(self, inputs: Properties, timeout: float) -> Created:
        """Records what answers. A cluster that cannot be read now is recorded once it can."""
        return Created(str(inputs["cluster"]), _recorded(inputs, None))

    def read(self, identifier: str, inputs: Properties, old_outputs: Properties) -> Properties | None:
        """`state` says what answers now; the recorded identity stays, whatever it is."""
        before = old_outputs.get("identity")
        identity, reason = _read(inputs)
        if reason:
            return old_outputs
        return old_outputs | {"state": f"another cluster: {identity}" if before and identity != before else SAME}

    def update(
        self,
        identifier: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        timeout: float,
    ) -> Properties:
        """Another kubeconfig for the same cluster. Raises ClusterError for another cluster."""
        return _recorded(new_inputs, old_outputs.get("identity"))

    def delete(self, identifier: str, inputs: Properties, old_outputs: Properties, timeout: float) -> None:
        """Nothing was made."""


def _recorded(inputs: Properties, before: str | None) -> Properties:
    identity, reason = _read(inputs)
    _require_same(inputs, before, identity)
    return {"identity": before or identity, "state": SAME if before or identity else f"not recorded: {reason}"}


def _read(inputs: Properties) -> tuple[str, str]:
    """The identity of what answers, or empty and the reason."""
    kubeconfig = inputs["kubeconfig"]
    if kubeconfig is UNKNOWN:
        return "", "the kubeconfig is not known yet"
    try:
        return read_identity(kubeconfig, inputs.get("context")), ""
    except ClusterError as error:
        return "", str(error)


def _require_same(inputs: Properties, before: str | None, identity: str) -> None:
    if before and identity and identity != before:
        raise ClusterError(
            f"{inputs['cluster']}: its kubeconfig leads to another cluster ({identity}) than the one of this stack "
            f"({before}); nothing is changed there; run meshfleet preview with this stack for the options"
        )
