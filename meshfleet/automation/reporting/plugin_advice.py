"""Rewrite advice of plugins and the engine for Pulumi programs into advice for stack files.

The texts are those of the official Kubernetes plugin (provider/pkg of pulumi/pulumi-kubernetes), of the engine, and of
this project's replacement plugin, which uses the same texts. All of them pass through `for_stack_files`. Pure.
"""

from __future__ import annotations

import re
from typing import Final

PROGRAM_WORDS: Final = re.compile(
    r"custom_?timeouts|\w+Patch\b|upsertExistingObjects|Provider resource|\balias\b|`context`|`cluster`|the provider's|"
    r"the provider has|pulumi (import|cancel|refresh|state|up|stack)\b|PULUMI_K8S|skipAwait|how-to-guides|"
    r"KUBERNETES_MASTER|pulumi\.com/",
    re.IGNORECASE,
)
"""Terms of Pulumi programs that have no equivalent in a stack file."""

_WAIT: Final = "run the same command again, which continues to wait"
_RULES: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE), text)
    for pattern, text in (
        # Waiting.
        (r"to wait longer set `custom_timeouts` or the annotation \S+", _WAIT),
        (
            r"(to skip (await )?(logic)?,? )?(use|set|add) the ['\"`]?pulumi\.com/(skipAwait|timeoutSeconds)\S*[^.;]*",
            _WAIT,
        ),
        (r"[^.;]*custom_?timeouts[^.;]*", f" {_WAIT}"),
        # Objects that are there already.
        (
            r" The resource already exists in the cluster\. This can happen when:.*?update existing objects on create",
            "; remove or rename that object, then run the same command again",
        ),
        (
            r"To change some of its fields declare a \w+; to adopt it run `pulumi import`; if this resource was "
            r"renamed give it an alias; to take over whatever exists set `upsertExistingObjects` on the provider",
            "Remove or rename that object, then run the same command again",
        ),
        (
            r"[^.;]*(upsertExistingObjects|pulumi import)[^.;]*",
            " remove or rename that object, then run the command again",
        ),
        (
            r"See https://\S*server-side-apply/\S*( for troubleshooting help)?|[^.;]*\b\w+Patch resource[^.;]*",
            "another field manager owns these fields: remove them there, then run meshfleet up --refresh",
        ),
        # Kubeconfigs.
        (
            r"pass its content \(or a path\) to the Provider resource; the ambient kubeconfig is never used",
            "set existing.kubeconfig of that cluster in the stack file",
        ),
        (r"has no current-context: set `context`", "has no such context: set existing.context of that cluster"),
        (r", try setting KUBERNETES_MASTER environment variable", ""),
        (r"the provider's `(kubeconfig|cluster)`", r"the \1"),
        (r"the provider has no `kubeconfig`", "there is no kubeconfig"),
        # Lost clusters and locks.
        (
            r"If the cluster has been deleted, you can [^.;]*(\.|$)",
            "Start the cluster, or correct its kubeconfig, and run the same command again.",
        ),
        (
            r"(run|use|try) `?pulumi (cancel|refresh|up --refresh|state [a-z]+|stack export)`?[^.;]*",
            "run meshfleet up --refresh",
        ),
        (r"`pulumi cancel`", "the same command again"),
        (r"`pulumi (refresh|up)( --refresh)?`", "meshfleet up --refresh"),
    )
)


def for_stack_files(text: str) -> str:
    """The text with advice that applies to a fleet declared in a stack file."""
    if not PROGRAM_WORDS.search(text):
        return text
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return " ".join(text.split())
