"""The names of images that the fleet builds itself, for nodes that are containers (scripts/kind-images).

Pure: documents name them, and what builds them is elsewhere. A tag is the commit of the toolchain's Istio, so that
another Istio is another image.
"""

from __future__ import annotations

from typing import Final

ISTIO_HUB: Final = "meshfleet.local/istio"
"""Where the built images of Istio are, in place of docker.io/istio."""
ISTIO_TAG: Final = "eed52ebb66ad"
"""The commit of the Istio that the toolchain builds by itself (meshfleet/toolchain/modules/istio/go.mod)."""
ECHO_IMAGE: Final = f"{ISTIO_HUB}/app:{ISTIO_TAG}"
"""Istio's echo server; the client with which requests are sent is in it too."""
NEVER_PULLED: Final = "Never"
"""The pull policy of built images: no registry has them, and a pull that fails blocks the pulls of others."""
