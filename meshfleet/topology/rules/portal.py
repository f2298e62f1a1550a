"""The portal is a process on this machine, beside a host whose istiod is one too."""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.topology.draft import Draft
from meshfleet.topology.names import LABEL_LENGTH, label_fault

_OWN = "meshfleet-portal"


def portal(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for a portal that the host cannot have, and for accounts that can be in no cluster."""
    declared = draft.portal
    if declared is None:
        return
    host = draft.clusters.get(draft.host)
    if host and host.capabilities.istiod_runtime != "process":
        yield Fault(
            "portal",
            f"the host {shown(draft.host)} is a cluster of the provider {host.provider}, whose pods are real, and the "
            "portal runs only as a process beside an embedded host; name an embedded cluster as host, or leave the "
            "portal out",
        )
    people = draft.identities
    for section, called in (
        ("users", {name: people.username(name) for name in people.users}),
        ("groups", {name: people.group_name(name) for name in people.groups}),
    ):
        for name, known in called.items():
            if not known.isascii():
                yield Fault(
                    f"identities.{section}.{name}",
                    f"is {shown(known)} to clusters, which no header of the portal can have; give a name of ASCII "
                    "characters, or leave the portal out",
                )
    for name in declared.oidc:
        if fault := label_fault(name, LABEL_LENGTH, "as other names here"):
            yield Fault(f"portal.oidc.{name}", fault)
    for position, account in enumerate(declared.service_accounts):
        if fault := label_fault(account.name, LABEL_LENGTH, "since it names a ServiceAccount"):
            yield Fault(f"portal.serviceAccounts[{position}].name", fault)
        path = f"portal.serviceAccounts[{position}].namespace"
        if account.namespace == _OWN:
            yield Fault(path, f"{_OWN} is the portal's own, which is never impersonated; name another one")
        elif account.namespace not in draft.names["namespaces"] and account.namespace != "default":
            known = ", ".join(draft.names["namespaces"]) or "none"
            yield Fault(path, f"no namespace is named {shown(account.namespace)}; known are {known}, and default")
