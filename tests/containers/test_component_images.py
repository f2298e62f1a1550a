"""The images of a cluster in containers: what each is made of, its name, and why it is not the published one."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from pathlib import Path

import pytest

from meshfleet.containers.images.archive import Content, ImageFile, write_archive
from meshfleet.containers.images.component import ISTIO_HUB, Component, cert_manager_images, components, istio_tag
from meshfleet.containers.images.node_root import STORAGE_CLASS
from meshfleet.files.bounded_yaml import load_yaml
from meshfleet.toolchain.recipes import CONTAINER_RECIPES, ISTIO, RECIPES
from meshfleet.topology.cert_manager import CERT_MANAGER_RELEASE
from meshfleet.versions import EMBEDDED_KUBERNETES

pytestmark = pytest.mark.proof("images of containers from packages alone", step=0)

VERSIONS = {recipe.tool: recipe.version for recipe in (*RECIPES, *CONTAINER_RECIPES)}
BUILT = {
    name for recipe in (*RECIPES, *CONTAINER_RECIPES) for name in (*recipe.installed_programs, *recipe.shared_files)
}
WHEELS = {"kubectl", "envoy"}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bin")
    for name in BUILT | WHEELS:
        (folder / name).write_bytes(b"\x7fELF" + name.encode())
    return {name: folder / name for name in BUILT | WHEELS}


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("network")
    (root / "usr/sbin").mkdir(parents=True)
    (root / "usr/sbin/xtables-nft-multi").write_bytes(b"x")
    (root / "usr/sbin/xtables-nft-multi").chmod(0o755)
    (root / "sbin").symlink_to("usr/sbin")
    return root


@pytest.fixture(scope="module")
def found(programs: dict[str, Path], network: Path) -> tuple[Component, ...]:
    return components(programs, network, VERSIONS)


def test_the_names_that_kubeadm_kind_and_the_charts_ask_for_are_all_there(found: tuple[Component, ...]) -> None:
    tag = istio_tag(ISTIO.version)
    assert {one.name for one in found} == {
        *(f"registry.k8s.io/kube-{name}:{EMBEDDED_KUBERNETES}" for name in ("apiserver", "controller-manager")),
        *(f"registry.k8s.io/kube-{name}:{EMBEDDED_KUBERNETES}" for name in ("scheduler", "proxy")),
        "registry.k8s.io/etcd:3.6.6-0",
        "registry.k8s.io/coredns/coredns:v1.13.1",
        "registry.k8s.io/pause:3.10",
        *(f"{ISTIO_HUB}/{name}:{tag}" for name in ("pilot", "proxyv2", "app")),
        *cert_manager_images(f"v{CERT_MANAGER_RELEASE}"),
    }
    assert tag in ISTIO.version
    assert tag != ISTIO.version


def test_no_tag_is_latest(found: tuple[Component, ...]) -> None:
    assert not [one.name for one in found if one.name.endswith(":latest") or ":" not in one.name]


def test_every_image_says_what_it_is_in_a_registry_and_why_it_differs(found: tuple[Component, ...]) -> None:
    for one in found:
        assert re.fullmatch(r"[a-z0-9.-]+\.io/[a-z0-9/-]+:\S+", one.in_registry), one.name
        assert len(one.reason) > 20, one.name


def test_an_image_runs_the_program_that_it_has(found: tuple[Component, ...], programs: dict[str, Path]) -> None:
    for one in found:
        sources = {file.source for file in one.content.files.values()}
        assert programs[one.program] in sources, one.name
        assert set(one.content.entrypoint) <= set(one.content.files), one.name


def test_istio_s_proxy_may_write_where_its_user_writes(found: tuple[Component, ...]) -> None:
    proxy = next(one.content for one in found if "/proxyv2:" in one.name)
    assert proxy.user == "1337:1337"
    assert proxy.owned["/etc/istio/proxy"] == 1337
    assert "x:1337:1337:" in proxy.texts["/etc/passwd"]
    assert "/var/lib/istio/envoy/envoy_bootstrap_tmpl.json" in proxy.files


def test_cert_manager_s_images_run_as_no_root_which_their_pods_require(found: tuple[Component, ...]) -> None:
    images = {one.name: one.content for one in found if one.name in cert_manager_images(f"v{CERT_MANAGER_RELEASE}")}
    assert {name.rpartition(":")[0] for name in images} == {
        f"quay.io/jetstack/cert-manager-{name}" for name in ("controller", "webhook", "cainjector")
    }
    # The kubelet compares numbers: a name could be root's.
    assert {content.user for content in images.values()} == {"1000"}
    assert all(content.entrypoint for content in images.values())


def test_the_same_inputs_give_the_same_bytes(
    found: tuple[Component, ...], tmp_path: Path, programs: dict[str, Path]
) -> None:
    archives = []
    for number in range(2):
        for path in programs.values():
            path.touch()
        target = io.BytesIO()
        folder = tmp_path / str(number)
        folder.mkdir()
        write_archive({one.name: one.content for one in found}, target, staging=folder, architecture="amd64")
        archives.append(target.getvalue())
        assert not list(folder.iterdir())
    assert archives[0] == archives[1]


def test_an_archive_is_what_docker_save_writes(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"content")
    content = Content(
        files={"/usr/bin/p": ImageFile(program, 0o755)},
        texts={"/etc/passwd": "root\n"},
        folders={"/tmp": 0o1777},
        owned={"/tmp": 7},
        entrypoint=("/usr/bin/p",),
        user="1:2",
    )
    target = io.BytesIO()
    ids = write_archive({"example.test/p:1": content}, target, staging=tmp_path, architecture="arm64")
    target.seek(0)
    with tarfile.open(fileobj=target) as tar:
        names = tar.getnames()
        manifest = json.loads(_read(tar, "manifest.json"))
        [entry] = manifest
        assert entry["RepoTags"] == ["example.test/p:1"]
        assert {entry["Config"], *entry["Layers"], "manifest.json"} == set(names)
        config = _read(tar, entry["Config"])
        assert ids == {"example.test/p:1": f"sha256:{hashlib.sha256(config).hexdigest()}"}
        parsed = json.loads(config)
        layer = _read(tar, entry["Layers"][0])
        assert parsed["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
        assert (parsed["architecture"], parsed["config"]["User"]) == ("arm64", "1:2")
        assert parsed["config"]["Entrypoint"] == ["/usr/bin/p"]
    with tarfile.open(fileobj=io.BytesIO(layer)) as inside:
        members = {one.name: one for one in inside.getmembers()}
        assert (members["tmp"].mode, members["tmp"].uid) == (0o1777, 7)
        assert _read(inside, "usr/bin/p") == b"content"
        assert members["usr/bin/p"].mode == 0o755


def test_files_of_a_root_belong_to_root(network: Path, tmp_path: Path) -> None:
    target = io.BytesIO()
    write_archive({"x.test/x:1": Content(base=network)}, target, staging=tmp_path, architecture="amd64")
    target.seek(0)
    with tarfile.open(fileobj=target) as tar:
        layer = next(name for name in tar.getnames() if name.endswith("layer.tar"))
        with tarfile.open(fileobj=io.BytesIO(_read(tar, layer))) as inside:
            members = {one.name: one for one in inside.getmembers()}
    assert members["./sbin"].issym()
    assert members["./usr/sbin/xtables-nft-multi"].mode == 0o755
    assert {(one.uid, one.gid, one.mtime) for one in members.values()} == {(0, 0, 0)}


def test_the_storage_class_needs_no_image() -> None:
    document = load_yaml(STORAGE_CLASS, what="the storage class")
    assert isinstance(document, dict)
    assert document["provisioner"] == "kubernetes.io/no-provisioner"


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    assert file is not None
    return file.read()
