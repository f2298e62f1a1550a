"""Writes the lock file of published programs: every file of every publisher, downloaded and compared."""
