"""Progress, changes and failures of commands."""
