"""`destroy`: the engine's own, then whatever a killed run left that the engine does not know of."""

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
from meshfleet.automation.identities import strangers
from meshfleet.automation.reporting.changes import Record
from meshfleet.automation.reporting.output import say
from meshfleet.automation.reporting.progress import progress_for
from meshfleet.automation.state.local_state import settle_state, state_file
from meshfleet.automation.state.recorded_state import existing_clusters_of, fleets_of
from meshfleet.automation.state.salt_alone import salt_alone
from meshfleet.automation.state.shared_backend import is_local, require_shared_secrets
from meshfleet.automation.unfinished_releases import end_workers
from meshfleet.automation.unrecorded_at_destroy import settle_existing
from meshfleet.dataplane.sweep import sweep
from meshfleet.errors import EngineError
from meshfleet.errors.containment import each
from meshfleet.redaction.shown import shown
from meshfleet.topology import Fault, StackFile, TopologyError, load, read_stack_file
from meshfleet.topology.stack_file import known_stacks
from meshfleet.topology.stack_name import name_fault, stack_name
from meshfleet.workspace.marker import is_fleet, is_home


def stacks_of(checkout: Checkout) -> tuple[str, ...]:
    """Every stack that has a state or a fleet's directory in this checkout; what is neither is not ours to remove."""
    if not is_home(checkout.home):
        return ()
    states = (path.stem for path in (checkout.state / ".pulumi" / "stacks" / PROJECT).glob("*.json"))
    fleets = (path.name for path in (checkout.home / "fleets").glob("*") if path.is_symlink() or is_fleet(path))
    # Of a stack that was renamed the state comes first, which knows what is in its clusters.
    recorded = sorted(name for name in set(states) if not name_fault(name))
    return (*recorded, *sorted(name for name in set(fleets) - set(recorded) if not name_fault(name)))


def named(checkout: Checkout, stack: str) -> str:
    """The name of the stack that `--stack` means, whether it has a file or not.

    Raises `TopologyError` when it is no stack name, or names a file that is not there while another has that name.
    """
    name = stack_name(stack)
    known = known_stacks(checkout.stacks, nested=checkout.nested_stacks)
    alike = [one for one in known if one.rpartition("/")[2] == name]
    if stack != name and stack not in known and alike:
        message = f"there is no stack {shown(stack)}; the stack {name} is that of {alike[0]}: name that one"
        raise TopologyError([Fault("--stack", message)])
    return name


def destroy(
    checkout: Checkout, stack: str, *, quiet: bool, forget: Sequence[str] = (), restore_state: bool = False
) -> str:
    """Remove a stack, its processes and its files. Returns its name, or nothing when there was none.

    The stack file need not be valid any more, nor there: what is removed is what the state says. Where another cluster
    answers in the place of a recorded one nothing is deleted, and what was recorded of it is dropped. The clusters to
    `forget` are gone for good and not asked; raises `TopologyError` when the state knows none of that name.
    """
    name = named(checkout, stack)
    known = name in stacks_of(checkout)
    # A backend that is shared may have a stack of which nothing is in this checkout.
    if not known and is_local(checkout, os.environ.get("PULUMI_BACKEND_URL", "")):
        return ""
    file = _stack_file(checkout, stack, name)
    require_shared_secrets(checkout, file)
    if known:
        disk_reserve.give_up(checkout.home, checkout.fleet(name))
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
            meant = dict.fromkeys([*forget, *forgetting.interrupted(checkout, name)])
            _renew_credentials(engine, quiet=quiet)
            left_alone = strangers(engine, [*existing_clusters_of(engine.recorded()).keys() - meant.keys()])
            for sentence in left_alone.values():
                say(sentence)
            if lock.interrupted or restore_state or engine.recorded().get("pending_operations"):
                settle_existing(engine, name, {*meant, *left_alone})
                engine.forget_pending()
            forgetting.forget(checkout, engine, [*meant, *left_alone], quiet=quiet)
            local = engine.environment.local_backend
            renamed = sorted(fleets_of(engine.recorded()) - {name}) if local else []
            with shared_plugins(engine.environment):
                _destroy(engine, stack, quiet=quiet)
            engine.remove()
            # What else was made under the names that the stack had before, unless another stack has one by now.
            for other in renamed:
                if not name_fault(other) and not state_file(checkout, other).exists():
                    sweep(other, checkout.home)
        sweep(name, checkout.home)
    checkout.workspace(name).remove()
    return name if existed or known else ""


def destroy_each(stacks: Sequence[str], destroy_one: Callable[[str], str]) -> list[str]:
    """Remove every one of the stacks; one that cannot be removed stops no other. Returns what `destroy_one` did.

    Raises `EngineError` at the end, naming each that is left and why. A single stack raises its own error.
    """
    if len(stacks) == 1:
        return [destroy_one(stacks[0])]
    removed: list[str] = []
    failures = each(stacks, lambda stack: removed.append(destroy_one(stack)))
    if failures:
        listed = "\n  ".join(f"{failure.item}: {failure.error}" for failure in failures)
        gone = f"\nremoved {', '.join(filter(None, removed))}" if any(removed) else ""
        raise EngineError(f"{len(failures)} of {len(stacks)} stacks are left:\n  {listed}{gone}")
    return removed


def _require_known(checkout: Checkout, engine: Engine, forget: Sequence[str]) -> None:
    if forget:
        known = forgetting.known_to(checkout, engine.file.stack, engine.recorded())
        # With the whole stack to go it does not matter whether its file still has the cluster.
        if faults := forgetting.faults(forget, declared=(), known=known):
            raise TopologyError(faults)


def _renew_credentials(engine: Engine, *, quiet: bool) -> None:
    """Where the stack file still names a kubeconfig that can be read, that one is used; else the recorded one."""
    from meshfleet.automation.living_kubeconfigs import renew

    try:
        topology = load(engine.file.stack, engine.file.config)
    except TopologyError:
        return
    for cluster in renew(engine, topology, to_the_end=True):
        if not quiet:
            say(f"{cluster}: its kubeconfig has changed since the last up; the new one is used")


def _destroy(engine: Engine, stack: str, *, quiet: bool) -> None:
    with progress_for(f"destroy {stack}", quiet=quiet) as progress:
        record: Record = engine.run("destroy", progress.hear)
        if record.missing():
            # A release that was removed already, by hand or by a run that was killed before it could record that.
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
    # The file is gone, damaged, or one that Pulumi could not read; destroy needs only the salt.
    return StackFile(name, salt_alone(checkout, name), {})
