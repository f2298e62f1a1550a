"""Run the stand-in as a Pulumi plugin: `python -m meshfleet.plugins.kubernetes ENGINE_ADDRESS`."""

from __future__ import annotations

from meshfleet.plugins.kubernetes.provider import VERSION, KubernetesProvider
from meshfleet.plugins.start import start


def main() -> None:
    """Serve until the engine is gone; then helms that are still running are asked to end, too."""
    provider = KubernetesProvider()

    def end() -> None:
        # Only where it was of use: an ordinary start is quicker without it.
        from meshfleet.plugins.kubernetes.helm import remove_private_files

        provider.cancel()
        remove_private_files()

    start(provider, VERSION, on_engine_death=end)


if __name__ == "__main__":
    main()
