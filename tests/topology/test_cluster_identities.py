"""Which cluster is taken for which: by identity alone, whatever the names and contexts have become."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.topology.identities import Decision, Living, Verdict, World, decide

pytestmark = pytest.mark.proof("a cluster is known by what it is, not by a name that leads to it", step=0)

NAMES = ("blue", "green", "red", "store")


def existing(**identities: str) -> dict[str, Living]:
    """Declared existing clusters by what was read of each."""
    return {name: Living("existing", identity) for name, identity in identities.items()}


def verdicts(decisions: dict[str, Decision]) -> dict[str, Verdict]:
    return {name: decision.verdict for name, decision in decisions.items()}


def fault(decision: Decision) -> str:
    assert decision.fault is not None
    return str(decision.fault)


def test_clusters_that_are_the_recorded_ones_are_the_same() -> None:
    assert set(verdicts(decide({"blue": "b", "green": "g"}, existing(blue="b", green="g"))).values()) == {Verdict.SAME}


def test_a_cluster_that_was_created_again_under_its_context_is_recreated() -> None:
    decision = decide({"blue": "b", "green": "g"}, existing(blue="b", green="g2"))["green"]
    assert (decision.verdict, decision.before, decision.now) == (Verdict.RECREATED, "g", "g2")


def test_a_recorded_cluster_that_still_answers_is_not_left_behind() -> None:
    decision = decide({"blue": "b"}, existing(blue="other"), World(answering={"blue"}))["blue"]
    assert decision.verdict is Verdict.MISTAKEN
    assert fault(decision).startswith("clusters.blue.existing.context: ")
    assert "which still responds; take 'blue' out of the file and run up" in fault(decision)


def test_exchanged_contexts_are_refused_for_both() -> None:
    decisions = decide({"blue": "b", "green": "g"}, existing(blue="g", green="b"))
    assert set(verdicts(decisions).values()) == {Verdict.MISTAKEN}
    assert "leads to the cluster that the stack has as 'green'" in fault(decisions["blue"])
    assert "leads to the cluster that the stack has as 'blue'" in fault(decisions["green"])


def test_a_renamed_cluster_is_refused_with_its_old_name_and_the_way() -> None:
    decisions = decide({"blue": "b", "green": "g"}, existing(blue="b", store="g"))
    assert verdicts(decisions) == {"blue": Verdict.SAME, "store": Verdict.MISTAKEN}
    assert "name it 'green' again; or take it out of the file and run up" in fault(decisions["store"])


def test_two_names_of_one_cluster_are_refused_and_the_recorded_one_is_right() -> None:
    assert set(verdicts(decide({}, existing(blue="b", green="b"))).values()) == {Verdict.MISTAKEN}
    decisions = decide({"blue": "b"}, existing(blue="b", green="b"))
    assert verdicts(decisions) == {"blue": Verdict.SAME, "green": Verdict.MISTAKEN}
    assert "leads to the same cluster as 'blue'" in fault(decisions["green"])


def test_a_cluster_of_another_stack_is_refused_by_that_stacks_name() -> None:
    decision = decide({}, existing(blue="b"), World(other_stacks={"b": "shop of the stack prod"}))["blue"]
    assert "leads to a cluster of another stack, shop of the stack prod" in fault(decision)


def test_what_cannot_be_read_says_nothing_of_the_cluster() -> None:
    decision = decide({"blue": "b"}, {"blue": Living("existing", reason="forbidden")})["blue"]
    assert (decision.verdict, decision.reason, decision.foreign) == (Verdict.UNREAD, "forbidden", False)


def test_a_state_of_a_release_without_identities_takes_what_is_there() -> None:
    assert verdicts(decide({}, existing(blue="b", green="g"))) == {"blue": Verdict.NEW, "green": Verdict.NEW}


def test_a_folder_with_another_embedded_cluster_in_it_is_refused() -> None:
    swapped = decide({"blue": "b", "green": "g"}, {"blue": Living("embedded", "g"), "green": Living("embedded", "b")})
    assert all(decision.verdict is Verdict.MISTAKEN for decision in swapped.values())
    assert "the folder of 'blue' on this machine holds another cluster" in fault(swapped["blue"])
    replaced = decide({"blue": "b"}, {"blue": Living("embedded", "x")})["blue"]
    assert fault(replaced).startswith("clusters.blue.embedded: ")
    assert "remove it and run up" in fault(replaced)


identities = st.sampled_from(["", "a", "b", "c", "d", "e"])
worlds = st.builds(
    World,
    answering=st.frozensets(st.sampled_from(NAMES)),
    other_stacks=st.dictionaries(st.sampled_from("abcde"), st.just("x of the stack other")),
)


@given(
    recorded=st.permutations("abcd").map(lambda some: dict(zip(NAMES, some, strict=True))),
    living=st.permutations("abcd").map(lambda some: dict(zip(NAMES, some, strict=True))),
)
def test_of_exchanged_clusters_only_those_in_their_place_are_used(
    recorded: dict[str, str], living: dict[str, str]
) -> None:
    decisions = decide(recorded, existing(**living))
    for name, decision in decisions.items():
        assert decision.verdict is (Verdict.SAME if recorded[name] == living[name] else Verdict.MISTAKEN)


@given(
    recorded=st.dictionaries(st.sampled_from(NAMES), st.sampled_from("abcde")),
    living=st.dictionaries(st.sampled_from(NAMES), identities),
    world=worlds,
)
def test_no_cluster_is_ever_used_under_two_names_or_in_another_ones_place(
    recorded: dict[str, str], living: dict[str, str], world: World
) -> None:
    decisions = decide(recorded, existing(**living), world)
    assert list(decisions) == list(living)
    used = [decision.now for decision in decisions.values() if decision.now and decision.fault is None]
    # `recorded` may itself name one cluster twice here, which only what is refused below ever brings about.
    if len(set(recorded.values())) == len(recorded):
        assert len(used) == len(set(used))
    for name, decision in decisions.items():
        assert (decision.fault is not None) == (decision.verdict is Verdict.MISTAKEN)
        assert (decision.verdict is Verdict.UNREAD) == (not living[name])
        if decision.verdict in (Verdict.NEW, Verdict.RECREATED):
            assert decision.now not in {identity for other, identity in recorded.items() if other != name}
        if decision.verdict is Verdict.RECREATED:
            assert decision.before not in ("", decision.now)
            assert name not in world.answering
        assert decision.foreign == (decision.verdict in (Verdict.RECREATED, Verdict.MISTAKEN))


@given(
    recorded=st.dictionaries(st.sampled_from(NAMES), st.sampled_from("abcde")),
    living=st.dictionaries(st.sampled_from(NAMES), identities),
    order=st.permutations(NAMES),
)
def test_the_order_of_clusters_changes_no_verdict(
    recorded: dict[str, str], living: dict[str, str], order: list[str]
) -> None:
    again = {name: living[name] for name in order if name in living}
    assert verdicts(decide(recorded, existing(**again))) == verdicts(decide(recorded, existing(**living)))
