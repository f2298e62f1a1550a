"""`python -m docs.generate`: write what follows from the code into docs/."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from docs.generate import models, provider_contract, stack_file, stages, toolchain, use_cases
from docs.generate.pictures import pictures
from meshfleet.status.schema import status_schema
from meshfleet.topology.schema import stack_schema

ROOT = Path(__file__).resolve().parent.parent.parent


def generated(root: Path) -> dict[str, Callable[[], str]]:
    """File name in docs/ to what makes its content, for the checkout `root`."""
    return {
        "how-it-works.md": lambda: stages.page(root),
        "models.md": lambda: models.page(root),
        "provider-contract.md": provider_contract.page,
        "stack-file.md": lambda: stack_file.page(root),
        "toolchain.md": lambda: toolchain.page(root),
        "use-cases.md": lambda: use_cases.page(root),
        "schemas/stack.json": lambda: _written(stack_schema()),
        "schemas/status.json": lambda: _written(status_schema()),
        **pictures(root),
    }


def _written(schema: Mapping[str, object]) -> str:
    return f"{json.dumps(schema, indent=2)}\n"


def main() -> None:
    """Write every file that is not as it should be, and say which."""
    for name, make in generated(ROOT).items():
        path, text = ROOT / "docs" / name, make()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote docs/{name}")


if __name__ == "__main__":
    main()
