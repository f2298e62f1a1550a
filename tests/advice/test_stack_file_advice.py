"""The advice of a fault in a stack file heals it: what the message says outright is done, and the file is read again.

Where a message leaves the change to the author (another name, a range apart from others) nothing is said outright.
Wherever it names a value, a form or a removal, exactly that has to be accepted.
"""

from __future__ import annotations

import re

import pytest

from tests.advice.follow import faults, followed
from tests.topology.test_wrong_stack_files import WRONG

pytestmark = pytest.mark.proof("advice was followed in a test that then succeeds", step=0)

OUTRIGHT = re.compile(
    r"did you mean|write it as|in quotes|remove the quotes|must be '|leave it out|leave the list out|remove it"
    r"|take it out|use '|use v\d|use \d|known are [a-z]"
)
NOT_AT_ONCE = {
    r"known are none": "there is nothing to name yet: it has to be declared first",
    r"unknown key; known are (?:context|renewBeforeDays|from|match)": "without the key, what is missing is named",
    r"is the gateway's own .* use 15443 or another": "the port is a field of the mapping at that path",
    r"format is not a JSON object": "the format is a field of the mapping at that path",
    r"does not support Kubernetes .* use v1\.\d+ to v1\.\d+": "a range of minor releases",
    r"no cluster of the mesh is in the region 'east'; known are west": "the known one is where it begins",
    r"write it as NAMESPACE/SERVICE-ACCOUNT": "the words of that form are the author's",
    r"no cluster has the label teir; known are tier": "the key is a part of the path",
    r"no namespace is named 'shops'; known are shop, istio-system": "the namespace is a part of the value",
}
"""Messages that name something which cannot simply be put in the place of what is wrong, with the reason."""


def test_what_a_message_names_outright_heals_the_fault() -> None:
    seen: set[str] = set()
    healed, tried, excused = 0, 0, set()
    for wrong in WRONG:
        for fault in faults(wrong.config):
            form = re.sub(r"'[^']*'|\d+", "X", fault.message)
            if form in seen or not OUTRIGHT.search(fault.message):
                continue
            seen.add(form)
            if reason := next((one for one in NOT_AT_ONCE if re.search(one, fault.message)), None):
                excused.add(reason)
                continue
            tried += 1
            assert followed(wrong.config, fault), fault
            healed += 1
    assert tried == healed >= 70
    assert excused == set(NOT_AT_ONCE)
    print(f"{healed} kinds of faults healed by what their messages name")
