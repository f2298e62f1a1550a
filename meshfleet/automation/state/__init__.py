"""The state that Pulumi keeps, read and kept."""
