"""The command `meshfleet`: what people type, and what it prints."""
