"""The plugin process: `python -m meshfleet.plugins.meshfleet`, started by the Pulumi engine."""

from meshfleet.plugins.meshfleet.provider import VERSION, MeshfleetProvider
from meshfleet.plugins.start import start


def main() -> None:
    """Serve until the engine ends; also the program `pulumi-resource-meshfleet` of an environment."""
    start(MeshfleetProvider(), VERSION)


if __name__ == "__main__":
    main()
