"""Ten thousand watches at a real Envoy: refused or held, and nobody else waits for them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import replace

import psutil
import pytest

from meshfleet.portal.bounds import OPEN_BY_CLUSTER, OPEN_BY_USER, THREADS
from meshfleet.portal.documents import documents
from meshfleet.portal.spec import Member, Subjects
from tests.portal.many_watches import Crowd, holding_server
from tests.portal.portal_under_test import PortalUnderTest, portal

pytestmark = pytest.mark.proof("The API portal", step=2)

PEOPLE = [f"user{number}" for number in range(8)]
WEST = 800
"""Open requests of the cluster west, fewer than there may be by default: a few people reach them."""
MEBIBYTE = 1024 * 1024
# On a machine with other work; unloaded it is some milliseconds.
SECONDS_OF_OTHERS = 5.0


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, toolchain: object) -> Iterator[PortalUnderTest]:
    """A portal before two API servers that hold watches."""
    known = Subjects(users={f"oidc:{one}": () for one in ("alice", "bob", *PEOPLE)})
    with portal(tmp_path_factory.mktemp("portal")) as found, holding_server() as east, holding_server() as west:
        members = (Member("east", east, known), Member("west", west, known))
        written = documents(replace(found.spec, members=members), str(found.directory))
        for cluster in written["clusters.json"]["resources"]:
            # How long this machine takes for handshakes is not the question.
            cluster["connect_timeout"] = "60s"
            (bounds,) = cluster["circuit_breakers"]["thresholds"]
            assert bounds["max_requests"] == OPEN_BY_CLUSTER
            if cluster["name"] == "clusters/west":
                bounds["max_requests"] = WEST
        found.put("clusters.json", written["clusters.json"])
        found.put("routes.json", written["routes.json"])
        yield found


def test_ten_thousand_watches_are_held_or_refused_and_others_still_answer(here: PortalUnderTest) -> None:
    crowd = Crowd(here.port, here.authority)
    (envoy,) = [one for one in psutil.Process().children() if one.name() == "envoy"]
    before = envoy.memory_info().rss

    async def answered(name: str, cluster: str) -> int:
        """How a plain request of somebody fares, within the bound."""
        begun = time.monotonic()
        found = await crowd.watch(here.person(name), 1, f"/clusters/{cluster}/api")
        assert time.monotonic() - begun < SECONDS_OF_OTHERS
        await crowd.leave(found)
        (code,) = found.codes
        return code

    async def until_answered(name: str, cluster: str) -> None:
        async with asyncio.timeout(30):
            while await answered(name, cluster) != 200:
                await asyncio.sleep(0.1)

    async def story() -> None:
        await until_answered("bob", "west")
        mine = await crowd.watch(here.person("alice"), 10_000)
        assert sum(mine.codes.values()) == 10_000
        assert set(mine.codes) == {200, 429}
        assert OPEN_BY_USER // THREADS <= mine.codes[200] <= OPEN_BY_USER
        status = json.loads(mine.bodies[429])
        assert (status["kind"], status["reason"], status["code"]) == ("Status", "TooManyRequests", 429)
        assert status["message"] == '"oidc:alice" has too many open requests in cluster "east"'
        assert mine.headers[429]["retry-after"] == "1"
        # Others there, and the same user elsewhere.
        assert await answered("bob", "east") == 200
        assert await answered("alice", "west") == 200
        assert envoy.memory_info().rss - before < 300 * MEBIBYTE
        # Of many users, none of whom has too many.
        many = [await crowd.watch(here.person(one), 150, "/clusters/west/api?watch=true") for one in PEOPLE]
        held = sum(one.codes[200] for one in many)
        assert held == WEST
        assert sum(one.codes[429] for one in many) == 150 * len(PEOPLE) - WEST
        full = next(one for one in many if one.codes[429])
        message = json.loads(full.bodies[429])["message"]
        assert message == 'cluster "west" has as many open requests through this portal as it may have'
        assert full.headers[429]["retry-after"] == "1"
        assert await answered("bob", "west") == 429
        assert await answered("bob", "east") == 200
        # Who leaves makes room.
        await crowd.leave(mine, *many)
        await until_answered("bob", "west")
        await until_answered("alice", "east")

    asyncio.run(story())
