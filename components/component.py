"""The base of every component: its type token, and the options its children get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pulumi

from meshfleet.components.tokens import COMPONENT_PREFIX


class Component(pulumi.ComponentResource):
    """A component with the token `meshfleet:components:<ClassName>`.

    A class that may come in place of another one for the same cluster names that one in `in_place_of`: the token is
    part of what the engine knows each child by, so that with the same one the children are changed, and not made
    beside the old ones.

    A component that only groups documents has no class of its own: `kind` is the class name in its token.

    Children are named `<cluster>/<what>`: the cluster prefix keeps the names of different clusters apart, and the
    progress display groups by it. A caller's options are never merged into children.
    Source: https://www.pulumi.com/docs/concepts/resources/components/
    """

    in_place_of: ClassVar[str] = ""

    def __init__(
        self,
        name: str,
        opts: pulumi.ResourceOptions | None = None,
        inputs: Mapping[str, Any] | None = None,
        *,
        kind: str = "",
    ) -> None:
        token = f"{COMPONENT_PREFIX}{kind or self.in_place_of or type(self).__name__}"
        super().__init__(token, name, dict(inputs or {}), opts)

    def child(
        self,
        *,
        provider: pulumi.ProviderResource | None = None,
        after: Sequence[pulumi.Resource] = (),
        deleted_with: pulumi.Resource | None = None,
        secret_outputs: Sequence[str] = (),
        keep: bool = False,
    ) -> pulumi.ResourceOptions:
        """Options of a child that waits for `after` and, where given, vanishes together with `deleted_with`.

        With `keep` it is left where it is when it is no longer registered.
        """
        return pulumi.ResourceOptions(
            parent=self,
            provider=provider,
            depends_on=list(after),
            deleted_with=deleted_with,
            # What vanishes with something has to be made again with its successor.
            replace_with=[deleted_with] if deleted_with else None,
            additional_secret_outputs=list(secret_outputs) or None,
            retain_on_delete=keep or None,
        )

    def done(self, outputs: Mapping[str, Any] | None = None) -> None:
        """Say that every child is registered; always the last call of a constructor."""
        self.register_outputs(dict(outputs or {}))
