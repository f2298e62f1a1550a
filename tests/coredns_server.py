"""A real CoreDNS that serves what DNSEndpoint objects declare, as an ExternalDNS would have it published.

Addresses are served by its plugin `hosts`, which reads them again when they change.
Source: https://coredns.io/plugins/hosts/
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.exception
import dns.message
import dns.query
import dns.rdatatype

from meshfleet.dataplane.network import namespaces
from meshfleet.testing import settled
from meshfleet.toolchain import ensure, further_plan
from meshfleet.toolchain.recipes import COREDNS

LOOPBACK, PORT = "127.0.0.1", 1053
_SECONDS = 5.0


@dataclass(frozen=True)
class CoreDns:
    """The network namespace it listens in, and the file of the addresses that it serves."""

    namespace: str
    addresses: Path

    def publish(self, objects: Sequence[Mapping[str, Any]]) -> None:
        """Serve the records of type A of DNSEndpoint objects, and no others."""
        lines = [
            f"{target} {record['dnsName']}"
            for each in objects
            for record in each["spec"]["endpoints"]
            if record["recordType"] == "A"
            for target in record["targets"]
        ]
        self.addresses.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def answer(self, name: str) -> tuple[set[str], set[int]]:
        """The addresses of a name, and for how many seconds they may be kept."""
        query = dns.message.make_query(name, dns.rdatatype.A)
        answer = namespaces.inside(self.namespace, lambda: dns.query.udp(query, LOOPBACK, timeout=_SECONDS, port=PORT))
        found = answer.answer
        return {item.to_text() for records in found for item in records}, {records.ttl for records in found}

    def addresses_of(self, name: str) -> set[str]:
        """The addresses of a name."""
        return self.answer(name)[0]


@contextmanager
def coredns(folder: Path, ttl: int) -> Iterator[CoreDns]:
    """One that responds, until the end of the block; it is built where it is not in the cache.

    It has a network of its own, of a loopback alone: without the plugin `bind` it listens at every address.
    """
    program = ensure(plan=further_plan(COREDNS)).bin / "coredns"
    served = CoreDns(f"mf-coredns-{os.getpid()}", folder / "addresses")
    served.publish([])
    configuration, log = folder / "Corefile", folder / "coredns.log"
    configuration.write_text(
        f".:{PORT} {{\n  hosts {served.addresses} {{\n    ttl {ttl}\n    reload 1s\n  }}\n}}\n", encoding="utf-8"
    )
    namespaces.create(served.namespace)
    try:
        with (
            log.open("wb") as output,
            namespaces.inside(
                served.namespace,
                lambda: subprocess.Popen([program, "-conf", configuration], stdout=output, stderr=output),
            ) as process,
        ):
            try:
                answers = settled(lambda: process.poll() is None and _answers(served), 20)
                assert answers, log.read_text(encoding="utf-8")
                yield served
            finally:
                process.terminate()
    finally:
        namespaces.remove(served.namespace)


def _answers(served: CoreDns) -> bool:
    try:
        served.answer("anything.example")
    except (dns.exception.DNSException, OSError):
        return False
    return True
