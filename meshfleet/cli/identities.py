"""The commands `kubeconfig` and `who-can`: what users work with, and what the members say that they may do."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meshfleet.automation.reporting.failures import DRIFTED, FAILED
from meshfleet.automation.reporting.output import exit_with, print_json, print_line
from meshfleet.automation.session import open_session
from meshfleet.cli.options import Json, Stack

if TYPE_CHECKING:
    from meshfleet.federation.identities.policy import Request
    from meshfleet.identities.reviewed import Reviewed
    from meshfleet.topology import Fleet

STDOUT = "-"
# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#path-segment-names
OBJECT_NAME = re.compile(r"(?!\.{1,2}$)[!-$&-.0-~]{1,253}")


def kubeconfig(
    user: Annotated[str, typer.Argument(help="The user, by name in identities.users.")],
    stack: Stack,
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", help="The file to write, or - for standard output. Default: users/USER.yaml of the stack."
        ),
    ] = "",
    duration: Annotated[str, typer.Option(help="The lifetime of its tokens, from 10m to 24h.")] = "1h",
    json: Json = False,
) -> None:
    """Write the kubeconfig of a user: a context with a short-lived token for each cluster where the user is bound.

    With a portal, a second one for each leads through it.
    """
    from meshfleet.automation.identities import require_one
    from meshfleet.files import make_directory, write_file
    from meshfleet.identities import user_kubeconfig as made
    from meshfleet.identities.portal_access import portal_in

    if json and output == STDOUT:
        raise typer.BadParameter("--json and --output - cannot be combined; give a file", param_hint="--output")
    session = open_session(stack, quiet=json or output == STDOUT)
    seconds = made.seconds_of(duration)
    made.clusters_for(session.topology, user)
    path = Path(output).absolute() if output else session.checkout.fleet(session.file.stack) / "users" / f"{user}.yaml"
    if output != STDOUT:
        made.require_own(path, user)
    status = session.status()
    require_one(session, status)
    portal = portal_in(session.engine.outputs()) if session.topology.portal else None
    found = made.user_kubeconfig(session.topology, status, user, seconds, portal)
    if found.expires and output == STDOUT:
        print(found.text, end="")
    elif found.expires:
        make_directory(path.parent)
        write_file(path, found.text)
    if json:
        contexts = {name: {"expires": expires} for name, expires in found.expires.items()}
        file = {"file": str(path)} if contexts else {}
        print_json(
            {"ok": not found.failed, "stack": stack, "user": user, **file, "contexts": contexts, "failed": found.failed}
        )
    else:
        for reason in found.failed.values():
            print_line(f"left out: {reason}")
        if found.expires and output != STDOUT:
            contexts_named = ", ".join(found.expires)
            print_line(
                f"wrote {path} with the contexts {contexts_named}; its tokens are valid until "
                f"{min(found.expires.values())}: export KUBECONFIG={shlex.quote(str(path))}"
            )
    if found.failed:
        exit_with(FAILED)


def who_can(
    verb: Annotated[str, typer.Argument(help="The verb, such as get, list or delete.")],
    resource: Annotated[
        str,
        typer.Argument(help="The resource, such as pods, pods/log or deployments.apps, or a path such as /metrics."),
    ],
    stack: Stack,
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="The namespace. Default: all of them.")] = "",
    name: Annotated[str, typer.Option("--name", help="The name of one object. Default: any object.")] = "",
    cluster: Annotated[
        list[str] | None, typer.Option("--cluster", help="Only this cluster. Repeatable. Default: every cluster.")
    ] = None,
    json: Json = False,
) -> None:
    """Ask each cluster which declared users may do something; exit 3 where that differs from the stack file."""
    from meshfleet.automation.identities import require_one
    from meshfleet.identities.reviewed import review

    session = open_session(stack, quiet=json)
    request, clusters = _asked(session.topology, verb, resource, namespace, name, cluster or ())
    status = session.status()
    require_one(session, status)
    answers = review(session.topology, status, request, clusters)
    found = {place: answer for place, answer in answers.items() if not isinstance(answer, str)}
    failed = {place: answer for place, answer in answers.items() if isinstance(answer, str)}
    differing = any(answer.more or answer.less for answer in found.values())
    if json:
        print_json(
            {
                "ok": not failed and not differing,
                "stack": stack,
                "request": _described(request),
                "clusters": {place: answer.as_json() for place, answer in found.items()},
                "failed": failed,
            }
        )
    else:
        for line in who_can_lines(request, found, failed):
            print_line(line)
    if failed or differing:
        exit_with(FAILED if failed else DRIFTED)


def who_can_lines(request: Request, found: Mapping[str, Reviewed], failed: Mapping[str, str]) -> Iterator[str]:
    """The answers for people. Pure."""
    yield str(request)
    for cluster, answer in found.items():
        yield f"  {cluster}: {', '.join((*answer.users, *answer.service_accounts)) or 'none'}"
        for one in answer.more:
            yield f"    {one.words} may in {cluster}, and not by the stack file"
        for one in answer.less:
            yield f"    {one.words} may by the stack file, and not in {cluster}"
    for cluster, reason in failed.items():
        yield f"  {cluster}: no response: {reason}"


def _asked(
    fleet: Fleet, verb: str, resource: str, namespace: str, name: str, clusters: tuple[str, ...] | list[str]
) -> tuple[Request, tuple[str, ...]]:
    """The request and the clusters. Raises TopologyError with all that is wrong with the words of a command."""
    from meshfleet.federation.identities.policy import Request
    from meshfleet.redaction.shown import shown
    from meshfleet.topology import Fault, TopologyError
    from meshfleet.topology.names import LABEL_LENGTH, label_fault
    from meshfleet.topology.rbac.policy_rule import VERB

    faults = []
    if not VERB.fullmatch(verb):
        faults.append(Fault("VERB", f"{shown(verb)} is not a verb; write it as in get, list or delete"))
    request = Request(verb)
    try:
        request = _request(fleet, verb, resource, namespace, name)
    except TopologyError as error:
        faults += error.faults
    if namespace and (fault := label_fault(namespace, LABEL_LENGTH, "as namespaces are")):
        faults.append(Fault("--namespace", f"{fault}; leave the option out for all namespaces"))
    if name and not OBJECT_NAME.fullmatch(name):
        faults.append(Fault("--name", f"{shown(name)} is not the name of an object; leave the option out for any"))
    known = ", ".join(fleet.clusters)
    faults += [
        Fault("--cluster", f"no cluster is named {shown(one)}; known are {known}")
        for one in clusters
        if one not in fleet.clusters
    ]
    if not fleet.identities.users and not fleet.identities.service_accounts:
        faults.append(Fault("identities", "declares no user and no service account, of whom could be asked; add some"))
    if faults:
        raise TopologyError(faults)
    return request, tuple(dict.fromkeys(clusters)) or tuple(fleet.clusters)


def _request(fleet: Fleet, verb: str, resource: str, namespace: str, name: str) -> Request:
    """The request about a resource or a path. Raises TopologyError for what is neither."""
    from meshfleet.federation.identities.policy import Request
    from meshfleet.federation.identities.resources import in_no_namespace, resource_of, subresource_fault
    from meshfleet.redaction.shown import shown
    from meshfleet.topology import Fault, TopologyError
    from meshfleet.topology.rbac.policy_rule import API_GROUP, RESOURCE, URL

    if resource.startswith("/"):
        if URL.fullmatch(resource) and "?" not in resource and not namespace and not name:
            return Request(verb, path=resource)
        fault = (
            f"{shown(resource)} is not a path, or one with a query, a namespace or a name, which paths do not have; "
            "write it as in /metrics"
        )
        raise TopologyError([Fault("RESOURCE", fault)])
    try:
        group, plural = resource_of(resource, fleet.identities)
    except ValueError as error:
        raise TopologyError([Fault("RESOURCE", str(error))]) from None
    if not RESOURCE.fullmatch(plural) or not API_GROUP.fullmatch(group):
        raise TopologyError([Fault("RESOURCE", f"{shown(resource)} is not a resource; write it as in pods/log")])
    if unknown := subresource_fault(group, plural, fleet.identities):
        raise TopologyError([Fault("RESOURCE", unknown)])
    if namespace and in_no_namespace(group, plural):
        # A Role may allow it there, and no request is ever made so.
        raise TopologyError([Fault("--namespace", f"{plural} are in no namespace; leave the option out")])
    return Request(verb, plural, group, namespace, name)


def _described(request: Request) -> dict[str, Any]:
    return {key: value for key, value in vars(request).items() if value}
