"""What of a value may be shown, and what looks like a secret."""
