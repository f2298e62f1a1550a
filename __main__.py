"""The Pulumi program: the stack's configuration becomes a fleet. `components/fleet.py` is where to read on."""

import pulumi

from meshfleet.components.program import run
from meshfleet.errors import MeshfleetError
from meshfleet.processes.garbage_collection import collect_less_often
from meshfleet.topology import TopologyError

collect_less_often()
try:
    run()
except TopologyError as error:
    # One line a fault and no traceback; Pulumi shows a RunError as it is.
    raise pulumi.RunError(f"the stack file is wrong:\n{error}") from None
except MeshfleetError as error:
    raise pulumi.RunError(str(error)) from None
