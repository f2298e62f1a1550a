"""Judge the answers of several istiods of one control plane: each of them serves proxies, so each has to pass. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from meshfleet.verification.access.base import Answer
from meshfleet.verification.check import Finding

T = TypeVar("T")


def each_istiod(pages: Sequence[Answer], parse: Callable[[Any], T], judge: Callable[[T], Finding]) -> Finding:
    """The first finding that did not pass, else that of the first istiod; it names the istiod if there are several.

    Raises VerificationError as `parse` does, and for no page at all.
    """
    findings = [judge(parse(page.value)) for page in pages]
    failed = next((number for number, finding in enumerate(findings) if not finding.passed), None)
    if len(findings) == 1:
        return findings[0]
    if failed is not None:
        return replace(findings[failed], detail=f"{pages[failed].istiod}: {findings[failed].detail}")
    return replace(findings[0], detail=f"{findings[0].detail} (the same of {len(findings)} istiods)")
