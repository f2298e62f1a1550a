"""The `meshfleet` command: the same program as `pulumi up`, on Pulumi's Automation API."""
