"""Who provides a cluster: the contract (`base`), the one list (`registry`) and a folder for each provider."""
