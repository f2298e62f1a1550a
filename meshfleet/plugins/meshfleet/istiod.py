"""`meshfleet:index:Istiod`: istiod as a process beside a cluster.

Any change restarts it on the same ports, except for another intermediate under the same roots, which it takes up as
it runs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from meshfleet.embedded.istiod import Istiod
from meshfleet.embedded.istiod_spec import RESERVED_SETTINGS, Authority, IstiodSpec
from meshfleet.plugins.meshfleet.handler import UNKNOWN, Fault, Properties
from meshfleet.plugins.meshfleet.input_checks import (
    check_count,
    check_known,
    check_names,
    check_optional_texts,
    check_texts,
)
from meshfleet.plugins.meshfleet.istiod_address import PORT_NAMES
from meshfleet.plugins.meshfleet.process_handler import RUNNING, ProcessHandler
from meshfleet.versions import BUILT_ISTIO
from meshfleet.workspace.home import Workspace

_IDENTITY: Final = ("fleet", "cluster", "revision")
_NAMES: Final = (*_IDENTITY, "network", "namespace", "meshId")
_AUTHORITY: Final = ("caCertificate", "caKey", "certificateChain", "rootCertificate")
_INPUTS: Final = (
    *_NAMES,
    "trustDomain",
    "kubeconfig",
    "context",
    "address",
    "certificateAuthority",
    "settings",
    "configKubeconfig",
    "release",
)
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class IstiodHandler(ProcessHandler):
    """Life cycle of an istiod process; see `ResourceHandler`."""

    identity = _IDENTITY
    outputs = frozenset({"debugUrl", "version", "state"})
    secret_inputs = frozenset({"kubeconfig", "certificateAuthority", "configKubeconfig"})

    def check(self, inputs: Properties) -> tuple[Properties, list[Fault]]:
        """Defaults: revision `default`, namespace `istio-system`."""
        filled = {"revision": "default", "namespace": "istio-system", **inputs}
        return filled, [
            *check_known(filled, _INPUTS),
            *check_names(filled, _NAMES),
            *check_texts(filled, ("trustDomain", "kubeconfig")),
            *check_optional_texts(filled, ("context", "release")),
            *check_texts({"configKubeconfig": "-", **filled}, ("configKubeconfig",)),
            *_check_address(filled.get("address")),
            *_check_authority(filled.get("certificateAuthority")),
            *_check_settings(filled.get("settings", {})),
        ]

    def preview(self, old_outputs: Properties | None, new_inputs: Properties) -> Properties:
        """The version is the toolchain's; it is known once the process has told it."""
        certain = {"state": RUNNING, **_debug_url(new_inputs)}
        version = (old_outputs or {}).get("version")
        # One of another release reports another.
        reported = str(version).partition("-")[0]
        same = (reported if reported in BUILT_ISTIO else "") == (new_inputs.get("release") or "")
        return certain | ({"version": version} if version is not None and same else {})

    def read(self, identifier: str, inputs: Properties, old_outputs: Properties) -> Properties | None:
        """`state` as it is now; gone when not even its directory is left."""
        found = super().read(identifier, inputs, old_outputs)
        return None if found is None else found | _debug_url(inputs)

    def delete(self, identifier: str, inputs: Properties, old_outputs: Properties, timeout: float) -> None:
        """Ends it and removes its files and keys. Its cluster may be gone."""
        self.process(inputs).delete(inputs.get("kubeconfig"), inputs.get("context"))

    def process(self, inputs: Properties) -> Istiod:
        """The istiod of a revision."""
        return Istiod(Workspace.of(str(inputs["fleet"])), str(inputs["cluster"]), str(inputs["revision"]))

    def start(self, inputs: Properties, timeout: float) -> Properties:
        """Another intermediate under the same roots is taken up as it runs."""
        version = self.process(inputs).start(_spec(inputs), _ports(inputs["address"]), timeout)
        return {"version": version, "state": RUNNING, **_debug_url(inputs)}


def _spec(inputs: Properties) -> IstiodSpec:
    authority = inputs["certificateAuthority"]
    return IstiodSpec(
        cluster=inputs["cluster"],
        revision=inputs["revision"],
        network=inputs["network"],
        namespace=inputs["namespace"],
        mesh_id=inputs["meshId"],
        trust_domain=inputs["trustDomain"],
        kubeconfig=inputs["kubeconfig"],
        context=inputs.get("context"),
        config_kubeconfig=inputs.get("configKubeconfig"),
        release=inputs.get("release") or "",
        authority=Authority(
            certificate=authority["caCertificate"],
            key=authority["caKey"],
            chain=authority["certificateChain"],
            root=authority["rootCertificate"],
        ),
        settings=inputs.get("settings", {}),
    )


def _ports(address: Mapping[str, Any]) -> dict[str, int]:
    return {name: int(address[output]) for output, name in PORT_NAMES.items()}


def _debug_url(inputs: Properties) -> Properties:
    address = inputs["address"]
    port = UNKNOWN if address is UNKNOWN else address["httpPort"]
    return {} if port is UNKNOWN else {"debugUrl": f"http://127.0.0.1:{port}"}


def _check_address(address: Any) -> list[Fault]:
    if address is UNKNOWN:
        return []
    if not isinstance(address, dict):
        return [Fault("address", f"is missing; give the ports of an IstiodAddress: {', '.join(PORT_NAMES)}")]
    return [
        Fault(f"address.{fault.property}", fault.reason)
        for name in PORT_NAMES
        for fault in check_count(address, name, 1, 65535)
    ]


def _check_authority(authority: Any) -> list[Fault]:
    if authority is UNKNOWN:
        return []
    if not isinstance(authority, dict):
        return [Fault("certificateAuthority", f"is missing; give the PEM texts {', '.join(_AUTHORITY)}")]
    return [
        Fault(f"certificateAuthority.{fault.property}", fault.reason) for fault in check_texts(authority, _AUTHORITY)
    ]


def _check_settings(settings: Any) -> list[Fault]:
    if settings is UNKNOWN:
        return []
    if not isinstance(settings, dict):
        return [Fault("settings", f"must be a map of environment variables, got {settings!r}")]
    faults = []
    for name, value in sorted(settings.items()):
        if not _VARIABLE.fullmatch(name):
            faults.append(Fault(f"settings.{name}", "is not the name of an environment variable"))
        elif name in RESERVED_SETTINGS:
            faults.append(Fault(f"settings.{name}", "follows from the other inputs; leave it out"))
        elif value is not UNKNOWN and not isinstance(value, str):
            faults.append(Fault(f"settings.{name}", f'must be a string, as in "true", got {value!r}'))
    return faults
