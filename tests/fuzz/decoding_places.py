"""Every place of the code that decodes what something else wrote: a pod, a server, a program, the kernel, a file.

Found in the syntax trees, so that a new place is seen without anyone listing it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.syntax_trees import syntax_tree

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("meshfleet", "components")

_DECODERS = {
    *(
        "parse_json",
        "load_yaml",
        "json.loads",
        "json.load",
        "yaml.load",
        "yaml.load_all",
        "msgspec.json.decode",
        "tarfile.open",
        "run_bounded",
    ),
    *("base64.b64decode", "base64.urlsafe_b64decode"),
}
"""Functions whose result is what somebody else wrote."""
_CLIENTS = {"client", "_client", "server", "_server", "_http"}
_REQUESTS = {"get", "list", "watch", "create", "metadata", "request", "stream"}
_OF_THE_KERNEL = {"cmdline", "environ"}


def places() -> set[str]:
    """Each as `file:function`, or `file:` for what a module does when it is imported."""
    return {
        f"{path.relative_to(ROOT)}:{function}"
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        # The test harness reads what the command printed.
        if not path.is_relative_to(ROOT / "meshfleet" / "testing")
        for function in _in_module(syntax_tree(path), "")
    }


def _in_module(node: ast.AST, function: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        inside = function
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            inside = f"{function}.{child.name}".lstrip(".")
        if _decodes(child):
            yield inside
        yield from _in_module(child, inside)


def _decodes(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        # A file of /proc that is read by its name; of the few that are only mounted or written the table says so.
        return isinstance(node.value, str) and node.value.startswith("/proc/")
    if not isinstance(node, ast.Call):
        return False
    name = _name(node.func)
    receiver, _, method = name.rpartition(".")
    last = receiver.rpartition(".")[2]
    return (
        name in _DECODERS
        or (method in ("load_all", "compose") and receiver.startswith("YAML"))
        or (method == "decode" and last.isupper())
        or method.startswith(("load_pem_x509", "load_der_x509"))
        or (last in _CLIENTS and method in _REQUESTS)
        or (method in _OF_THE_KERNEL and not node.args)
    )


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value)}.{node.attr}"
    return _name(node.func) if isinstance(node, ast.Call) else "?"
