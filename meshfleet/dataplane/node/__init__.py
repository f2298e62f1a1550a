"""A node that runs pods as processes, each pod in a network namespace of its own: a small kubelet, without images."""
