"""The fixtures of the harness."""

pytest_plugins = ["meshfleet.testing.fixtures"]
