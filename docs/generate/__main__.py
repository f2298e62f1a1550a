"""`python -m docs.generate`: write what follows from the code into docs/."""

from __future__ import annotations

import json
from pathlib import Path

from docs.generate import models, provider_contract, stack_file, stages, toolchain, use_cases
from docs.generate.pictures import pictures
from meshfleet.status.schema import status_schema
from meshfleet.topology.schema import stack_schema

ROOT = Path(__file__).resolve().parent.parent.parent


def generated(root: Path) -> dict[str, str]:
    """File name in docs/ to content, for the checkout `root`."""
    pages = {
        "how-it-works.md": stages.page(root),
        "models.md": models.page(root),
        "provider-contract.md": provider_contract.page(),
        "stack-file.md": stack_file.page(root),
        "toolchain.md": toolchain.page(root),
        "use-cases.md": use_cases.page(root),
    }
    schemas = {"schemas/stack.json": stack_schema(), "schemas/status.json": status_schema()}
    written = {name: f"{json.dumps(schema, indent=2)}\n" for name, schema in schemas.items()}
    return pages | written | pictures(root)


def main() -> None:
    """Write every file that is not as it should be, and say which."""
    for name, text in generated(ROOT).items():
        path = ROOT / "docs" / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote docs/{name}")


if __name__ == "__main__":
    main()
