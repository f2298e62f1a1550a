"""The Pulumi providers of this project, and what both are served by."""
