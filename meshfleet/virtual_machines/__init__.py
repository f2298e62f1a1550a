"""Virtual machines of a fleet: their bundles, and those that run on this machine."""
