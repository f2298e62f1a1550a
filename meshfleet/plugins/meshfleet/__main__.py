"""The plugin process: `python -m meshfleet.plugins.meshfleet`, started by the Pulumi engine."""

from meshfleet.plugins.meshfleet.provider import VERSION, MeshfleetProvider
from meshfleet.plugins.start import start

if __name__ == "__main__":
    start(MeshfleetProvider(), VERSION)
