"""How checks reach what runs in a cluster: the debug API and logs of istiods, and pods that send requests.

Two ways: `local`, for processes on this machine, and `through_api_server`, for pods on the nodes of a cluster. The
status of a cluster determines the way (`chosen`): where its istiod is, and whether its pods run. A check judges what it
is given and does not know the way.
"""

from meshfleet.verification.access.base import Answer, IstiodAccess, PodAccess
from meshfleet.verification.access.chosen import istiod_access, pod_access
from meshfleet.verification.access.several import each_istiod

__all__ = ["Answer", "IstiodAccess", "PodAccess", "each_istiod", "istiod_access", "pod_access"]
