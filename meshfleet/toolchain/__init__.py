"""The tools a fleet is made with, put once into a cache of the user's: as published, or built from pinned Go modules.

`ensure()` is cheap when everything is there; what building needs is imported only when something is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshfleet.toolchain.plan import Plan, Toolchain, container_plan, further_plan, make_plan
from meshfleet.toolchain.wheel_programs import missing_wheels

if TYPE_CHECKING:
    from pathlib import Path

    from meshfleet.toolchain.progress import Progress
    from meshfleet.toolchain.published.installing import Publishing

__all__ = [
    "Plan",
    "Toolchain",
    "container_plan",
    "ensure",
    "further_plan",
    "make_plan",
    "take_kubernetes_plugin",
]


def ensure(
    progress: Progress | None = None,
    *,
    plan: Plan | None = None,
    thorough: bool = False,
    publishing: Publishing | None = None,
) -> Toolchain:
    """The toolchain, after downloading or building whatever of it is missing or damaged.

    `progress` is notified of every tool that has to be built (none by default; `progress_for` makes
    one for a terminal or a log); `thorough` compares every file with its SHA-256 first, which takes a second
    or two; `publishing` is where published programs come from, else what the environment says. Safe
    when several processes call it at once: one builds, the others wait and say for whom.

    Raises ToolchainError, with what to do, when a tool can be neither found nor built.
    """
    wanted = plan or make_plan()
    if plan is None and (missing := missing_wheels(wanted.wheels)):
        from meshfleet.errors import ToolchainError
        from meshfleet.workspace.project_folder import REINSTALL

        raise ToolchainError(
            f"not in this Python environment: {', '.join(wheel.tool for wheel in missing)}; {REINSTALL}, or install "
            f"{' '.join(wheel.distribution for wheel in missing)} into the one you use"
        )
    if wanted.faults(thorough=thorough):
        from meshfleet.toolchain.builder import build_missing
        from meshfleet.toolchain.progress import Silence

        build_missing(wanted, progress or Silence(), thorough=thorough, publishing=publishing)
    return wanted.toolchain()


def take_kubernetes_plugin(
    progress: Progress | None = None, *, plan: Plan | None = None, publishing: Publishing | None = None
) -> Path | None:
    """The official Kubernetes plugin of Pulumi as published, downloaded unless it is there.

    None where its publisher does not have it or does not respond. Raises ToolchainError when something else comes.
    """
    from meshfleet.toolchain.builder import take_extra
    from meshfleet.toolchain.extras import KUBERNETES_PLUGIN
    from meshfleet.toolchain.progress import Silence
    from meshfleet.toolchain.published.installing import Publishing

    source = publishing or Publishing()
    if source.resolved() is None:
        return None
    wanted = plan or make_plan()
    take_extra(wanted, KUBERNETES_PLUGIN, progress or Silence(), source)
    return wanted.toolchain().kubernetes_plugin
