"""Which revisions stand for what.

Source: https://istio.io/latest/docs/setup/upgrade/canary/
"""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.topology.draft import Draft
from meshfleet.topology.names import RESERVED_REVISION_ENDINGS, RESERVED_REVISIONS

# https://istio.io/latest/docs/setup/upgrade/: a canary may be two minor releases ahead.
FURTHEST = 2
MOST = 2


def revisions(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each revision that is used and not installed, and for names that stand for two things."""
    istio = draft.istio
    installed = istio.installed
    listed = ", ".join(installed)
    for revision in installed:
        if revision in RESERVED_REVISIONS or revision.endswith(RESERVED_REVISION_ENDINGS):
            taken = ", ".join((*sorted(RESERVED_REVISIONS), *(f"*{ending}" for ending in RESERVED_REVISION_ENDINGS)))
            path = f"istio.revisions.{revision}" if istio.revisions else "istio.revision"
            yield Fault(path, f"istiod-{revision} is the name of something else; taken are {taken}, use another name")
    if istio.revision not in installed:
        yield Fault("istio.revision", f"{istio.revision!r} is not one of istio.revisions ({listed}); add it there")
    if istio.gateway_revision and istio.gateway_revision not in installed:
        yield Fault("istio.gatewayRevision", f"{istio.gateway_revision!r} is not installed; installed are {listed}")
    if len(installed) > MOST:
        yield Fault(
            "istio.revisions",
            f"{len(installed)} revisions ({listed}) side by side; {MOST} are enough to go from one to the next, "
            "remove those that nothing is on any more",
        )
    for position, tag in enumerate(istio.tags):
        path = f"istio.tags[{position}]"
        if tag in installed:
            yield Fault(path, f"{tag!r} is also a revision; a tag is another name for one")
        elif tag == "default":
            yield Fault(path, "'default' is the tag that Istio gives itself; use another name")
        elif tag in istio.tags[:position]:
            yield Fault(path, f"{tag!r} is given twice; name each tag once")
    releases = sorted({_minor(istio.version_of(revision)) for revision in installed})
    if releases and releases[-1] - releases[0] > FURTHEST:
        yield Fault(
            "istio.revisions",
            f"the revisions are {releases[-1] - releases[0]} minor releases apart; at most {FURTHEST} are supported "
            "(https://istio.io/latest/docs/setup/upgrade/canary/)",
        )


def _minor(version: str) -> int:
    return int(version.split(".")[1])
