"""Who may do what in which clusters of a fleet, from the declaration alone."""
