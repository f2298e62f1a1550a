"""Writes docs/proof.md: how far each feature is proved, from the `proof` markers of the tests.

    python -m tests.proof            writes the page
    python -m tests.proof --check    exits 1 when the page is not what would be written

Every test carries `pytest.mark.proof("feature in words", step=N)`, N being a step of the ladder of the page.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "proof.md"

# Of what pytest says, the end, where the errors are.
LONGEST = 4000

LADDER = (
    "pure tests: no engine, no cluster, no network",
    "mocks: the graph that the program registers, and every argument in it",
    "the real Pulumi engine on real API servers",
    "a real istiod agrees: its debug API, its webhooks, `istioctl analyze`",
    "real Envoys carry traffic with mutual TLS",
    "kind: nodes are containers, and pods really run (scripts/test-kind)",
    "a cloud account",
)

MOCKS = 1
"""The highest step that scripts/check runs."""

HEAD = """\
# How much is proved

<!-- Written by `python -m tests.proof` from the markers of the tests; a test fails when it is out of date. -->

A feature is worth what it was seen to do. Each test says which feature it proves and how close to reality it
stands, on this ladder:

"""

EXTENDED = """\

Tests that are *extended* bring up the fleets that take longest, or try a fault at every place there is. They run last,
and on a slow machine `./scripts/test` leaves those out that it cannot begin in time, and lists them; the nightly
workflow runs all of them ([which tests run](development.md#choose-tests)).
"""

NOT_PROVED = """\

## What is not proved

- **The official Kubernetes plugin.** The suite in `tests/plugins/kubernetes` runs against whichever plugin is
  installed. Where the official one cannot be downloaded it runs against this project's stand-in, and that both
  behave alike is then not shown. [How to choose the plugin](development.md#tests).
- **Published images.** Pods below step 5 are simulated, or processes of programs that are built here; those on step 5
  run images that are built here of the same programs: Istio's agent, upstream's Envoy, Istio's echo server. A load
  balancer of a cloud that gives an address is not proved.
- **What upstream's Envoy lacks.** It has none of Istio's own filters, so metrics of Istio are not proved; nor is the
  traffic of ambient mode, whose ztunnel cannot be built here.
- **Networks between machines.** All packets stay on one machine, between network namespaces.
- **Step 6, a cloud account.** Its providers are not built; a stack file that asks for one is refused.
- **Other machines.** The tests run on Linux. Nothing has been seen on macOS.
"""


@dataclass
class Feature:
    """What the tests of one feature are: how many on each step, and how many of all are extended."""

    tests: dict[int, int] = field(default_factory=dict)
    extended: int = 0

    @property
    def highest(self) -> int:
        """The highest step a test of it stands on."""
        return max(self.tests)


class Collector:
    """A pytest plugin that keeps what was collected."""

    def __init__(self) -> None:
        self.items: list[pytest.Item] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Take the items once all are known."""
        self.items = list(session.items)


def collected() -> list[pytest.Item]:
    """Every test of the project, none of them run. Exits with pytest's own words when one cannot be read."""
    collector, said = Collector(), io.StringIO()
    with redirect_stdout(said):
        # Without syrupy, which counts every record as unused while nothing is run.
        options = ["--collect-only", "-q", "-p", "no:cacheprovider", "-p", "no:syrupy"]
        code = pytest.main([*options, "--rootdir", str(ROOT), str(ROOT / "tests")], plugins=[collector])
    if code != pytest.ExitCode.OK:
        sys.exit(f"the tests cannot be collected:\n{said.getvalue()[-LONGEST:]}")
    return collector.items


def step_of(item: pytest.Item) -> int:
    """The highest step that a test is marked with; 0 without a marker."""
    steps = (mark.kwargs.get("step") for mark in item.iter_markers("proof"))
    return max((step for step in steps if isinstance(step, int)), default=0)


EXTENDED_MARKERS = ("sweep", "extended")
"""In the order in which their tests are run, after all others."""


def is_extended(item: pytest.Item) -> bool:
    """Whether a test is one of those that take longest: a sweep, or of a file of extended tests."""
    return any(True for name in EXTENDED_MARKERS for _ in item.iter_markers(name))


def features(items: Iterable[pytest.Item]) -> dict[str, Feature]:
    """Features by their words. Exits with a line for each test that says nothing of what it proves."""
    found: dict[str, Feature] = {}
    faults = []
    for item in items:
        marks = list(item.iter_markers("proof"))
        if not marks:
            faults.append(f'{item.nodeid}: no marker; add pytest.mark.proof("feature in words", step=N)')
        for mark in marks:
            step = mark.kwargs.get("step")
            if len(mark.args) != 1 or not isinstance(step, int) or step not in range(len(LADDER)):
                faults.append(f"{item.nodeid}: {mark.args} {mark.kwargs}; give one text and a step of 0 to 6")
                continue
            feature = found.setdefault(mark.args[0], Feature())
            feature.tests[step] = feature.tests.get(step, 0) + 1
            feature.extended += is_extended(item)
    if faults:
        sys.exit("\n".join(sorted(set(faults))))
    return found


def page(found: dict[str, Feature]) -> str:
    """The whole page, features in the order of their highest step."""
    reached = {step for feature in found.values() for step in feature.tests}
    lines = ["| step | what it means | reached |", "|---|---|---|"]
    lines += [f"| {step} | {meaning} | {'yes' if step in reached else 'no'} |" for step, meaning in enumerate(LADDER)]
    lines += [EXTENDED, "## Features", "", "| feature | highest step | tests |", "|---|---|---|"]
    for name, feature in sorted(found.items(), key=lambda pair: (-pair[1].highest, pair[0])):
        counts = ", ".join(f"{count} on step {step}" for step, count in sorted(feature.tests.items()))
        if feature.extended:
            counts += (
                ", all extended"
                if feature.extended == sum(feature.tests.values())
                else f", {feature.extended} extended"
            )
        lines.append(f"| {name.replace('|', '/')} | {feature.highest} | {counts} |")
    return HEAD + "\n".join(lines) + "\n" + NOT_PROVED


def main(arguments: list[str]) -> None:
    """Write the page, or with `--check` only compare it."""
    if arguments not in ([], ["--check"]):
        sys.exit("usage: python -m tests.proof [--check]")
    text = page(features(collected()))
    if not arguments:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        sys.exit("docs/proof.md is out of date; run python -m tests.proof")


if __name__ == "__main__":
    main(sys.argv[1:])
