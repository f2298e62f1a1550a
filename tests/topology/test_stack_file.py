"""Stack files: which are found, how they are read, and what is said of those that cannot be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from meshfleet.sources import load
from meshfleet.topology import StackFile, TopologyError, read_stack_file
from meshfleet.topology.draft import SECTIONS, SINGLES
from meshfleet.topology.stack_file import find_stack_file, known_stacks
from tests.examples import scaled
from tests.topology.name_strategies import CHARACTERS
from tests.topology.wrong_stacks.secrets import BODY, PEM, TOKEN

pytestmark = pytest.mark.proof("stack files are checked before anything exists", step=0)

STACKS = Path(__file__).parents[2] / "stacks"
DEV = """\
config:
  meshfleet:networks: {network-west: {}}
  meshfleet:clusters:
    west: {embedded: {}, network: network-west}
"""


def _read(folder: Path, text: str | bytes, stack: str = "dev") -> StackFile:
    content = text.encode() if isinstance(text, str) else text
    (folder / f"Pulumi.{stack}.yaml").write_bytes(content)
    return read_stack_file(folder, stack)


def _faults(folder: Path, text: str | bytes) -> list[tuple[str, str]]:
    with pytest.raises(TopologyError) as caught:
        _read(folder, text)
    return [(fault.path, fault.message) for fault in caught.value.faults]


@pytest.mark.parametrize("stack", known_stacks(STACKS))
def test_every_stack_file_of_the_project_describes_a_fleet(stack: str) -> None:
    file = read_stack_file(STACKS, stack)
    fleet = load(file.stack, file.config)
    assert fleet.name == file.stack == stack.rpartition("/")[2]
    assert fleet.clusters


def test_a_section_that_may_be_left_out_is_empty_to_pulumi_as_well() -> None:
    """Pulumi refuses a stack without a value that its project file declares without a default."""
    declared = yaml.safe_load((STACKS.parent / "Pulumi.yaml").read_text(encoding="utf-8"))["config"]
    assert declared.keys() >= {*SECTIONS, *SINGLES}
    assert [name for name, one in declared.items() if "default" not in one] == []


def test_the_project_has_the_dev_stack_and_an_example_of_two_meshes() -> None:
    assert {"dev", "examples/two-meshes"} <= set(known_stacks(STACKS))


def test_the_dev_stack_is_one_mesh_over_three_networks() -> None:
    fleet = load("dev", read_stack_file(STACKS, "dev").config)
    assert (list(fleet.clusters), fleet.host) == (["host", "west", "east"], "host")
    assert [fleet.model_of(mesh) for mesh in fleet.meshes] == ["multi-primary, several networks"]


def test_the_two_meshes_of_the_example_share_nothing() -> None:
    fleet = load("two-meshes", read_stack_file(STACKS, "examples/two-meshes").config)
    assert fleet.members_of("development") == ("control", "test")
    assert fleet.members_of("production") == ("production",)
    assert not set(fleet.networks_of("development")) & set(fleet.networks_of("production"))
    assert fleet.meshes["development"].trust_domain != fleet.meshes["production"].trust_domain


def test_a_stack_file_is_read_with_its_name_path_and_sections(tmp_path: Path) -> None:
    file = _read(tmp_path, DEV)
    assert (file.stack, file.path) == ("dev", tmp_path / "Pulumi.dev.yaml")
    assert list(file.config) == ["networks", "clusters"]


def test_a_section_needs_no_prefix_and_other_packages_settings_are_left_alone(tmp_path: Path) -> None:
    file = _read(tmp_path, "config: {host: west, 'kubernetes:context': x, 'meshfleet:istio': {}}")
    assert file.config == {"host": "west", "istio": {}}


def test_settings_of_pulumi_beside_the_configuration_are_left_alone(tmp_path: Path) -> None:
    assert _read(tmp_path, f"encryptionsalt: v1:AAAA:v1:AAAA:AAAA\n{DEV}").config["networks"] == {"network-west": {}}


def test_a_stack_with_a_dot_in_its_name_is_found(tmp_path: Path) -> None:
    assert _read(tmp_path, DEV, "eu.prod").stack == "eu.prod"


def test_stacks_are_listed_as_they_are_given(tmp_path: Path) -> None:
    (tmp_path / "examples").mkdir()
    for name in (
        "Pulumi.b.yaml",
        "Pulumi.a.yaml",
        "examples/Pulumi.c.yaml",
        "Pulumi.yaml",
        "Pulumi..yaml",
        "x.yaml",
    ):
        (tmp_path / name).touch()
    (tmp_path / "Pulumi.folder.yaml").mkdir()
    assert known_stacks(tmp_path) == ("a", "b", "examples/c")
    assert known_stacks(tmp_path / "none") == ()


@pytest.mark.parametrize(
    "stack",
    [
        "",
        ".",
        "..",
        "x",
        "../x",
        "../outside",
        "examples/../dev",
        "./dev",
        "/etc/passwd",
        "dev\0",
        "d*",
        "a" * 5000,
        "dev/",
    ],
)
def test_an_unknown_stack_names_those_there_are_and_leads_nowhere_else(tmp_path: Path, stack: str) -> None:
    folder = tmp_path / "stacks"
    (folder / "examples").mkdir(parents=True)
    (folder / "Pulumi.dev.yaml").write_text(DEV)
    (tmp_path / "Pulumi.outside.yaml").write_text(DEV)
    with pytest.raises(TopologyError) as caught:
        find_stack_file(folder, stack)
    (fault,) = caught.value.faults
    assert fault.path == "--stack"
    # What can be a name is looked for, and nothing else is.
    if stack == "x":
        assert fault.message == "there is no stack 'x'; there are dev"
    else:
        refused = (
            "is not a stack name",
            "name a stack",
            "a stack name has at most",
            "name one of them",
            "there are dev",
        )
        assert any(words in fault.message for words in refused)


def test_a_folder_without_stacks_says_so(tmp_path: Path) -> None:
    with pytest.raises(TopologyError, match="there is no stack 'dev'; there are none"):
        read_stack_file(tmp_path, "dev")


def test_two_files_of_one_name_are_refused_since_pulumi_knows_only_the_name(tmp_path: Path) -> None:
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "Pulumi.dev.yaml").write_text(DEV)
    with pytest.raises(TopologyError, match="dev and examples/dev are both the stack 'dev' to Pulumi"):
        _read(tmp_path, DEV)


@pytest.mark.parametrize(
    ("text", "path", "part"),
    [
        ("config: [", "Pulumi.dev.yaml", "is not YAML: "),
        ("config:\n  a: b\n c: d", "Pulumi.dev.yaml", "in line 3, column 2"),
        ("config: {a: *b}", "Pulumi.dev.yaml", "is not YAML: found undefined alias 'b' in line 1, column 13"),
        ("config: !!python/object:os.system {}", "Pulumi.dev.yaml", "could not determine a constructor"),
        (
            "config: {}\n---\nconfig: {}",
            "Pulumi.dev.yaml",
            "is not YAML: a second document begins in line 2",
        ),
        (b"config: \xff", "Pulumi.dev.yaml", "is not text in UTF-8 (byte 8)"),
        ("config: \0", "Pulumi.dev.yaml", "is not YAML: "),
        ("config: {a: 2026-13-45}", "Pulumi.dev.yaml", "contains an invalid value"),
        (f"config: {{a: {'9' * 5000}}}", "Pulumi.dev.yaml", "contains an invalid value"),
        (f"config: {'[' * 2000}", "Pulumi.dev.yaml", "is nested more than 100 levels deep"),
        (
            "config: {true: 1, True: 2}",
            "Pulumi.dev.yaml",
            "is not YAML: a key is set twice in line 1, column 19",
        ),
        ("", "Pulumi.dev.yaml", "has no `config:` mapping; see docs/stack-file.md"),
        ("- config", "Pulumi.dev.yaml", "has no `config:` mapping"),
        ("config:", "Pulumi.dev.yaml", "has no `config:` mapping"),
        ("confg: {}", "Pulumi.dev.yaml", "has no `config:` mapping"),
        ("config: {}\nconfig: {}", "config", "the name 'config' is given twice; names are unique"),
        ("config: {clusters: {west: {}, west: {}}}", "clusters.west", "the name 'west' is given twice"),
        ("config: {clusters: {'3': {}, 3: {}}}", "clusters.3", "the name '3' is given twice"),
        ("config: {clusters: {}, 'meshfleet:clusters': {}}", "clusters", "is given twice; names are unique"),
        ("config: {host: a, 'meshfleet:host': a}", "host", "the name 'meshfleet:host' is given twice"),
        (
            "config: {namespaces: {a: {clusters: [{b: 1, b: 2}]}}}",
            "namespaces.a.clusters[0].b",
            "given twice",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_one_fault(tmp_path: Path, text: str | bytes, path: str, part: str) -> None:
    ((found, message),) = _faults(tmp_path, text)
    assert found == path
    assert part in message
    assert str(tmp_path) not in message


def test_every_duplicate_is_found_at_once(tmp_path: Path) -> None:
    text = "config: {networks: {a: {}, a: {}, a: {}, b: {}}, clusters: {c: {network: a, network: b}, c: {}}}"
    assert [path for path, _ in _faults(tmp_path, text)] == ["clusters.c", "clusters.c.network", "networks.a"]


@pytest.mark.parametrize(
    "text",
    [
        f"config: {{token: '{TOKEN}', token: '{BODY}'}}",
        f"config: {{true: '{TOKEN}', True: '{BODY}'}}",
        f"config:\n  key: '{TOKEN}\n  other: *{BODY[:3]}",
        f"config:\n  key: |\n{PEM}",
    ],
)
def test_what_is_said_of_a_damaged_file_repeats_no_secret_in_it(tmp_path: Path, text: str) -> None:
    with pytest.raises(TopologyError) as caught:
        _read(tmp_path, text)
    assert BODY not in str(caught.value)
    # The parser's own error quotes the file: it must not come along in a traceback either.
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_an_alias_may_be_used_and_one_that_contains_itself_is_a_fault(tmp_path: Path) -> None:
    used = _read(tmp_path, "config: {networks: {a: &empty {}, b: *empty}}")
    assert used.config == {"networks": {"a": {}, "b": {}}}
    with pytest.raises(TopologyError, match="an alias of a value that contains the alias"):
        _read(tmp_path, "config: {clusters: &all {west: *all}, networks: {n: {}}}")


@pytest.mark.parametrize("step", ["[{}]", "{{<<: [{}], k: v}}"], ids=["aliases", "merges"])
def test_aliases_that_multiply_are_refused_in_no_time(tmp_path: Path, step: str) -> None:
    first = "a0: &a0 [x]" if step.startswith("[") else "a0: &a0 {x: y}"
    levels = [f"a{n}: &a{n} " + step.format(", ".join([f"*a{n - 1}"] * 9)) for n in range(1, 12)]
    with pytest.raises(TopologyError, match="aliases expand to more than"):
        _read(tmp_path, "\n".join([first, *levels, "config: {clusters: {west: *a11}, host: *a11}"]))


def test_only_regular_files_of_a_mebibyte_at_most_are_read_also_through_a_link(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.dev.yaml"
    (tmp_path / "elsewhere").write_text(DEV, encoding="utf-8")
    path.symlink_to(tmp_path / "elsewhere")
    assert read_stack_file(tmp_path, "dev").stack == "dev"
    (tmp_path / "elsewhere").write_text("#" * (1024 * 1024 + 1), encoding="utf-8")
    with pytest.raises(TopologyError, match="larger than 1048576 bytes"):
        read_stack_file(tmp_path, "dev")
    for other in ("/dev/zero", "/dev/full"):
        path.unlink()
        path.symlink_to(other)
        with pytest.raises(TopologyError, match="there is no stack 'dev'"):
            read_stack_file(tmp_path, "dev")
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(TopologyError, match="there is no stack 'dev'"):
        read_stack_file(tmp_path, "dev")


def test_a_file_that_is_exchanged_for_a_pipe_while_it_is_opened_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "Pulumi.dev.yaml"
    os.mkfifo(path)
    monkeypatch.setattr("meshfleet.topology.stack_file.find_stack_file", lambda *_, **__: path)
    with pytest.raises(TopologyError, match=r"Pulumi\.dev\.yaml: is a pipe, not a file"):
        read_stack_file(tmp_path, "dev")


@settings(scaled(100), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(CHARACTERS.replace("\ud800", ""), max_size=40).map(str.encode), st.binary(max_size=40)))
@example(b"? [a]\n: b")
@example(b"config: {? {a: b} : c}")
@example(b"config: {? [a] : b, ? [a] : c}")
@example(b"config: !!binary LS0t")
def test_a_file_of_any_bytes_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    try:
        file = _read(tmp_path, content)
    except TopologyError as error:
        refusal = str(error)
    else:
        refusal = "" if isinstance(file.config, dict) else "no configuration"
    assert refusal != "no configuration"
    assert "\n" not in refusal or refusal.count(" is given twice") == refusal.count("\n") + 1
