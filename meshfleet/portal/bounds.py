"""How much the portal takes at once, so that one sender, or one cluster, does not take it away from others.

A watch, a log that is followed and a terminal are open requests for as long as they last. What exceeds a bound is
refused with 429, which clients of Kubernetes try again; what is open goes on. Together they come to 12,000 descriptors:
a connection of a sender, for an upgraded request one to its cluster too, and others by the hundred. Envoy raises its
limit of descriptors to what the system lets it have.
Source: https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge
"""

from __future__ import annotations

from typing import Final

THREADS: Final = 2
"""The workers of Envoy; each counts the requests of a user for itself, and a connection is of one of them."""
OPEN_BY_USER: Final = 400
"""Open requests of a user in a cluster: as many as an API server works on at once (--max-requests-inflight)."""
OPEN_BY_CLUSTER: Final = 4000
"""Open requests of a cluster, of all users together."""
CONNECTIONS_BY_CLUSTER: Final = 4000
"""Connections to a cluster: an upgraded request has one of its own, others share them."""
PENDING_BY_CLUSTER: Final = 1000
"""Requests of a cluster that wait for a connection, as while it is not reachable."""
CONNECTIONS: Final = 4000
"""Connections of senders, of all together: more are closed as they come."""
STREAMS: Final = 100
"""Requests over one connection at once, as API servers have it: clients open another for more."""
IDLE: Final = "300s"
"""After so long a connection without a request is closed; clients open another."""
