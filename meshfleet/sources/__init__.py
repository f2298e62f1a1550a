"""What propagations name beside the stack file, read and rendered before the pure core sees it.

Files, kustomizations and charts become objects here, where the stack is loaded; all that follows is deterministic and
needs no file, tool or cluster.
"""

from meshfleet.sources.loading import load

__all__ = ["load"]
