"""How many examples property tests try."""

from __future__ import annotations

from hypothesis import settings


def up_to(count: int) -> settings:
    """`count` examples, or as many as the profile allows: scripts/check has one with few (tests/conftest.py)."""
    profile = settings.get_profile(settings.get_current_profile_name())
    return settings(max_examples=min(count, profile.max_examples), deadline=None)
