"""Control planes as processes on this machine."""
