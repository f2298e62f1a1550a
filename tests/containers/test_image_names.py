"""The names of images in documents are those under which images are made."""

from __future__ import annotations

import pytest

from meshfleet import image_names
from meshfleet.containers.images import find_images
from meshfleet.containers.images.component import ISTIO_HUB

pytestmark = pytest.mark.proof("images and an engine for clusters in containers", step=0)


def test_documents_name_the_images_that_are_made() -> None:
    made = find_images()
    assert (
        (image_names.ISTIO_HUB, image_names.ISTIO_TAG)
        == (made.istio_hub, made.istio_tag)
        == (ISTIO_HUB, made.istio_tag)
    )
    assert f"{made.istio_hub}/app:{made.istio_tag}" == image_names.ECHO_IMAGE
