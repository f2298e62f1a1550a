"""The stack `dev`, brought up once for all tests of this package."""

CLUSTERS = ("host", "west", "east")
