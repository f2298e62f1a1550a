"""A checkout of its own for every test, and the command run in it; no test of this package starts an engine."""

from tests.checkouts import checkout, home, meshfleet, program, script, session, stacks

__all__ = ["checkout", "home", "meshfleet", "program", "script", "session", "stacks"]
