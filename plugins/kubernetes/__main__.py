"""Run the stand-in as a Pulumi plugin: `python -m plugins.kubernetes ENGINE_ADDRESS`."""

from __future__ import annotations

from plugins.kubernetes.provider import VERSION, KubernetesProvider
from plugins.start import start


def main() -> None:
    """Serve until the engine is gone; then helms that are still running are asked to end, too."""
    provider = KubernetesProvider()
    start(provider, VERSION, on_engine_death=provider.cancel)


if __name__ == "__main__":
    main()
