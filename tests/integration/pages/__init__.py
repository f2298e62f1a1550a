"""What the pages say of the stack `dev`, and what users run beside the command, on a fleet of its own."""
