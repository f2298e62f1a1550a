"""Threads that use lightkube for the first time at the same moment do not wait for each other's imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.syntax_trees import nodes, syntax_tree

pytestmark = pytest.mark.proof("threads that use libraries for the first time at the same moment", step=0)

ROOT = Path(__file__).resolve().parents[2]
# The package and submodules that it imports itself, as handlers import them in their functions.
SIDE_BY_SIDE = """
import threading
from importlib import import_module
from meshfleet.kube.loading import load_lightkube

names = ["lightkube", "lightkube.resources.core_v1", "lightkube.codecs", "lightkube.types", "lightkube.core.client",
         "lightkube.generic_resource", "lightkube.models.core_v1", "meshfleet.kube.client"]
together, failures = threading.Barrier(len(names)), []

def use(name):
    together.wait()
    try:
        load_lightkube()
        import_module(name)
    except BaseException as error:
        failures.append(f"{name}: {error!r}")

threads = [threading.Thread(target=use, args=(name,)) for name in names]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert failures == [], failures
"""
# A request that may reach a cluster, to a provider that looks whether lightkube is loaded.
REQUESTED = """
import sys
from types import SimpleNamespace
from pulumi.runtime.proto import provider_pb2
from meshfleet.plugins.serve import _Servicer

class Seen(Exception):
    pass

def look(request):
    raise Seen("lightkube" in sys.modules)

def aborted(code, text):
    raise AssertionError(text)

method = sys.argv[1]
assert "lightkube" not in sys.modules
servicer = _Servicer(SimpleNamespace(**{method.lower(): look}), "1.0.0")
try:
    getattr(servicer, method)(getattr(provider_pb2, f"{method}Request")(), SimpleNamespace(abort=aborted))
except AssertionError as error:
    assert str(error) == "Seen: True", error
else:
    raise SystemExit("the provider was not reached")
"""


def run(program: str, *arguments: str) -> None:
    """Run a program in a Python that has imported nothing yet."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_submodules_are_imported_side_by_side_once_the_package_is_loaded() -> None:
    for _ in range(5):
        run(SIDE_BY_SIDE)


@pytest.mark.parametrize("method", ["Create", "Read", "Update", "Delete"])
def test_each_request_that_may_reach_a_cluster_loads_the_package_first(method: str) -> None:
    run(REQUESTED, method)


def submodule_first(path: Path) -> Iterator[str]:
    """The functions of a file that import a submodule of lightkube before anything has loaded the package.

    Whoever has a client has the package: its class is in it.
    """
    for scope in nodes(path):
        if isinstance(scope, ast.ClassDef) and "Client" in {name.id for name in names(scope)}:
            continue
        for function in functions(scope):
            parameters = [*function.args.args, *function.args.kwonlyargs]
            given = {name.id for one in parameters if one.annotation for name in names(one.annotation)}
            if "Client" not in given and not is_loaded_first(function.body):
                yield f"{path.relative_to(ROOT)}:{function.lineno} {function.name}"


def names(node: ast.AST) -> Iterator[ast.Name]:
    return (one for one in ast.walk(node) if isinstance(one, ast.Name))


def functions(scope: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    body = scope.body if isinstance(scope, (ast.Module, ast.ClassDef)) else ()
    return (one for one in body if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)))


def is_loaded_first(body: list[ast.stmt]) -> bool:
    """Whether these statements load the package before they import a submodule, if they import one."""
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and node.id == "load_lightkube":
                return True
            if isinstance(node, ast.ImportFrom) and node.module == "lightkube":
                return True
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lightkube."):
                return False
    return True


def test_each_function_that_is_given_no_client_loads_the_package_before_a_submodule() -> None:
    files = sorted(ROOT.joinpath("meshfleet").rglob("*.py"))
    assert [line for path in files for line in submodule_first(path)] == []


@pytest.mark.parametrize("folder", ["kube", "plugins"])
def test_each_module_that_a_request_may_import_loads_the_package_before_a_submodule(folder: str) -> None:
    late = [
        str(path.relative_to(ROOT))
        for path in sorted(ROOT.joinpath("meshfleet", folder).rglob("*.py"))
        if not is_loaded_first([one for one in syntax_tree(path).body if isinstance(one, ast.ImportFrom)])
    ]
    assert late == []


def test_a_function_that_imports_a_submodule_first_is_found() -> None:
    for text, found in (
        ("def read():\n    from lightkube.resources.core_v1 import Pod\n", False),
        ("def read():\n    load_lightkube()\n    from lightkube.resources.core_v1 import Pod\n", True),
        ("def read():\n    from lightkube import ApiError\n    from lightkube.types import PatchType\n", True),
    ):
        (function,) = functions(ast.parse(text))
        assert is_loaded_first(function.body) is found
