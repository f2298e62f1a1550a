"""What a chart rendered, read as Kubernetes reads it; what is damaged or too large is refused in one sentence."""

from __future__ import annotations

import base64
import gzip
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.errors import ReleaseError
from meshfleet.kube.releases import record as records
from meshfleet.kube.releases.manifest import parts_of
from meshfleet.kube.releases.record import Record, pack, unpack

pytestmark = pytest.mark.proof("releases are compared object by object with what their chart rendered", step=0)


def content(manifest: str = "", **files: str) -> dict[str, Any]:
    return {
        "name": "istiod",
        "namespace": "istio-system",
        "version": 3,
        "info": {"status": "deployed"},
        "config": {"a": 1},
        "manifest": manifest,
        "chart": {
            "metadata": {"name": "istiod", "version": "1.0.0"},
            "files": [{"name": name, "data": base64.b64encode(text.encode()).decode()} for name, text in files.items()],
        },
    }


def parts(manifest: str = "", **files: str) -> list[Any]:
    return parts_of(Record("secret", {}, content(manifest, **files)))


MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\ndata:\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("'yes'", "yes"),
        ("1:30", "1:30"),
        ("2026-11-26", "2026-11-26"),
        ("0644", 0o644),
        ("0o644", 0o644),
        ("08", 8.0),
        ("1e3", 1000.0),
        ("1.5", 1.5),
        ("-3", -3),
        ("0x1f", 31),
        ("~", None),
        ("v1", "v1"),
        ("1m", "1m"),
    ],
)
def test_a_plain_scalar_is_what_it_is_to_kubernetes(text: str, value: Any) -> None:
    (part,) = parts(f"{MAP}  k: {text}\n")
    found = part.body["data"]["k"]
    assert found == value or (text == "08" and found == "08")
    assert type(found) is type(value) or text == "08"


def test_definitions_come_first_then_the_manifest_in_its_order() -> None:
    crd = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: %s}\n"
    lists = (
        "kind: List\napiVersion: v1\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: s, namespace: other}}"
    )
    found = parts(
        f"---\n# Source: a\n{MAP}---\n\n---\n{lists}\n",
        **{"crds/b.yaml": crd % "b", "crds/a.yaml": f"{crd % 'a1'}---\n{crd % 'a2'}", "README.md": "kind: no"},
    )
    assert [(str(part), part.namespace, part.templated) for part in found] == [
        ("CustomResourceDefinition a1", "istio-system", False),
        ("CustomResourceDefinition a2", "istio-system", False),
        ("CustomResourceDefinition b", "istio-system", False),
        ("ConfigMap m", "istio-system", True),
        ("Secret s", "other", True),
    ]


def test_a_job_that_its_cluster_removes_is_not_missed() -> None:
    jobs = "".join(
        f"---\napiVersion: batch/v1\nkind: Job\nmetadata: {{name: {name}}}\nspec: {spec}\n"
        for name, spec in (("kept", "{}"), ("removed", "{ttlSecondsAfterFinished: 10}"), ("empty", ""))
    )
    assert [str(part) for part in parts(jobs)] == ["Job kept", "Job empty"]


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "manifest", ["a: [", "a: b: c", BOMB, "a: !!python/object:os.system x", "\x00", "[" * 5000], ids=range(6)
)
def test_what_is_no_manifest_is_refused_in_one_sentence_without_its_text(manifest: str) -> None:
    with pytest.raises(ReleaseError, match=r"release istio-system/istiod: its manifest cannot be read") as caught:
        parts(manifest)
    assert "\n" not in str(caught.value)


def test_more_objects_than_are_compared_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshfleet.kube.releases.manifest.OBJECT_LIMIT", 2)
    with pytest.raises(ReleaseError, match="more than 2 objects"):
        parts("---\n".join([f"{MAP}  k: v\n"] * 3))


def test_a_record_comes_back_as_it_was_packed() -> None:
    assert unpack(pack(content("x")), "s") == content("x")


def encoded(data: bytes) -> str:
    return base64.b64encode(base64.b64encode(data)).decode()


GOOD = content("x")
DAMAGED = {
    "empty": "",
    "no base64": "%%%",
    "base64 once": base64.b64encode(b"{}").decode(),
    "cut": pack(GOOD)[: len(pack(GOOD)) // 8 * 4],
    "no gzip": encoded(b"\x1f\x8bgarbage"),
    "gzip cut": encoded(gzip.compress(json.dumps(GOOD).encode())[:-9]),
    "no json": encoded(b"{"),
    "no object": encoded(b"[]"),
    "no version": encoded(b"{}"),
    "no chart": encoded(b'{"version": 1, "info": {"status": "deployed"}}'),
    "deep": encoded(b"[" * 100_000),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_record_is_named_with_the_way_out(kind: str) -> None:
    with pytest.raises(ReleaseError, match=r"Secret ns/s: is no readable record of Helm .* remove that Secret"):
        unpack(DAMAGED[kind], "ns/s")


def test_a_record_that_unpacks_to_gigabytes_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_UNPACKED_LIMIT", 1000)
    with pytest.raises(ReleaseError):
        unpack(encoded(gzip.compress(b" " * 100_000)), "s")


@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_make_reading_a_record_fail_in_another_way(data: bytes, packed: bool) -> None:
    try:
        unpack(encoded(gzip.compress(data) if packed else data), "s")
    except ReleaseError:
        return


@given(st.text(max_size=80) | st.text("{}[]&*-:'\"!|> \nab1", max_size=60))
def test_no_text_makes_reading_a_manifest_fail_in_another_way(text: str) -> None:
    try:
        found = parts(text)
    except ReleaseError:
        return
    assert all(isinstance(part.body, dict) for part in found)
    assert not any(math.isnan(len(part.name)) for part in found)
