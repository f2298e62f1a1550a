"""Run the node agent of an embedded cluster until it is told to end.

    python -m embedded.node <fleet> <cluster>

What it needs to know lies in its folder: `node.json` and `kubeconfig`.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from types import FrameType

from embedded.kubeconfig import connect
from embedded.network import programs
from embedded.network.place import Place
from embedded.node.agent import Agent
from embedded.node.launch import Launcher
from embedded.node.sources import copies, sources
from embedded.node.spec import read_node, write_node
from embedded.ports import reserved_ports
from embedded.workspace import Workspace


def main(arguments: Sequence[str]) -> None:
    """Serve one cluster."""
    fleet, cluster = arguments
    workspace = Workspace.of(fleet)
    directory = workspace.node(cluster)
    place = Place.of(workspace)
    binaries = programs.lay_out(place, copies())
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    agent = Agent(
        connect=lambda: connect((directory / "kubeconfig").read_text(encoding="utf-8")),
        place=place,
        node=read_node(directory),
        name=f"{cluster}-0",
        forwarding=reserved_ports(workspace.home, workspace.owner("cluster", cluster)).get("kwok-controller", 0),
        launch=Launcher(workspace, place, sources(), copies(), binaries),
        keep=lambda node: write_node(directory, node),
        said=lambda text: print(f"{datetime.now(UTC):%H:%M:%S} {text}", flush=True),
        stop=stop,
    )
    agent.run()


if __name__ == "__main__":
    main(sys.argv[1:])
