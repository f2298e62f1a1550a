"""Virtual machines, in namespaces that are where the control planes they join read."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.topology.name_strategies import Config, labels, names, optional


def add_machines(draw: st.DrawFn, config: Config) -> None:
    """Add virtual machines of namespaces that are where the control planes they join read."""
    if not draw(st.booleans()):
        return
    config.setdefault("namespaces", {})["app-of-machines"] = {}
    taken = {workload["namespace"] for workload in config.get("workloads", {}).values()}
    places = []
    for cluster, declared in config["clusters"].items():
        plane = declared.get("controlPlane", "own")
        primary = plane.get("remote", cluster) if isinstance(plane, dict) else cluster
        places += [
            (name, cluster)
            for name, namespace in config["namespaces"].items()
            if name not in taken and primary in ((namespace or {}).get("clusters") or config["clusters"])
        ]
    made: Config = {}
    for position, name in enumerate(draw(names(draw(st.integers(1, 3))))):
        namespace, cluster = draw(st.sampled_from(tuple(places)))
        made[name] = {"namespace": namespace, "cluster": cluster} | machines(draw, name, position)
        mesh, clusters = config["clusters"][cluster].get("mesh"), config["clusters"].values()
        networks = tuple(other["network"] for other in clusters if other.get("mesh") == mesh)
        if draw(st.booleans()):
            made[name]["network"] = draw(st.sampled_from(networks))
        if draw(st.booleans()):
            made[name] |= _alone(draw, config, mesh or "", made[name])
    if any(cluster.get("embedded", {}).get("pods") == "processes" for cluster in config["clusters"].values()):
        # Their pods have IPv4 alone.
        for machine in made.values():
            if "addresses" in machine:
                machine["addresses"] = machine["addresses"][:1]
    config["virtualMachines"] = made


def _alone(draw: st.DrawFn, config: Config, mesh: str, machine: Config) -> Config:
    """What puts machines on a network of their mesh that no cluster is on; with a gateway some of them may be it."""
    meshes = sorted({cluster.get("mesh") or "" for cluster in config["clusters"].values()})
    network = f"alone-{meshes.index(mesh)}"
    gateways = [{"address": f"203.0.113.{200 + meshes.index(mesh)}"}]
    declared = config["networks"].setdefault(network, {"gateways": gateways} if draw(st.booleans()) else {})
    called = {"ports", "probe", "service", "host"} & {key for key, value in machine.items() if value}
    if declared and not called and draw(st.booleans()):
        return {"network": network, "gateway": True}
    return {"network": network}


_PORT = st.fixed_dictionaries({}, optional={"protocol": st.sampled_from(["HTTP", "HTTP2", "GRPC", "TCP"])})
_NUMBERS = st.lists(st.sampled_from([80, 5432, 8080, 65535]), unique=True, max_size=3)
_HTTP = st.fixed_dictionaries({"port": st.just(8080)}, optional={"path": st.sampled_from(["/", "/healthz?full=1"])})
_PROBE = st.fixed_dictionaries({"http": _HTTP}) | st.just({"tcp": {"port": 65535}, "periodSeconds": 1})
_ACCOUNT = st.sampled_from(["default", "shared"]) | labels()
_LIFETIME = st.sampled_from(["10m", "1h30m", "8760h"])
_MACHINE = optional(serviceAccount=_ACCOUNT, probe=_PROBE, tokenLifetime=_LIFETIME)


def machines(draw: st.DrawFn, name: str, position: int) -> Config:
    """Virtual machines of that name without their place; `position` keeps their addresses apart from others'."""
    ports = {draw(labels(10)) + str(number): draw(_PORT) | {"port": number} for number in draw(_NUMBERS)}
    entry = {"service": "service-entry", "host": f"{name}.machines.local"}
    called = ({}, {"service": "service"}, entry)[draw(st.integers(0, 2))] if ports else {}
    config = draw(_MACHINE)
    if draw(st.booleans()):
        chosen = ({"app": name}, {"app.kubernetes.io/name": name, "version": "v2"}, {"x": name})
        config["labels"] = chosen[draw(st.integers(0, 2))]
    if draw(st.booleans()):
        second = [f"2001:db8:{position}::"] if draw(st.booleans()) else []
        config["addresses"] = [f"172.16.{position}.7", *second]
    return config | called | {"ports": ports}
