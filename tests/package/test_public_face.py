"""What `import meshfleet` gives to other programs, and what it costs."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

import meshfleet
from meshfleet.cli.command import app
from meshfleet.plugins.meshfleet import provider

ROOT = Path(meshfleet.__file__).resolve().parent.parent
PUBLIC = [
    "EmbeddedCluster",
    "EmbeddedNode",
    "Fleet",
    "IntermediateCertificateAuthority",
    "Istiod",
    "IstiodAddress",
    "KubeconfigFile",
    "RootCertificateAuthority",
    "StackFile",
    "TopologyError",
    "__version__",
    "kubeconfig_files",
    "load",
    "read_stack_file",
]

pytestmark = pytest.mark.proof("meshfleet is a package that other programs use", step=0)


def test_the_public_names_are_these() -> None:
    assert meshfleet.__all__ == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(meshfleet, name) is not None


def test_another_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'automation_of_no_kind'"):
        _ = meshfleet.automation_of_no_kind


def test_the_import_brings_nothing_of_others_with_it() -> None:
    # Plugins import the package too, and their start counts in every run.
    found = "import sys, meshfleet; print(sorted({'pulumi', 'pydantic', 'lightkube'} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", found], text=True, cwd=ROOT) == "[]\n"


def test_the_package_is_typed() -> None:
    assert (ROOT / "meshfleet" / "py.typed").read_text() == ""


def test_the_version_is_stated_once() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert declared["project"]["dynamic"] == ["version"]
    assert declared["tool"]["hatch"]["version"] == {"path": "meshfleet/__init__.py"}
    assert meshfleet.__version__ == provider.VERSION
    printed = CliRunner().invoke(app, ["--version"])
    assert (printed.exit_code, printed.stdout) == (0, f"{meshfleet.__version__}\n")
