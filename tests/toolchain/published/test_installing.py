"""Published programs are taken whole, checked and recorded; what cannot be had is left to be built."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest

from meshfleet.toolchain import Plan, ensure, take_kubernetes_plugin
from meshfleet.toolchain.extras import KUBERNETES_PLUGIN, KUBERNETES_PLUGIN_PROGRAM, Extra
from meshfleet.toolchain.lock import only_builder
from meshfleet.toolchain.progress import Silence
from meshfleet.toolchain.published.installing import install_published
from meshfleet.toolchain.recipes import Recipe
from tests.toolchain.published.conftest import PROGRAM, Stand
from tests.toolchain.published.publishers import status, tar

pytestmark = pytest.mark.proof("published programs are taken in place of a build", step=0)

CLOSED = "http://127.0.0.1:9"
"""Where no server listens."""


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


@pytest.fixture
def with_plugin(stand: Stand) -> Plan:
    """The stand's plan, which does without the plugin where it is not published; its publisher is the stand's."""
    piece = {
        "publisher": "files",
        "path": "plugin-{version}.tar.gz",
        "digest": {"path": "plugin.sha256"},
        "members": {KUBERNETES_PLUGIN_PROGRAM: "pulumi-resource-kubernetes"},
    }
    stand.shop.table = replace(stand.shop.table, tools={**stand.shop.table.tools, KUBERNETES_PLUGIN.tool: (piece,)})
    archive = tar({"pulumi-resource-kubernetes": b"\x7fELF"})
    digest = stand.shop.file("files", f"plugin-{KUBERNETES_PLUGIN.version}.tar.gz", archive)
    stand.shop.file("files", "plugin.sha256", digest.encode())
    return replace(stand.plan, extras=(KUBERNETES_PLUGIN,))


def test_an_extra_comes_with_what_is_missing_and_is_no_fault_without(stand: Stand, with_plugin: Plan) -> None:
    stand.shop.faults["/plugin"] = status(404)
    assert ensure(stand.heard, plan=with_plugin, publishing=stand.publishing).kubernetes_plugin is None
    assert with_plugin.faults() == {}
    (with_plugin.parts[0][1].path / "manifest.json").unlink()
    stand.shop.faults.clear()
    plugin = ensure(stand.heard, plan=with_plugin, publishing=stand.publishing).kubernetes_plugin
    assert plugin is not None
    assert plugin.read_bytes() == b"\x7fELF"
    assert os.access(plugin, os.X_OK)
    plugin.write_bytes(b"damaged")
    assert with_plugin.toolchain().kubernetes_plugin is None
    assert with_plugin.faults() == {}


def test_the_plugin_is_taken_alone_when_it_is_wanted(stand: Stand, with_plugin: Plan) -> None:
    ensure(plan=stand.plan, publishing=stand.publishing)
    stand.shop.requests.clear()
    assert take_kubernetes_plugin(plan=with_plugin) is None
    assert stand.shop.requests == []
    for _ in range(2):
        assert take_kubernetes_plugin(stand.heard, plan=with_plugin, publishing=stand.publishing)
    assert len([path for path in stand.shop.paths() if "/plugin-" in path]) == 1
    assert not stand.cache.downloads.exists()
    # And the view is the one that there was.
    assert with_plugin.faults() == {}


@pytest.mark.timeout(60)
def test_whoever_needs_nothing_of_a_publisher_waits_for_no_builder(stand: Stand, with_plugin: Plan) -> None:
    ensure(plan=stand.plan, publishing=stand.publishing)
    unpublished = replace(stand.publishing, table=replace(stand.shop.table, tools={}))
    with only_builder(stand.cache.toolchain / ".lock", Silence()):
        assert take_kubernetes_plugin(stand.heard, plan=with_plugin, publishing=unpublished) is None
    taken = take_kubernetes_plugin(stand.heard, plan=with_plugin, publishing=stand.publishing)
    with only_builder(stand.cache.toolchain / ".lock", Silence()):
        assert take_kubernetes_plugin(stand.heard, plan=with_plugin, publishing=stand.publishing) == taken


def test_programs_that_only_publishers_have_take_precedence(stand: Stand) -> None:
    extra = Extra("better", "v1", ("hello",))
    plan = replace(stand.plan, extras=(extra,))
    before = ensure(plan=plan, publishing=stand.publishing).bin / "hello"
    piece = {"publisher": "files", "path": "better", "digest": {"path": "better.sha256"}, "program": "bin/hello"}
    digest = stand.shop.file("files", "better", b"#!/bin/sh\necho better\n")
    stand.shop.file("files", "better.sha256", digest.encode())
    stand.shop.table = replace(stand.shop.table, tools={**stand.shop.table.tools, "better": (piece,)})
    (stand.place / "manifest.json").unlink()
    after = ensure(plan=plan, publishing=stand.publishing).bin / "hello"
    assert after.read_bytes() == b"#!/bin/sh\necho better\n"
    assert before != after
    assert before.read_bytes() == PROGRAM


def test_publishers_that_do_not_respond_are_named_with_what_a_mirror_did(stand: Stand) -> None:
    addresses = stand.shop.addresses
    publishing = replace(stand.publishing, addresses=replace(addresses, bases=dict.fromkeys(addresses.bases, CLOSED)))
    parts = [(part, place) for part, place in stand.plan.parts if isinstance(part, Recipe)]
    assert install_published(publishing, stand.cache, parts, {}, stand.heard) == frozenset()
    assert stand.heard.lines[0] == "publishers that do not respond, so that their tools are built: files, images"
    assert stand.heard.lines[1] == f"  the mirror of files: {CLOSED}/: the connection is refused"
