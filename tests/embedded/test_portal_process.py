"""The portal as a process of a fleet: it starts, takes what changes without a new start, and leaves nothing."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from meshfleet.embedded.portal import Portal, rejected
from meshfleet.errors import ProcessError
from meshfleet.portal.spec import Member, PortalSpec, Subjects
from meshfleet.testing.conditions import settled
from meshfleet.workspace import fleet_processes as processes
from meshfleet.workspace.home import Workspace
from tests.portal.portal_under_test import ClientAuthority, Received, api_server

pytestmark = pytest.mark.proof("The API portal", step=2)


def test_portal_starts_changes_without_restart_and_goes(tmp_path: Path, toolchain: object) -> None:
    clients, received = ClientAuthority(tmp_path), list[Received]()
    portal = Portal(Workspace("tried", tmp_path / "home"), "west")
    assert portal.state() is None
    with api_server("west", received) as address:
        member = Member("west", address, Subjects())
        spec = PortalSpec(("127.0.0.1",), 0, (member,), client_authority=clients.certificate)
        try:
            port, authority = portal.start(spec, {"west": "first"})
            assert portal.state() == "running"
            (first,) = processes.find(portal.directory)["envoy"]
            context = ssl.create_default_context(cadata=authority)
            context.load_cert_chain(clients.issue("carol"))

            def ask() -> int:
                url = f"https://localhost:{port}/clusters/west/api"
                try:
                    return int(urllib.request.urlopen(url, context=context).status)
                except urllib.error.HTTPError as error:
                    return int(error.code)

            assert ask() == 403
            declared = replace(spec, members=(replace(member, subjects=Subjects({"carol": ()})),))
            assert portal.start(declared, {"west": "second"}) == (port, authority)
            assert [one.pid for one in processes.find(portal.directory)["envoy"]] == [first.pid]
            assert settled(lambda: ask() == 200 and received[-1].values("authorization") == ["Bearer second"], 20)
            assert received[-1].values("impersonate-user") == ["carol"]
            # What Envoy rejects is an error each time, and changes nothing: neither is it in force, nor is it silent.
            for _ in range(2):
                with pytest.raises(
                    ProcessError, match=r"rejects what is declared.*trusted CA.*; fix portal in the stack"
                ):
                    portal.start(replace(declared, client_authority="no certificate"), {"west": "second"})
                assert ask() == 200
            assert portal.start(declared, {"west": "second"}) == (port, authority)
            assert [one.pid for one in processes.find(portal.directory)["envoy"]] == [first.pid]
            # Only the owner reads keys and tokens.
            assert {path.stat().st_mode & 0o77 for path in portal.directory.rglob("*.json")} == {0}
            first.kill()
            first.wait(20)
            assert portal.state() == "stopped"
            assert portal.start(declared, {"west": "second"}) == (port, authority)
            assert ask() == 200
            lines = (portal.directory / "audit.jsonl").read_text().splitlines()
            assert {json.loads(line)["code"] for line in lines} >= {200, 403}
        finally:
            portal.delete()
    assert portal.state() is None
    assert not portal.directory.exists()


def test_a_rejection_is_read_from_the_log() -> None:
    line = "[2026][1][warning][config] [a.cc:81] Filesystem config update rejected: no such thing\n"
    assert rejected(f"[info] fine\n{line}[info] later\n") == "no such thing"
    assert rejected("[info] fine\n") == ""
