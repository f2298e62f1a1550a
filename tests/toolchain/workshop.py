"""Tiny Go modules that stand for the tools: real Go, a second to build, no network."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from meshfleet.toolchain.plan import Plan
from meshfleet.toolchain.recipes import ModuleFiles, Recipe
from meshfleet.workspace.cache import Cache


@dataclass
class Heard:
    """Progress that is kept, one line each as a log would show it."""

    lines: list[str] = field(default_factory=list)

    def begin(self, tool: str, version: str, doing: str) -> None:
        self.lines.append(f"{tool} {version} {doing}")

    def end(self, tool: str, version: str, outcome: str) -> None:
        self.lines.append(f"{tool} {version} {outcome}")

    def note(self, text: str) -> None:
        self.lines.append(text)

    def close(self) -> None:
        return None


@dataclass
class Workshop:
    """Makes modules, recipes and plans below one temporary folder."""

    folder: Path
    cache: Cache

    def recipe(self, tool: str = "hello", source: str = 'println("hello")') -> Recipe:
        """A tool of version v1.2.3 whose program runs `source`; its module has a chart, a script and settings."""
        module = self.folder / "modules" / tool
        library = module / "library"
        (library / "cmd" / tool).mkdir(parents=True, exist_ok=True)
        (library / "charts" / "base").mkdir(parents=True, exist_ok=True)
        path = f"example.test/{tool}"
        (module / "go.mod").write_text(
            f"module meshfleet/toolchain/{tool}\n\ngo 1.26\n\ntool {path}/cmd/{tool}\n\n"
            f"require {path} v1.2.3\n\nreplace {path} => ./library\n"
        )
        (library / "go.mod").write_text(f"module {path}\n\ngo 1.26\n")
        (library / "cmd" / tool / "main.go").write_text(f"package main\n\nfunc main() {{ {source} }}\n")
        (library / "charts" / "base" / "Chart.yaml").write_text("name: base\n")
        (library / "run.sh").write_text("#!/bin/sh\n")
        (library / "settings.json").write_text("{}\n")
        return Recipe(
            tool=tool,
            module=path,
            programs={tool: f"{path}/cmd/{tool}"},
            files=(
                ModuleFiles(path, "charts/base", "charts/base"),
                ModuleFiles(path, "run.sh", f"bin/{tool}-run", executable=True),
                ModuleFiles(path, "settings.json", f"share/{tool}.json"),
            ),
            folder=module,
        )

    def with_client(self, recipe: Recipe) -> Recipe:
        """The recipe with a second program, of the package cmd/client, installed as `<tool>-client`."""
        client = recipe.directory / "library" / "cmd" / "client"
        client.mkdir(parents=True)
        (client / "main.go").write_text('package main\n\nfunc main() { println("client") }\n')
        programs = {**recipe.programs, f"{recipe.tool}-client": f"{recipe.module}/cmd/client"}
        return replace(recipe, programs=programs)

    def plan(self, *recipes: Recipe) -> Plan:
        return Plan(self.cache, recipes)
