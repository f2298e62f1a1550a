"""Where a fleet lies on this machine: the project's folder, the home, and the processes found by it."""
