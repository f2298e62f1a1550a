"""Runs the pairs and both ends of the range of pulumi, one after the other, and prints the table."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from meshfleet.dataplane.node.node_agent import missing_prerequisite
from meshfleet.errors import MeshfleetError
from meshfleet.versions import EMBEDDED_ISTIO, EMBEDDED_KUBERNETES
from scripts.versions.fleets import run_pair
from scripts.versions.place import FailedError, say
from scripts.versions.plan import NAMED, RESOLUTIONS, WrongPairError, pairs
from scripts.versions.pulumi_range import run_pulumi
from scripts.versions.table import Row, table

Job = tuple[Callable[[Path], Row], Row]


def main() -> int:
    """Run all that the arguments name; the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/test-versions", description=__doc__)
    parser.add_argument("pairs", metavar="PAIR", nargs="*", help="oldest, newest, or ISTIO/KUBERNETES")
    parser.add_argument("--pulumi", action="store_true", help="the oldest and the newest pulumi of the range")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where a support bundle of what fails goes")
    arguments = parser.parse_args()
    everything = not arguments.pairs and not arguments.pulumi
    try:
        chosen = pairs(list(NAMED) if everything else arguments.pairs)
    except WrongPairError as error:
        parser.error(str(error))
    if chosen and (reason := missing_prerequisite()):
        parser.error(f"pods cannot run as processes here: {reason}")
    jobs: list[Job] = [(partial(run_pair, pair), Row("2 clusters", pair.istio, pair.kubernetes, "")) for pair in chosen]
    if everything or arguments.pulumi:
        standard = (EMBEDDED_ISTIO, EMBEDDED_KUBERNETES)
        jobs += ((partial(run_pulumi, end), Row("1 cluster", *standard, end)) for end in RESOLUTIONS)
    rows = [_row(job, arguments.keep) for job in jobs]
    print(table(rows))
    return 1 if any(row.failed for row in rows) else 0


def _row(job: Job, keep: Path | None) -> Row:
    """What a job found; the others are run even where it fails."""
    todo, planned = job
    try:
        return todo(keep or Path(tempfile.gettempdir()) / "meshfleet-test-versions")
    except (FailedError, MeshfleetError) as error:
        say(f"FAILED: {error}")
        return Row(planned.what, planned.istio, planned.kubernetes, planned.pulumi, failed=True)


if __name__ == "__main__":
    sys.exit(main())
