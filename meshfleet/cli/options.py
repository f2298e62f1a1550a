"""Options that several commands take."""

from __future__ import annotations

from typing import Annotated

import typer

Stack = Annotated[str, typer.Option("--stack", "-s", help="A file stacks/Pulumi.STACK.yaml, or examples/STACK.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else on standard output.")]
