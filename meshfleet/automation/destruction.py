"""`destroy`: the engine's destroy, then cleanup of what an interrupted run created without recording it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from meshfleet.automation import forgetting
from meshfleet.automation.checkout import PROJECT, Checkout
from meshfleet.automation.engine import disk_reserve
from meshfleet.automation.engine.engine import Engine
from meshfleet.automation.engine.environment import prepare
from meshfleet.automation.engine.lock import locked
from meshfleet.automation.engine.shared_plugins import shared_plugins
from meshfleet.automation.identities import foreign_clusters
from meshfleet.automation.pending_at_destroy import settle_pending
from meshfleet.automation.reporting.changes import Record
from meshfleet.automation.reporting.output import print_line
from meshfleet.automation.reporting.progress import progress_for
from meshfleet.automation.state.encryption_salt import secrets_configuration
from meshfleet.automation.state.local_state import settle_state, state_file
from meshfleet.automation.state.recorded_state import existing_clusters_of, fleets_of
from meshfleet.automation.state.shared_backend import is_local, require_shared_secrets
from meshfleet.automation.unfinished_releases import end_workers
from meshfleet.dataplane.sweep import sweep
from meshfleet.errors import EngineError
from meshfleet.errors.containment import each
from meshfleet.redaction.shown import shown
from meshfleet.sources import load
from meshfleet.topology import Fault, StackFile, TopologyError, read_stack_file
from meshfleet.topology.stack_file import known_stacks
from meshfleet.topology.stack_name import name_fault, stack_name
from meshfleet.workspace.marker import is_fleet, is_home


def stacks_of(checkout: Checkout) -> tuple[str, ...]:
    """Every stack with a state or a fleet directory in this checkout."""
    if not is_home(checkout.home):
        return ()
    states = (path.stem for path in (checkout.state / ".pulumi" / "stacks" / PROJECT).glob("*.json"))
    fleets = (path.name for path in (checkout.home / "fleets").glob("*") if path.is_symlink() or is_fleet(path))
    # For a renamed stack the state comes first, since it records the resources in its clusters.
    recorded = sorted(name for name in set(states) if not name_fault(name))
    return (*recorded, *sorted(name for name in set(fleets) - set(recorded) if not name_fault(name)))


def named(checkout: Checkout, stack: str) -> str:
    """The name of the stack for `--stack`, with or without a stack file.

    Raises `TopologyError` for an invalid name, and for a missing file while another file has that stack name.
    """
    name = stack_name(stack)
    known = known_stacks(checkout.stacks, nested=checkout.nested_stacks)
    alike = [one for one in known if one.rpartition("/")[2] == name]
    if stack != name and stack not in known and alike:
        message = (
            f"there is no stack {shown(stack)}; the stack {name} is declared in {alike[0]}: pass --stack {alike[0]}"
        )
        raise TopologyError([Fault("--stack", message)])
    return name


def destroy(
    checkout: Checkout, stack: str, *, quiet: bool, forget: Sequence[str] = (), restore_state: bool = False
) -> str:
    """Remove a stack, its processes and its files. Returns its name, or an empty string if it did not exist.

    The stack file may be invalid or missing: the recorded state determines what is removed. If a recorded cluster was
    replaced by a different one, nothing is deleted in it, and its resources are dropped from the state. The clusters to
    `forget` are dropped without connecting to them; raises `TopologyError` if the state has no cluster of that name.
    """
    name = named(checkout, stack)
    known = name in stacks_of(checkout)
    # A shared backend may have a stack that has no files in this checkout.
    if not known and is_local(checkout, os.environ.get("PULUMI_BACKEND_URL", "")):
        return ""
    file = _stack_file(checkout, stack, name)
    require_shared_secrets(checkout, file)
    if known:
        disk_reserve.release(checkout.home, checkout.fleet(name))
    engine = Engine(prepare(checkout), file)
    if not known and not engine.exists():
        return ""
    with locked(checkout, name, "destroy") as lock:
        if engine.environment.local_backend:
            settle_state(checkout, name, restore=restore_state, gone_is_fine=not restore_state)
        existed = engine.exists()
        if existed:
            _require_known(checkout, engine, forget)
            if lock.interrupted:
                end_workers()
            forgotten = dict.fromkeys([*forget, *forgetting.interrupted(checkout, name)])
            _renew_credentials(engine, quiet=quiet)
            foreign = foreign_clusters(engine, [*existing_clusters_of(engine.recorded()).keys() - forgotten.keys()])
            for sentence in foreign.values():
                print_line(sentence)
            if lock.interrupted or restore_state or engine.recorded().get("pending_operations"):
                settle_pending(engine, name, {*forgotten, *foreign})
                engine.forget_pending()
            forgetting.forget(checkout, engine, [*forgotten, *foreign], quiet=quiet)
            local = engine.environment.local_backend
            renamed = sorted(fleets_of(engine.recorded()) - {name}) if local else []
            with shared_plugins(engine.environment):
                _destroy(engine, stack, quiet=quiet)
            engine.remove()
            # Also clean up under previous names of the stack, unless another stack uses them now.
            for other in renamed:
                if not name_fault(other) and not state_file(checkout, other).exists():
                    sweep(other, checkout.home)
        sweep(name, checkout.home)
    checkout.workspace(name).remove()
    return name if existed or known else ""


def destroy_each(stacks: Sequence[str], destroy_one: Callable[[str], str]) -> list[str]:
    """Remove all stacks; a failure does not stop the others. Returns the results of `destroy_one`.

    Raises `EngineError` at the end, with each remaining stack and its error. A single stack raises its own error.
    """
    if len(stacks) == 1:
        return [destroy_one(stacks[0])]
    removed: list[str] = []
    failures = each(stacks, lambda stack: removed.append(destroy_one(stack)))
    if failures:
        listed = "\n  ".join(f"{failure.item}: {failure.error}" for failure in failures)
        done = f"\nremoved {', '.join(filter(None, removed))}" if any(removed) else ""
        raise EngineError(f"{len(failures)} of {len(stacks)} stacks were not removed:\n  {listed}{done}")
    return removed


def _require_known(checkout: Checkout, engine: Engine, forget: Sequence[str]) -> None:
    if forget:
        known = forgetting.known_to(checkout, engine.file.stack, engine.recorded())
        # The whole stack is removed, so the stack file may still declare the cluster.
        if faults := forgetting.faults(forget, declared=(), known=known):
            raise TopologyError(faults)


def _renew_credentials(engine: Engine, *, quiet: bool) -> None:
    """Use the current kubeconfig if the stack file refers to a readable one, else the recorded kubeconfig."""
    from meshfleet.automation.current_kubeconfigs import renew

    try:
        topology = load(engine.file.stack, engine.file.config)
    except TopologyError:
        return
    for cluster in renew(engine, topology, to_the_end=True):
        if not quiet:
            print_line(f"{cluster}: using its kubeconfig, which has changed since the last up")


def _destroy(engine: Engine, stack: str, *, quiet: bool) -> None:
    with progress_for(f"destroy {stack}", quiet=quiet) as progress:
        record: Record = engine.run("destroy", progress.hear)
        if record.missing():
            # A release was removed manually, or by an interrupted run before it could record the removal.
            record = engine.run("destroy", progress.hear, refresh=True)
    if sentences := record.sentences():
        raise EngineError(
            "\n  ".join([f"destroy {stack} did not complete:", *sentences, *record.remedies()])
            + f"\nfix the cause and run meshfleet destroy --stack {stack} again"
            + forgetting.advice(record.unreachable(), f"run meshfleet destroy --stack {stack}")
        )


def _stack_file(checkout: Checkout, stack: str, name: str) -> StackFile:
    for candidate in (stack, f"examples/{name}"):
        try:
            return read_stack_file(checkout.stacks, candidate, nested=checkout.nested_stacks)
        except TopologyError:
            continue
    # The file is missing, damaged, or unreadable for Pulumi; destroy needs only its secrets configuration.
    return StackFile(name, secrets_configuration(checkout, name), {})
