"""Run the node agent of an embedded cluster until it is told to end.

    python -m meshfleet.dataplane.node <fleet> <cluster>

What it needs to know lies in its folder: `node.json` and `kubeconfig`.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from meshfleet.dataplane.network import programs
from meshfleet.dataplane.network.place import Place
from meshfleet.dataplane.node.agent import Agent
from meshfleet.dataplane.node.launch import Launcher
from meshfleet.dataplane.node.sources import lay_out
from meshfleet.dataplane.node.spec import read_node, write_node
from meshfleet.embedded.ports import reserved_ports
from meshfleet.errors import FileError, MeshfleetError
from meshfleet.files import read_text
from meshfleet.kube.kubeconfig import connect
from meshfleet.workspace.home import Workspace


def main(arguments: Sequence[str]) -> None:
    """Serve one cluster."""
    fleet, cluster = arguments
    workspace = Workspace.of(fleet)
    directory = workspace.node(cluster)
    place = Place.of(workspace)
    # At once, so that what is missing is known before the node is there.
    lay_out(place)
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    agent = Agent(
        connect=lambda: connect(kubeconfig_in(directory)),
        place=place,
        node=read_node(directory),
        name=f"{cluster}-0",
        forwarding=reserved_ports(workspace.home, workspace.owner("cluster", cluster)).get("kwok-controller", 0),
        launch=Launcher(workspace, place, programs.binaries(place)),
        keep=lambda node: write_node(directory, node),
        said=lambda text: print(f"{datetime.now(UTC):%H:%M:%S} {text}", flush=True),
        stop=stop,
    )
    agent.run()


def kubeconfig_in(directory: Path) -> str:
    """The kubeconfig of the agent whose folder this is. Raises FileError."""
    path = directory / "kubeconfig"
    text = read_text(path)
    if not (text or "").strip("\0 \n"):
        raise FileError(f"{path}: is {'gone' if text is None else 'empty'}; run meshfleet up, which writes it again")
    return str(text)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except MeshfleetError as failure:
        # What `up` shows of the log when the agent has ended.
        sys.exit(f"{failure}")
