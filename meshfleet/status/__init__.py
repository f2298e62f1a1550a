"""The status of a fleet: one typed, versioned document that says what the fleet is.

The program writes it as the stack's output `fleet` (`write_status`); `status`, `verify`, the picture, the rollout and
other programs read it (`read_status`, and `read_deployed` and `read_evictions` for the parts that `up` starts from).
Documents of earlier versions are upgraded when they are read; one of a later version is refused. Nothing in it is
secret.
"""

from meshfleet.status.document import Status
from meshfleet.status.reading import read_deployed, read_evictions, read_status
from meshfleet.status.version import VERSION
from meshfleet.status.writing import without_clusters, write_status

__all__ = ["VERSION", "Status", "read_deployed", "read_evictions", "read_status", "without_clusters", "write_status"]
