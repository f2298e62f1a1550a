"""Published programs are taken whole, checked and recorded; what cannot be had is left to be built."""

from __future__ import annotations

import json
import os

import pytest

from tests.toolchain.published.conftest import Stand

pytestmark = pytest.mark.proof("published programs are taken in place of a build", step=0)


def test_a_published_tool_is_installed_as_a_built_one_would_be(stand: Stand) -> None:
    assert stand.install() == {"hello"}
    assert not stand.plan.parts[0][1].faults(thorough=True)
    assert sorted(path.name for path in (stand.place / "bin").iterdir()) == ["hello", "hello-run"]
    assert all(os.access(path, os.X_OK) for path in (stand.place / "bin").iterdir())
    assert (stand.place / "charts" / "base" / "Chart.yaml").read_text() == "name: base\n"
    assert not os.access(stand.place / "share" / "hello.json", os.X_OK)
    assert stand.plan.origins() == {"hello": ("published", "v1.2.3")}
    records = json.loads(stand.cache.published_lock.read_text())["files"]
    assert sorted(records) == [
        "files/v1.2.3/hello-linux-amd64.tar.gz",
        "files/v1.2.3/hello-run",
        "images/release/hello:v1.2.3",
    ]
    assert stand.heard.lines[0] == "hello v1.2.3 downloading"
    assert stand.heard.lines[-1].startswith("hello v1.2.3 as published, 0 MB in ")
