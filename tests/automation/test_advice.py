"""Advice can be followed: each command in a message is one, with what it needs, and none is for programs."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

from meshfleet.automation.engine.engine import reason_of
from meshfleet.automation.reporting.output import completed as as_shown
from meshfleet.automation.reporting.output import completing
from meshfleet.automation.reporting.plugin_advice import PROGRAM_WORDS, for_stack_files
from meshfleet.cli.command import app
from meshfleet.cli.next_steps import after_drift, after_verify
from meshfleet.cli.typed_commands import completed, required_options, stack_in
from meshfleet.plugins.kubernetes.awaits import holders
from meshfleet.workspace.project_folder import REINSTALL, SETUP
from tests.automation.stack_files import ROOT
from tests.syntax_trees import nodes

pytestmark = pytest.mark.proof("advice names what was seen, and can be followed from where the reader is", step=0)

PACKAGES = ("meshfleet", "components")
COMMAND = re.compile(r"(?<![\w/.-])meshfleet ((?:vm )?[a-z]+\b[^;,.()`\n:]*)")
SCRIPT = re.compile(r"(?<!\w)(?:\./)?(scripts/[a-z]+(?:-[a-z]+)*)")


@pytest.fixture(scope="module")
def group() -> TyperGroup:
    return typer.main.get_group(app)


def texts(path: Path) -> Iterator[str]:
    """Every string of a module but docstrings, with X for what is filled in."""
    found = nodes(path)
    left_out = {
        id(node.body[0].value)
        for node in found
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    left_out |= {id(part) for node in found if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in found:
        if isinstance(node, ast.JoinedStr):
            yield "".join(map(_part, node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in left_out:
            yield node.value


def _part(part: ast.expr) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    named = part.value.id if isinstance(part, ast.FormattedValue) and isinstance(part.value, ast.Name) else ""
    return {"SETUP": SETUP, "REINSTALL": REINSTALL}.get(named, "X")


@cache
def messages() -> list[tuple[str, str]]:
    """Every text of this project, with the module it is in."""
    return sorted(
        {
            (str(path.relative_to(ROOT)), text)
            for package in PACKAGES
            for path in (ROOT / package).rglob("*.py")
            for text in texts(path)
        }
    )


def parsed(group: TyperGroup, line: str) -> bool:
    """Whether a command line begins with a command, and then whether all its options are known and none is missing."""
    words = shlex.split(line)
    command = group.commands.get(words[0])
    rest = words[1:]
    if isinstance(command, TyperGroup):
        command, rest = command.commands.get(rest[0]) if rest else None, rest[1:]
    if command is None:
        return False
    options = [word for word in rest if word.startswith("-")]
    known = {name for parameter in command.params for name in parameter.opts}
    assert set(options) <= known, line
    missing = [p.opts[0] for p in command.params if p.required and p.opts[0].startswith("--") and p.opts[0] not in rest]
    assert missing == [], line
    return True


def test_every_command_in_a_message_is_one_with_the_options_it_needs(group: TyperGroup) -> None:
    required = required_options(group)
    found = 0
    for place, text in messages():
        for match in COMMAND.finditer(completed(text, required, "dev")):
            try:
                found += parsed(group, match[1])
            except ValueError:
                raise AssertionError(f"{place}: {match[0]}") from None
    assert found > 25


def test_every_script_in_a_message_is_there() -> None:
    named = {script for _, text in messages() for script in SCRIPT.findall(text)}
    assert named
    assert [script for script in named if not (ROOT / script).is_file()] == []


def test_no_message_of_the_plugin_speaks_to_the_author_of_a_program() -> None:
    spoken = [
        (place, text)
        for place, text in messages()
        # A sentence, as against the name of a field or a pattern.
        if place.startswith("meshfleet/plugins/kubernetes/") and len(text.split()) > 4 and PROGRAM_WORDS.search(text)
    ]
    assert len(spoken) >= 3
    assert [
        (place, for_stack_files(text)) for place, text in spoken if PROGRAM_WORDS.search(for_stack_files(text))
    ] == []


OFFICIAL = [
    "configured Kubernetes cluster is unreachable: unable to load schema information from the API server: Get "
    '"https://h:443/openapi/v2?timeout=32s": dial tcp: lookup h: no such host. If the cluster has been deleted, you '
    "can edit the pulumi state to remove this resource or retry with the PULUMI_K8S_DELETE_UNREACHABLE environment "
    "variable set to true",
    "unable to load Kubernetes client configuration from kubeconfig file: invalid configuration: no configuration has "
    "been provided, try setting KUBERNETES_MASTER environment variable",
    "Server-Side Apply field conflict detected. See https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/"
    "managing-resources-with-server-side-apply/#handle-field-conflicts-on-existing-resources for troubleshooting help: "
    'the API server reported: conflict with "kubectl": .data.a',
    "the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock file "
    "with `pulumi cancel`.",
    "timed out waiting to be Ready; to wait longer set customTimeouts on the resource",
    'configmaps "map" already exists The resource already exists in the cluster. This can happen when: - Renaming a '
    "Pulumi resource: use an alias to preserve the identity, or use deleteBeforeReplace if the resource needs "
    "replacement. - Managing an existing resource: use a Patch resource (e.g. NamespacePatch) to manage specific "
    "fields without owning the resource lifecycle. - Adopting a resource into Pulumi: use `pulumi import`. Note that "
    "protected resources (e.g. kube-system) cannot be deleted on destroy. - Intentional upsert: set "
    "upsertExistingObjects on the provider to allow server-side apply to update existing objects on create.",
]


@pytest.mark.parametrize("text", OFFICIAL)
def test_what_the_official_plugin_advises_is_put_for_authors_of_stack_files(text: str) -> None:
    shown = for_stack_files(text)
    assert not PROGRAM_WORDS.search(shown)
    # What was seen stays, and of reasons that are none here nothing does.
    assert shown[:24] == text[:24]
    assert "deleteBeforeReplace" not in shown


def test_a_text_without_such_advice_is_left_as_it_is() -> None:
    text = "https://127.0.0.1:1 refuses ConfigMap a/b:  two  spaces"
    assert for_stack_files(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("run `meshfleet up`", "run `meshfleet up --stack dev`"),
        ("meshfleet up --refresh makes it so", "meshfleet up --stack dev --refresh makes it so"),
        ("run meshfleet up -s west again", "run meshfleet up -s west again"),
        ("run meshfleet up --stack west again", "run meshfleet up --stack west again"),
        ("meshfleet vm bundle billing", "meshfleet vm bundle --stack dev --out OUT billing"),
        ("run meshfleet destroy --all", "run meshfleet destroy --all"),
        ("internal error of meshfleet", "internal error of meshfleet"),
        ("/home/meshfleet up", "/home/meshfleet up"),
        ("the package meshfleet-support", "the package meshfleet-support"),
    ],
)
def test_commands_get_the_stack_and_what_else_they_need(text: str, shown: str, group: TyperGroup) -> None:
    assert completed(text, required_options(group), "dev") == shown


def test_without_a_stack_a_placeholder_stands_there(group: TyperGroup) -> None:
    assert completed("meshfleet up", required_options(group), "") == "meshfleet up --stack STACK"


@pytest.mark.parametrize(
    ("arguments", "stack"),
    [
        (["up", "--stack", "dev"], "dev"),
        (["up", "-s", "dev"], "dev"),
        (["up", "--stack=dev"], "dev"),
        (["up", "-s"], ""),
    ],
)
def test_the_stack_is_that_of_the_command_line(arguments: list[str], stack: str) -> None:
    assert stack_in(arguments) == stack


def test_texts_are_completed_only_within_a_command() -> None:
    with completing(str.upper):
        assert as_shown("a") == "A"
    assert as_shown("a") == "a"


def test_what_does_not_respond_is_started_and_not_refreshed() -> None:
    (first, *_) = after_drift("dev", ["east: remote-secrets update"], ["east: 3 resources cannot be read: no response"])
    assert first.startswith("meshfleet up --stack dev ")
    assert after_drift("dev", ["west: kubernetes update (state)"], [])[0].startswith("meshfleet up --stack dev ")
    assert after_drift("dev", ["west: remote-secrets delete"], [])[0].startswith("meshfleet up --refresh ")
    assert after_drift("dev", [], []) == []


def test_a_failed_verification_says_what_finds_and_fixes_the_cause() -> None:
    assert after_verify("dev", []) == []
    deleted = after_verify("dev", ["west does not know east: no remote secret"])
    assert [line.partition(" --stack")[0] for line in deleted] == ["meshfleet drift", "meshfleet up --refresh"]
    dead = after_verify("dev", ["the API server of west does not respond"])
    assert dead[0] == "meshfleet up --stack dev starts stopped processes"


@pytest.mark.parametrize("code", [1, -9, 255])
def test_an_engine_that_says_nothing_is_a_sentence(code: int) -> None:
    said = reason_of("up", code, "\n", "  \n")
    assert said.startswith("pulumi up was terminated by signal 9" if code < 0 else f"pulumi up exited with code {code}")
    assert said.endswith("run the same command again, which resumes")


def test_what_holds_a_namespace_is_what_its_conditions_say() -> None:
    conditions = [
        {"type": "NamespaceDeletionDiscoveryFailure", "status": "False", "message": "all discovered"},
        {
            "type": "NamespaceContentRemaining",
            "status": "True",
            "message": "widgets.example.com has 1 resource instances",
        },
        {
            "type": "NamespaceFinalizersRemaining",
            "status": "True",
            "message": "example.com/hold in 1 resource instances",
        },
    ]
    live = {"metadata": {"name": "a"}, "status": {"conditions": conditions}}
    assert holders(live) == ("widgets.example.com has 1 resource instances; example.com/hold in 1 resource instances")
    assert holders({"metadata": {"finalizers": ["a/b"]}}) == "the finalizer a/b"
    assert holders({"metadata": {}}) == "nothing that it names"
