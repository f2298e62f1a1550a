"""Options of several commands."""

from __future__ import annotations

from typing import Annotated

import typer

Stack = Annotated[
    str, typer.Option("--stack", "-s", help="The stack: STACK for stacks/Pulumi.STACK.yaml, or examples/STACK.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else on standard output.")]
