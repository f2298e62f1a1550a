"""Make the images of clusters in containers, or start and stop the Docker engine that runs them."""

from __future__ import annotations

import argparse
import sys

from meshfleet.errors import MeshfleetError


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit code: 0 done, 1 something is missing or cannot be made."""
    parser = argparse.ArgumentParser(prog="scripts/kind-images", description=__doc__)
    parser.add_argument("--check", action="store_true", help="make nothing; exit 1 and say what is missing")
    parser.add_argument(
        "--engine",
        choices=("start", "stop", "status"),
        help="make nothing; start or stop the Docker engine, or print whether it runs and what",
    )
    parser.add_argument("--force", action="store_true", help="with --engine stop: end containers that still run")
    options = parser.parse_args(arguments)
    if options.force and options.engine != "stop":
        parser.error("--force goes with --engine stop")
    try:
        if options.engine:
            return _engine(options.engine, force=options.force)
        return _check() if options.check else _build()
    except MeshfleetError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the next run continues from here", file=sys.stderr)
        return 130


def _check() -> int:
    from meshfleet.containers.images import find_images

    images = find_images()
    missing = images.missing()
    print(f"{images.node}: {missing}" if missing else images.node, file=sys.stderr if missing else sys.stdout)
    return 1 if missing else 0


def _build() -> int:
    from meshfleet.containers.images.build import build_images
    from meshfleet.toolchain.progress import progress_for

    print(build_images(progress_for()).node)
    return 0


def _engine(what: str, *, force: bool) -> int:
    from meshfleet.containers.engine import find_engine

    engine = find_engine()
    if what == "start":
        engine.start()
    elif what == "stop":
        engine.stop(force=force)
    running = engine.is_running()
    print(f"{engine.place.socket}: {'runs' if running else 'does not run'}")
    for name in engine.running_containers() if running else ():
        print(f"  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
