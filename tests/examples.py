"""How many examples property tests try."""

from __future__ import annotations

from hypothesis import settings


def up_to(count: int) -> settings:
    """`count` examples, or as many as the profile allows: scripts/check has one with few (tests/conftest.py)."""
    profile = settings.get_profile(settings.get_current_profile_name())
    return settings(max_examples=min(count, profile.max_examples), deadline=None)


def scaled(count: int) -> settings:
    """`count` examples in scripts/test, and fewer or more with a profile of fewer or more than its 50."""
    profile = settings.get_profile(settings.get_current_profile_name())
    return settings(max_examples=max(1, count * profile.max_examples // 50), deadline=None)
