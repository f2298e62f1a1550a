"""The plugin process: `python -m plugins.meshfleet`, started by the Pulumi engine."""

from plugins.meshfleet.provider import MeshfleetProvider
from plugins.start import start

VERSION = "0.1.0"

if __name__ == "__main__":
    start(MeshfleetProvider(), VERSION)
