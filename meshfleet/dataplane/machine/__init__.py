"""Virtual machines on this machine: each a network namespace that is set up from an onboarding bundle alone."""
