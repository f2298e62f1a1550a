"""The `meshfleet` CLI: commands, options and output."""
