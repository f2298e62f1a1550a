"""The Pulumi engine: its programs, its environment, its lock."""
