"""How a command learns that it alone is to end; of the standard library alone, as it is imported first."""

from __future__ import annotations


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP: an end that was asked of this process alone, as against an interrupt at the terminal."""
