"""Parts of images are changed as Karmada does, in every pod template."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.errors import DocumentError
from meshfleet.federation.overrides.image import Image, changed, parsed
from tests.examples import up_to
from tests.federation.overriding import KINDS, applied, images_of, workload

pytestmark = pytest.mark.proof("objects differ in some of their clusters by overrides", step=0)

DIGEST = "sha256:" + "0a" * 32
REGISTRIES = st.one_of(
    st.just(""),
    st.from_regex(r"[a-z0-9]{1,8}\.[a-z]{2,5}(:[0-9]{2,5})?", fullmatch=True),
    st.from_regex(r"[a-z][a-z0-9]{0,8}:[0-9]{2,5}", fullmatch=True),
    st.sampled_from(["localhost", "localhost:5000", "[fd00::1]:5000", "Registry"]),
)
REPOSITORIES = st.lists(st.from_regex(r"[a-z0-9]{1,4}((__|[._]|-{1,3})[a-z0-9]{1,4})?", fullmatch=True), min_size=1)
TAGS = st.one_of(st.just(""), st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True))


@given(REGISTRIES, REPOSITORIES, TAGS, st.sampled_from(["", DIGEST]))
@up_to(300)
def test_an_image_is_written_as_it_was_read(registry: str, parts: list[str], tag: str, digest: str) -> None:
    # Without a registry the first part is none only if it does not look like one.
    repository = "/".join(parts[:8]) if registry or "." not in parts[0] else parts[0]
    image = Image(registry, repository, tag, digest)
    assert parsed(str(image)) == image


@given(st.text(max_size=20))
@up_to(300)
def test_any_text_is_an_image_or_refused(text: str) -> None:
    try:
        image = parsed(text)
    except DocumentError:
        return
    assert str(image) == text


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("nginx", Image("", "nginx")),
        ("library/nginx:1", Image("", "library/nginx", "1")),
        ("host:5000/nginx", Image("host:5000", "nginx")),
        ("a.example/b/c:1@" + DIGEST, Image("a.example", "b/c", "1", DIGEST)),
        ("localhost/nginx", Image("localhost", "nginx")),
    ],
)
def test_the_registry_is_a_first_part_that_looks_so(text: str, image: Image) -> None:
    assert parsed(text) == image


@pytest.mark.parametrize(
    ("text", "component", "operator", "value", "result"),
    [
        ("nginx:1", "Registry", "replace", "mirror.example:5000", "mirror.example:5000/nginx:1"),
        ("a.example/nginx", "Registry", "replace", "mirror.example/a.example", "mirror.example/a.example/nginx"),
        ("a.example/nginx", "Registry", "add", ":5000", "a.example:5000/nginx"),
        ("a.example/nginx", "Registry", "remove", "", "nginx"),
        ("a.example/x/nginx:1", "Repository", "replace", "y/apache", "a.example/y/apache:1"),
        ("nginx:1", "Repository", "add", "-unprivileged", "nginx-unprivileged:1"),
        ("nginx:1", "Tag", "replace", "2", "nginx:2"),
        ("nginx:1", "Tag", "add", "-alpine", "nginx:1-alpine"),
        ("nginx:1", "Tag", "remove", "", "nginx"),
        ("nginx:1@" + DIGEST, "Tag", "replace", "2", "nginx:2"),
        ("nginx:1", "Digest", "replace", DIGEST, "nginx@" + DIGEST),
        ("nginx:1@" + DIGEST, "Digest", "remove", "", "nginx:1"),
        ("nginx", "Tag", "remove", "", None),
    ],
)
def test_one_part_is_changed(text: str, component: str, operator: str, value: str, result: str | None) -> None:
    assert changed(text, component, operator, value) == result


@pytest.mark.parametrize(
    ("text", "component", "value", "reason"),
    [
        ("nginx", "Registry", "mirror", "'mirror' is not a registry"),
        ("nginx", "Repository", "a.example/x", "is not a repository"),
        ("nginx", "Tag", "-x", "its tag is not one"),
        ("nginx", "Tag", "1@" + DIGEST, "is not a tag"),
        ("nginx", "Digest", "sha256:0a", "its digest is not one"),
        ("NGINX", "Tag", "1", "'NGINX' is not an image: its repository is not one"),
    ],
)
def test_what_would_be_no_image_is_refused(text: str, component: str, value: str, reason: str) -> None:
    with pytest.raises(DocumentError) as error:
        changed(text, component, "replace", value)
    assert reason in str(error.value)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_pod_template_has_its_images_changed(kind: str) -> None:
    made = applied(workload(kind), {"image": [{"component": "Registry", "value": "mirror.example"}]})
    assert images_of(made.body) == {
        "setup": "mirror.example/setup:1",
        "web": "mirror.example/web:1",
        "side": "mirror.example/side:1",
    }
    assert made.applied == ("overrides[0].image[0]",)


def test_one_container_alone_has_its_image_changed() -> None:
    override: dict[str, Any] = {"image": [{"component": "Tag", "value": "2", "container": "side"}]}
    assert images_of(applied(workload("Deployment"), override).body) == {
        "setup": "setup:1",
        "web": "web:1",
        "side": "side:2",
    }
