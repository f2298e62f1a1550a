"""Every part of a bundle is collected for itself: one that fails is noted, and the others are there all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from meshfleet.automation.checkout import Checkout
from meshfleet.automation.reporting.failures import failure_of
from meshfleet.automation.support_bundle import cluster_parts, machine_parts
from meshfleet.automation.support_bundle.bundle import Bundle
from meshfleet.automation.support_bundle.subject import Subject

Part = Callable[[], Iterator[tuple[str, object]]]


def collect(checkout: Checkout, stack: str, *, seconds: float, on_part: Callable[[str], None]) -> Bundle:
    """The bundle of a stack; checks and requests take `seconds` each at most.

    Raises TopologyError for a stack of which there is neither a file nor anything else.
    """
    subject, bundle = Subject(checkout, stack), Bundle()
    if not subject.is_known:
        # Says which stacks there are.
        subject.session  # noqa: B018
    # Before all else: without them nothing may be written.
    bundle.hide(subject.secrets())
    parts: dict[str, Part] = {
        **machine_parts.parts(subject),
        **cluster_parts.parts(subject, seconds),
    }
    for name, part in parts.items():
        on_part(name)
        add_part(bundle, name, part)
        # `status` writes kubeconfigs that were not there before.
        bundle.hide(subject.secrets())
    return bundle


def add_part(bundle: Bundle, name: str, part: Part) -> None:
    """Add the members of a part; the reason why it failed is a line of the manifest."""
    try:
        for member, content in part():
            if callable(content):
                add_part(bundle, member, content)
            else:
                bundle.add(member, content)
    # A part may fail by a fault of meshfleet as well, and the bundle is what such a fault is reported with.
    except Exception as error:  # noqa: BLE001
        failure = failure_of(error)
        bundle.failed(name, "; ".join(failure.lines()) if failure else f"{type(error).__name__}: {error}")
