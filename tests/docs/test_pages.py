"""The pages name what there is: files, commands, options, settings, checks, packages; and their examples are valid."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from meshfleet.topology import load
from meshfleet.topology.rules.plain_secrets import plain_secrets
from meshfleet.verification import ClusterView, ControlPlaneView, FleetView, MeshView
from meshfleet.verification.checks import ALL, istioctl_analyze, loopback_ports
from meshfleet.verification.injected_view import InjectedView
from meshfleet.verification.view import RootObject
from meshfleet.verification.workload_view import WorkloadView
from tests.automation.commands import commands
from tests.docs.snippets import BLOCK, PAGES, ROOT

pytestmark = pytest.mark.proof("the documentation says what the code does", step=0)

# [text](target "title"), and images alike.
LINK = re.compile(r"\]\(([^)\s]+)[^)]*\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
# What a reader sets, as against what the programs set for one another.
SETTING = re.compile(r"\bMESHFLEET_[A-Z]+\b")
PACKAGES = [
    "components",
    *(
        f"meshfleet/{path.name}"
        for path in (ROOT / "meshfleet").iterdir()
        if (path / "__init__.py").exists() and not path.is_symlink()
    ),
]

# A fleet like that of the README: an istiod in each cluster, sidecars that are processes, and one workload everywhere.
# Some questions concern none such.
ECHO = WorkloadView("echo", "sample", "echo.sample.svc.cluster.local", 80, True, False, (), {"v1": 1})
LIKE_WEST, LIKE_EAST = (
    ClusterView(
        name,
        "member",
        "mesh1",
        f"network-{name}",
        Path(),
        ControlPlaneView("own", name),
        injected_namespaces=("sample",),
        pods="processes",
        workloads=(ECHO,),
    )
    for name in ("west", "east")
)
STRICT = RootObject("PeerAuthentication", "default", {"mtls": {"mode": "STRICT"}})
INJECTED = InjectedView({"cluster": "west"})
OF_THE_README = FleetView(
    "dev",
    (replace(LIKE_WEST, injected=INJECTED), LIKE_EAST),
    (MeshView("mesh1", "cluster.local", None, objects=(STRICT,)),),
    Path(),
    Path(),
)

COMMANDS = commands()


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def anchors(text: str) -> set[str]:
    """The links that the headings of a page offer, as GitHub makes them."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(text)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_within_the_documentation_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(BLOCK.sub("", page.read_text(encoding="utf-8"))):
        if "://" in link:
            continue
        file, _, fragment = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), f"{page.name} links to {link}"
        assert not fragment or fragment in anchors(target.read_text(encoding="utf-8")), f"{page.name}: {link}"


def test_every_page_is_reached_from_the_index() -> None:
    index = text_of("docs/index.md") + text_of("docs/adr/README.md")
    for page in PAGES:
        if page.name != "index.md" and page.parent != ROOT:
            assert page.name in index, page


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_described(name: str) -> None:
    row = next(
        line for line in text_of("docs/operations.md").splitlines() if line.startswith(f"| `meshfleet {name}` |")
    )
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts if option.startswith("--")}
    assert set(re.findall(r"`(--[a-z-]+)`", row.split("|")[2])) == options - {"--stack", "--json", "--help"}
    assert f"| `{name}` |" in text_of("README.md")


def test_no_command_is_described_that_is_not_there() -> None:
    told = re.findall(r"^\| `meshfleet ([a-z -]+)`", text_of("docs/operations.md"), re.MULTILINE)
    assert sorted(told) == sorted(COMMANDS)


def test_only_the_commands_that_the_pages_say_so_of_have_no_json() -> None:
    without = {name for name, command in COMMANDS.items() if not any("--json" in p.opts for p in command.params)}
    assert without == {"env"}
    assert "All but `env` take `--json`" in text_of("README.md")


def test_every_setting_that_is_read_is_described() -> None:
    code = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    read = {name for path in code for name in SETTING.findall(path.read_text(encoding="utf-8"))}
    assert set(SETTING.findall(text_of("docs/operations.md"))) == read


def test_every_check_is_described_and_shown_in_the_readme(monkeypatch: pytest.MonkeyPatch) -> None:
    # As for root, under any user.
    monkeypatch.setattr(loopback_ports, "cannot_close", lambda: "")
    described = re.findall(r"^\| `([a-z-]+)` \|", text_of("docs/how-it-works.md"), re.MULTILINE)
    assert described == [check.name for check in ALL]
    shown = re.findall(r"^([a-z-]+) +✓", text_of("README.md"), re.MULTILINE)
    assert shown == sorted(check.name for check in ALL if check.targets(OF_THE_README))


def test_every_known_exception_of_the_analysis_is_described() -> None:
    codes = {known.code for known in istioctl_analyze.KNOWN_EXCEPTIONS}
    assert set(re.findall(r"IST\d{4}", text_of("docs/how-it-works.md"))) == codes


@pytest.mark.parametrize("page", ["README.md", "docs/development.md"])
def test_the_packages_are_those_of_the_package(page: str) -> None:
    told = re.findall(r"^\| `([a-z_/]+)/` \|", text_of(page), re.MULTILINE)
    assert sorted(told) == sorted(PACKAGES)


def test_every_stack_file_in_the_pages_is_valid() -> None:
    found = 0
    for page in PAGES:
        for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
            if block["language"] == "yaml" and "config:\n" in block["text"]:
                config = YAML(typ="safe", pure=True).load(block["text"])["config"]
                load("example", {key.removeprefix("meshfleet:"): value for key, value in config.items()})
                found += 1
    assert found >= 4


def test_the_clusters_that_people_have_are_declared_as_the_readme_says() -> None:
    block = next(b["text"] for b in BLOCK.finditer(text_of("README.md")) if b["text"].lstrip().startswith("shop:"))
    clusters = YAML(typ="safe", pure=True).load(block)
    fleet = load("example", {"networks": {"network-shop": {}}, "clusters": clusters})
    assert fleet.clusters["shop"].provider == "existing"


def test_the_readme_has_a_place_for_the_figures() -> None:
    before, begin, rest = text_of("README.md").partition("<!-- bench:begin -->")
    assert "## Benchmarks" in before
    assert begin
    assert rest.count("<!-- bench:end -->") == 1


def test_no_page_holds_a_secret_or_a_place_of_one_machine() -> None:
    for page in (*PAGES, ROOT / "CHANGELOG.md"):
        text = page.read_text(encoding="utf-8")
        if page.name != "stack-file.md":
            # That page shows how a made-up token is refused.
            assert list(plain_secrets({"page": text})) == [], page
        assert not re.search(r"(?<![\w.~])/(root|home|work|tmp|Users)/", text), page
