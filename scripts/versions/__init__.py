"""Fleets on other releases than the standard ones: see `scripts/test-versions --help`."""
