"""Real clusters in containers without an image registry: a Docker engine of the fleet's own, and the images it runs."""
