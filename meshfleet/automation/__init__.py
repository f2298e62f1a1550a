"""The operations of the `meshfleet` CLI: the same program as `pulumi up`, on Pulumi's Automation API."""
