"""What Istio's agent says of why a machine is not let in, told so that a person knows what to do. Pure.

Sources: pkg/istio-agent/xds_proxy.go, security/pkg/nodeagent and pilot/pkg/autoregistration of istio/istio
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_LEVELS: Final = ("\twarn\t", "\terror\t", "\tfatal\t", "\twarning\t", "\tcritical\t")
_REMOTE: Final = re.compile(r"rpc error: code = (\w+) desc = ([^\t\n]*)")
# Said at every start of a machine that has no certificate yet, and of every machine whose CPUs are not counted.
_OF_NO_USE: Final = ("cannot parse the cert chain, using token instead", "concurrency is set to 0")
_MEANING: Final = {
    "Unauthenticated": "istiod rejects its token, which has expired or belongs to another cluster; start the machine "
    "with a new bundle",
    "FailedPrecondition": "what the machine names is not in the cluster that it joins; see whether the bundle is one "
    "of that cluster, and up was run since the stack file was changed",
}
_ENOUGH: Final = 5
"""As often as this says no istiod that is only just coming up."""


def complaint(said: str) -> str:
    """The last complaint of an agent or its Envoy; empty when there is none."""
    lines = _complaints(said)
    remote = [f"{code}: {text}" for line in lines for code, text in _REMOTE.findall(line)]
    if remote:
        return remote[-1].strip()
    return lines[-1].partition("\t")[2][:400].replace("\t", " ") if lines else ""


def refusal(said: str) -> str:
    """Why the machine is refused, and what to do; empty while that cannot be said."""
    found = [pair for line in _complaints(said) for pair in _REMOTE.findall(line) if pair[0] in _MEANING]
    if len(found) < _ENOUGH:
        return ""
    code, text = found[-1]
    return f"istiod refuses it ({text.strip()}): {_MEANING[code]}"


def _complaints(said: str) -> Sequence[str]:
    return [
        line
        for line in said.splitlines()
        if any(level in line for level in _LEVELS) and not any(words in line for words in _OF_NO_USE)
    ]
