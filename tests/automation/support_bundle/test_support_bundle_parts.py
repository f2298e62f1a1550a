"""Parts of a bundle fail for themselves; whatever is not there is in the manifest, with its reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meshfleet.automation.support_bundle import collect
from meshfleet.automation.support_bundle.bundle import Bundle
from meshfleet.topology import TopologyError
from tests.automation.swept_checkout import STACK, SweptCheckout

pytestmark = pytest.mark.proof("a support bundle holds what is needed and no secret", step=1)


@pytest.fixture
def swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SweptCheckout:
    made = SweptCheckout(tmp_path, monkeypatch)
    made.fresh()
    return made


def bundle_of(swept: SweptCheckout) -> Bundle:
    return collect(swept.checkout, STACK, seconds=1, on_part=lambda _: None)


def outcome(bundle: Bundle) -> tuple[set[str], dict[str, str]]:
    present = {entry.name for entry in bundle.entries if not entry.error}
    return present, {entry.name: entry.error for entry in bundle.entries if entry.error}


def test_a_fleet_of_which_nothing_answers_still_gives_what_is_here(swept: SweptCheckout) -> None:
    present, missing = outcome(bundle_of(swept))
    assert present >= {
        *("versions.json", "stack-file.yaml", "processes.json", "state.json", "status.json", "verify.json"),
        *("drift.json", "logs/clusters/west/etcd.log"),
    }
    assert {"clusters/west", "clusters/east", "istiods/west.default/syncz"} <= set(missing)
    assert all(missing.values())


def test_without_a_stack_file_logs_and_processes_are_there(swept: SweptCheckout) -> None:
    for path in (swept.folder / "stacks").iterdir():
        path.unlink()
    present, missing = outcome(bundle_of(swept))
    assert present >= {"processes.json", "logs/clusters/west/etcd.log"}
    assert "there is no stack" in missing["status"]


def test_a_fault_of_the_program_in_one_part_stops_no_other(
    swept: SweptCheckout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr("meshfleet.verification.run", fail)
    present, missing = outcome(bundle_of(swept))
    assert missing["verify"] == "KeyError: 'a bug'"
    assert "drift.json" in present


def test_logs_are_never_read_through_links_and_only_their_ends(swept: SweptCheckout) -> None:
    folder = swept.checkout.fleet(STACK) / "clusters" / "west"
    outside = swept.folder / "outside.log"
    outside.write_text("not ours", encoding="utf-8")
    (folder / "planted.log").symlink_to(outside)
    (folder / "etcd.log").write_text("first\n" + "x" * 400_000 + "\nlast\n", encoding="utf-8")
    bundle = bundle_of(swept)
    present, _ = outcome(bundle)
    assert "logs/clusters/west/planted.log" not in present
    text = bundle._members["logs/clusters/west/etcd.log"].decode()
    assert text.endswith("last\n")
    assert len(text) < 300_000
    assert "first" not in text


def test_the_passphrase_is_in_no_member_even_where_a_log_repeats_it(swept: SweptCheckout) -> None:
    swept.checkout.passphrase.write_text("quite-opaque-0815", encoding="utf-8")
    log = swept.checkout.fleet(STACK) / "clusters" / "west" / "etcd.log"
    log.write_text("it is quite-opaque-0815 here\n", encoding="utf-8")
    bundle = bundle_of(swept)
    assert not [name for name, text in bundle._members.items() if b"quite-opaque-0815" in text]


def test_a_stack_of_which_there_is_nothing_is_a_fault_of_the_command_line(swept: SweptCheckout) -> None:
    with pytest.raises(TopologyError, match="there is no stack 'nowhere'"):
        collect(swept.checkout, "nowhere", seconds=1, on_part=lambda _: None)


def test_the_manifest_is_json(swept: SweptCheckout) -> None:
    manifest = json.loads(json.dumps([entry.__dict__ for entry in bundle_of(swept).entries]))
    assert {entry["name"] for entry in manifest} >= {"versions.json"}
