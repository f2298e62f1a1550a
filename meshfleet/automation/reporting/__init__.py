"""What the command reports while it works."""
