"""The commands of the README and of docs/ that need a fleet, as a reader would type them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from meshfleet.dataplane.node.node_agent import missing_prerequisite
from meshfleet.testing import FleetUnderTest
from tests.docs.snippets import Snippet, matches, shell, snippets
from tests.integration.clone import Clone, git

pytestmark = pytest.mark.proof("the commands in the documentation work as they are written", step=3)

# The same command may stand on several pages; it is run once, where its output is shown if that is anywhere.
FLEET = {
    snippet.text: snippet
    for snippet in sorted(snippets(), key=lambda snippet: snippet.prints is not None)
    if snippet.fleet and not snippet.example
}.values()


@pytest.fixture(scope="module")
def root(clone: Clone) -> Path:
    """The clone after its first ./scripts/bootstrap: with a Python environment, which is that of these tests."""
    clone.make_environment()
    return clone.root


def as_here(prints: str) -> str:
    """What a page shows, as root, without the checks that take real proxies where there are none."""
    if not missing_prerequisite():
        return prints
    kept = [line for line in prints.splitlines() if not line.startswith(("loopback-", "proxies-", "traffic-"))]
    counted = re.compile(r"^\d+ of \d+ checks passed", re.MULTILINE)
    return counted.sub("not run: …\n… checks passed", "\n".join(kept) + "\n")


@pytest.mark.parametrize("snippet", FLEET, ids=str)
def test_a_snippet_runs_on_a_fleet_and_prints_what_the_page_shows(
    snippet: Snippet, dev_fleet: FleetUnderTest, clone: Clone, root: Path
) -> None:
    *bash, script = shell(snippet)
    ran = dev_fleet.sandbox.run([*bash, f"exec 2>&1\n{script}"], expect=snippet.code, more={"COLUMNS": "110"})
    assert snippet.prints is None or matches(as_here(snippet.prints), ran.out), ran.out
    # Plain pulumi writes the salt of its passphrase into the stack file, as docs/operations.md says.
    git(root, "checkout", "--quiet", "--", "stacks")
    assert clone.changed_files() == []
