"""Roots that cannot be: none, too many, two of one name, names that fit nowhere, one that signs and is not there."""

from __future__ import annotations

from tests.topology.wrong_stacks.wrong import ABSENT, Config, Wrong

TRUST = "meshes.mesh1.trust"
LONG_MESH = "m" * 40


def in_mesh(name: str, trust: Config) -> dict[str, object]:
    """The only mesh by another name."""
    return {"meshes.mesh1": ABSENT, f"meshes.{name}": {"trust": trust}}


ROOTS = [
    Wrong("no root", {f"{TRUST}.roots": []}, {f"{TRUST}.roots": "the list is empty; name a root"}),
    Wrong(
        "three roots",
        {f"{TRUST}.roots": ["a", "b", "c"]},
        {f"{TRUST}.roots": "3 roots are too many; 2 at most"},
    ),
    Wrong("two roots of one name", {f"{TRUST}.roots": ["a", "a"]}, {f"{TRUST}.roots[1]": "'a' is given twice"}),
    Wrong(
        "signing root that is not there",
        {f"{TRUST}.roots": ["a", "b"], f"{TRUST}.signing": "c"},
        {f"{TRUST}.signing": "no root is named 'c'; known are a, b"},
    ),
    Wrong(
        "signing root without a list of roots",
        {f"{TRUST}.signing": "second"},
        {f"{TRUST}.signing": "no root is named 'second'; known are first"},
    ),
    Wrong(
        "signing root and no root",
        {f"{TRUST}.roots": [], f"{TRUST}.signing": "a"},
        {f"{TRUST}.roots": "the list is empty", f"{TRUST}.signing": "known are none"},
    ),
    Wrong(
        "root that is no DNS label",
        {f"{TRUST}.roots": ["Second", "2036"]},
        {f"{TRUST}.roots[0]": "'Second' is not a DNS label", f"{TRUST}.roots[1]": "'2036' is not a DNS label"},
    ),
    Wrong(
        "root that is a number",
        {f"{TRUST}.roots": [1]},
        {f"{TRUST}.roots[0]": "must be a string, got 1; put it in quotes"},
    ),
    Wrong("root without a name", {f"{TRUST}.roots": [""]}, {f"{TRUST}.roots[0]": "'' is not a DNS label"}),
    Wrong("roots that are a text", {f"{TRUST}.roots": "first"}, {f"{TRUST}.roots": "must be a list, got 'first'"}),
    Wrong(
        "roots that are a mapping",
        {f"{TRUST}.roots": {"first": {}}},
        {f"{TRUST}.roots": "must be a list, got {first: {}}"},
    ),
    Wrong("signing root that is a number", {f"{TRUST}.signing": 1}, {f"{TRUST}.signing": "must be a string, got 1"}),
    Wrong(
        "root too long for the common name of its certificate",
        in_mesh(LONG_MESH, {"roots": ["second-root-ca", "b"]}),
        {f"meshes.{LONG_MESH}.trust.roots[0]": "'second-root-ca' has 14 characters; at most 12 are allowed"},
    ),
    Wrong(
        "mesh so long that no other root has a name",
        in_mesh("m" * 53, {"roots": ["b"]}),
        {f"meshes.{'m' * 53}.trust.roots[0]": "'b' has 1 characters; none is short enough"},
    ),
    Wrong(
        "mesh that is too long itself",
        in_mesh("m" * 54, {"roots": ["b"]}),
        {f"meshes.{'m' * 54}": "has 54 characters; at most 53"},
    ),
    Wrong(
        "several faults of roots",
        {f"{TRUST}.roots": ["a", "a", "B"], f"{TRUST}.signing": "c"},
        {
            f"{TRUST}.roots": "3 roots are too many",
            f"{TRUST}.roots[1]": "given twice",
            f"{TRUST}.roots[2]": "'B' is not a DNS label",
            f"{TRUST}.signing": "no root is named 'c'",
        },
    ),
]
