"""Networks of a fleet on one machine: namespaces, links, routes and rules; needs root, touches nothing else."""
