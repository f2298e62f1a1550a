"""`python -m scripts.published [FILE]`: record what publishers have now, for each processor.

All is downloaded once from where MESHFLEET_PUBLISHERS says, compared with the publishers' digests, unpacked and thrown
away. The file is replaced when all of it was seen, and left as it is otherwise.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from meshfleet.errors import ToolchainError
from meshfleet.files import write_file
from meshfleet.toolchain.extras import EXTRAS, Extra
from meshfleet.toolchain.installation import Installation
from meshfleet.toolchain.progress import Progress, progress_for
from meshfleet.toolchain.published.choice import choose
from meshfleet.toolchain.published.downloads import Downloads
from meshfleet.toolchain.published.hearing import Hearing
from meshfleet.toolchain.published.mirrors import VARIABLE, Addresses, addresses_for
from meshfleet.toolchain.published.records import PROJECT_LOCK, Record, write_records
from meshfleet.toolchain.published.requests import Limits, Requests
from meshfleet.toolchain.published.table import Table, standard_table
from meshfleet.toolchain.published.taking import Taker
from meshfleet.toolchain.recipes import FURTHER, RECIPES, Recipe

PLATFORMS = (("linux", "amd64"), ("linux", "arm64"))


def record_all(
    table: Table,
    addresses: Addresses,
    parts: Iterable[Recipe | Extra],
    folder: Path,
    progress: Progress,
    limits: Limits | None = None,
    platforms: Iterable[tuple[str, str]] = PLATFORMS,
) -> dict[str, Record]:
    """A record of every file and image that is published of `parts`; `folder` is empty and has room for all of them.

    Raises ToolchainError for the first that cannot be had or is not what its publisher says.
    """
    wanted = [(part, Installation(part.tool, part.version, folder / part.tool)) for part in parts]
    versions = {part.tool: part.version for part, _ in wanted}
    records: dict[str, Record] = {}
    requests = Requests(addresses, limits)
    try:
        for platform in platforms:
            taker = Taker(requests, Downloads(requests, folder / "downloads"), {}, {}, platform)
            for order in choose(table, wanted, (), platform, versions):
                hearing = Hearing(order.tool, order.version, progress)
                records |= taker.take(order, folder / "-".join((order.tool, *platform)), hearing)
                progress.end(order.tool, order.version, f"recorded for {platform[1]}, {hearing.summary()}")
    finally:
        requests.close()
    return records


def main(arguments: list[str], limits: Limits | None = None) -> int:
    """Run it; returns the exit code: 0 the file is written, 1 something cannot be had, 2 a wrong setting."""
    path = Path(arguments[0]) if arguments else PROJECT_LOCK
    table, progress = standard_table(), progress_for()
    try:
        addresses = addresses_for(table, os.environ.get(VARIABLE, ""))
        if addresses is None:
            print(f"{VARIABLE} is off; unset it, or name a file of mirrors", file=sys.stderr)
            return 2
        with TemporaryDirectory(prefix="meshfleet-published-") as folder:
            parts: tuple[Recipe | Extra, ...] = (*RECIPES, *FURTHER.values(), *EXTRAS)
            records = record_all(table, addresses, parts, Path(folder), progress, limits)
        write_file(path, write_records(records), mode=0o644)
    except ToolchainError as error:
        print(f"{error}\n{path} is as it was", file=sys.stderr)
        return 1
    finally:
        progress.close()
    print(f"{path}: {len(records)} files and images")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
