"""`python -m meshfleet.toolchain`: make the toolchain and print the folder of its programs.

On standard error it says which tools are as published and which were built, when it had to make any.
"""

from __future__ import annotations

import argparse
import json
import sys

from meshfleet.toolchain import Plan, ensure, further_plan, make_plan
from meshfleet.toolchain.recipes import ADDED
from meshfleet.toolchain.wheel_programs import missing_wheels


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit code: 0 all is there, 1 something is missing or cannot be built."""
    parser = argparse.ArgumentParser(prog="python -m meshfleet.toolchain", description=__doc__)
    parser.add_argument("--check", action="store_true", help="build nothing; exit 1 and list what is missing")
    parser.add_argument("--verify", action="store_true", help="compare every file with its SHA-256 first")
    parser.add_argument("--json", action="store_true", help="print everything there is as JSON")
    parser.add_argument(
        "--with",
        dest="further",
        metavar="TOOL",
        action="append",
        choices=sorted(ADDED),
        default=[],
        help="another release too, or cert-manager, which runs beside clusters where a stack file asks: %(choices)s",
    )
    options = parser.parse_args(arguments)
    plan = make_plan()
    further = [further_plan(ADDED[tool]) for tool in options.further]
    faults = {tool: why for one in (plan, *further) for tool, why in one.faults(thorough=options.verify).items()}
    if faults and options.check:
        for tool, found in faults.items():
            print(f"{tool}: {'; '.join(found[:3])}", file=sys.stderr)
        return 1
    if faults or missing_wheels(plan.wheels):
        # Imported here: when nothing is wrong this command has to be quick.
        from meshfleet.errors import ToolchainError
        from meshfleet.toolchain.progress import progress_for

        try:
            ensure(progress_for(), thorough=options.verify)
            for one in further:
                ensure(progress_for(), plan=one, thorough=options.verify)
        except ToolchainError as error:
            print(error, file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("stopped; the next run continues from here", file=sys.stderr)
            return 130
        print(_origins((plan, *further)), file=sys.stderr)
    toolchain = plan.toolchain()
    if options.json:
        places = {
            "bin": str(toolchain.bin),
            "charts": str(toolchain.charts),
            "gatewayApi": str(toolchain.gateway_api),
            "envoyBootstrap": str(toolchain.envoy_bootstrap),
        }
        origins = {tool: origin for tool, (origin, _) in plan.origins().items()}
        print(json.dumps({**places, "versions": dict(toolchain.versions), "origins": origins}, indent=2))
    else:
        print(toolchain.bin)
    return 0


def _origins(plans: tuple[Plan, ...]) -> str:
    """How the tools came to be, as `built: etcd, helm; copied: kubectl`."""
    found: dict[str, list[str]] = {}
    for plan in plans:
        for tool, (origin, _) in plan.origins().items():
            found.setdefault(origin, []).append(tool)
    return "; ".join(f"{origin}: {', '.join(tools)}" for origin, tools in sorted(found.items()))


if __name__ == "__main__":
    sys.exit(main())
