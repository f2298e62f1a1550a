"""The plugin process: `python -m plugins.meshfleet`, started by the Pulumi engine."""

from plugins.meshfleet.provider import VERSION, MeshfleetProvider
from plugins.start import start

if __name__ == "__main__":
    start(MeshfleetProvider(), VERSION)
