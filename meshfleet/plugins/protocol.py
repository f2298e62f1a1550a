"""What a provider of this project implements, and what it is asked; the same names and shapes as
`pulumi.provider.experimental.provider`, so that a provider changes only its import lines to run on
`meshfleet.plugins.serve`, which starts three times as fast.

On top of that: requests carry the old inputs (`old_inputs`) where the engine sends them, unknown values arrive
as `PropertyValue` holding `Computed`, and a method may be an ordinary function or `async`. Requests come in
parallel, each in its own thread.
Protocol: https://github.com/pulumi/pulumi/blob/master/proto/pulumi/provider.proto
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from meshfleet.errors import MeshfleetError
from meshfleet.plugins.property_value import Computed, PropertyValue

Properties = dict[str, PropertyValue]


class InitializationError(MeshfleetError):
    """The object exists but did not become ready: the engine records it with the reasons and tries again later.

    `resource_id`, `properties` and `inputs` are what a successful create, update or read would have returned.
    """

    def __init__(self, message: str, resource_id: str, properties: Properties, inputs: Properties) -> None:
        super().__init__(message)
        self.resource_id = resource_id
        self.properties = properties
        self.inputs = inputs


class _OfResource:
    """A request about one resource, named by its URN."""

    urn: str

    @property
    def type(self) -> str:
        """The type token, such as `kubernetes:core/v1:Secret`."""
        return self.urn.split("::")[2].rsplit("$", 1)[-1] if self.urn.count("::") >= 3 else ""

    @property
    def name(self) -> str:
        """The logical name in the program."""
        return self.urn.split("::", 3)[3] if self.urn.count("::") >= 3 else ""


@dataclass
class CheckRequest(_OfResource):
    """A question: are these inputs right? `random_seed` makes what is derived at random the same at every run."""

    urn: str
    old_inputs: Properties
    new_inputs: Properties
    random_seed: bytes = b""


@dataclass
class CheckFailure:
    """One wrong input: its path and why."""

    property: str
    reason: str


@dataclass
class CheckResponse:
    """The inputs with defaults filled in, or what is wrong with them."""

    inputs: Properties | None = None
    failures: Sequence[CheckFailure] | None = None


@dataclass
class DiffRequest(_OfResource):
    """A question: what would have to change for the resource to fit its new inputs."""

    urn: str
    resource_id: str
    old_state: Properties
    new_inputs: Properties
    ignore_changes: list[str] = field(default_factory=list)
    old_inputs: Properties = field(default_factory=dict)


class PropertyDiffKind(Enum):
    """The kind of a difference, valued as on the wire."""

    ADD = 0
    ADD_REPLACE = 1
    DELETE = 2
    DELETE_REPLACE = 3
    UPDATE = 4
    UPDATE_REPLACE = 5


@dataclass
class PropertyDiff:
    """One difference; `input_diff` says that it is between old and new inputs, not between state and inputs."""

    kind: PropertyDiffKind
    input_diff: bool = False


@dataclass
class DiffResponse:
    """`changes` None lets the engine compare the inputs itself. `replaces` names what forces a new resource."""

    changes: bool | None = None
    replaces: Sequence[str] = ()
    stables: Sequence[str] = ()
    delete_before_replace: bool = False
    diffs: Sequence[str] = ()
    detailed_diff: dict[str, PropertyDiff] = field(default_factory=dict)


@dataclass
class ConfigureRequest:
    """The provider's own inputs: `variables` as strings (`kubernetes:config:context`), `args` as properties."""

    variables: dict[str, str]
    args: Properties
    accept_secrets: bool = True
    accept_resources: bool = True


@dataclass
class ConfigureResponse:
    """What this provider understands on the wire."""

    accept_secrets: bool = False
    supports_preview: bool = False
    accept_resources: bool = False
    accept_outputs: bool = False


@dataclass
class CreateRequest(_OfResource):
    """Make it; `timeout` in seconds, 0 when the user set none. With `preview` nothing may be done."""

    urn: str
    properties: Properties
    timeout: float = 0.0
    preview: bool = False


@dataclass
class CreateResponse:
    """The new resource's id and outputs."""

    resource_id: str | None = None
    properties: Properties = field(default_factory=dict)


@dataclass
class ReadRequest(_OfResource):
    """A question: what the world holds under this id. `properties` and `inputs` are empty for an import."""

    urn: str
    resource_id: str
    properties: Properties
    inputs: Properties


@dataclass
class ReadResponse:
    """The live resource; no `resource_id` means that it is gone."""

    resource_id: str | None = None
    properties: Properties = field(default_factory=dict)
    inputs: Properties = field(default_factory=dict)


@dataclass
class UpdateRequest(_OfResource):
    """Change it in place; `olds` is the old state, `news` the new inputs."""

    urn: str
    resource_id: str
    olds: Properties
    news: Properties
    timeout: float = 0.0
    ignore_changes: list[str] = field(default_factory=list)
    preview: bool = False
    old_inputs: Properties = field(default_factory=dict)


@dataclass
class UpdateResponse:
    """The outputs after the change."""

    properties: Properties = field(default_factory=dict)


@dataclass
class DeleteRequest(_OfResource):
    """Remove it; `properties` is the old state."""

    urn: str
    resource_id: str
    properties: Properties
    timeout: float = 0.0
    old_inputs: Properties = field(default_factory=dict)


@dataclass
class InvokeRequest:
    """Call the function `tok`."""

    tok: str
    args: Properties


@dataclass
class InvokeResponse:
    """What the function returns."""

    return_value: Properties | None = None
    failures: Sequence[CheckFailure] = ()


@dataclass
class ConstructRequest:
    """Build a component that lives in the plugin."""

    type: str
    name: str


class Provider:
    """Base of a provider: override what it can do. Each method may also be `async`."""

    def schema(self) -> str:
        """The package's schema as JSON; an empty one for a provider whose SDKs are made elsewhere."""
        return "{}"

    def check_config(self, request: CheckRequest) -> Any:
        """Check the provider's own inputs; returns a `CheckResponse`."""
        return CheckResponse(inputs=request.new_inputs)

    def diff_config(self, request: DiffRequest) -> Any:
        """Compare the provider's own inputs; returns a `DiffResponse`."""
        return DiffResponse()

    def configure(self, request: ConfigureRequest) -> Any:
        """Take the provider's own inputs, some of them unknown in a preview; returns a `ConfigureResponse`."""
        return ConfigureResponse(True, True, True, True)

    def check(self, request: CheckRequest) -> Any:
        """Check a resource's inputs; returns a `CheckResponse`."""
        return CheckResponse(inputs=request.new_inputs)

    def diff(self, request: DiffRequest) -> Any:
        """Compare; returns a `DiffResponse`."""
        return DiffResponse()

    def create(self, request: CreateRequest) -> Any:
        """Create; returns a `CreateResponse`."""
        raise NotImplementedError("create")

    def read(self, request: ReadRequest) -> Any:
        """Read; returns a `ReadResponse`."""
        return ReadResponse(request.resource_id, request.properties, request.inputs)

    def update(self, request: UpdateRequest) -> Any:
        """Update in place; returns an `UpdateResponse`."""
        raise NotImplementedError("update")

    def delete(self, request: DeleteRequest) -> Any:
        """Delete; returns None."""
        raise NotImplementedError("delete")

    def invoke(self, request: InvokeRequest) -> Any:
        """Call a function; returns an `InvokeResponse`."""
        raise NotImplementedError(f"invoke {request.tok}")

    def construct(self, request: ConstructRequest) -> Any:
        """Build a component; components of this project are built in the program, never in a plugin."""
        raise NotImplementedError(f"components such as {request.type}")

    def cancel(self) -> Any:
        """The user interrupted: end waits soon. Must return at once."""


__all__ = [
    "CheckFailure",
    "CheckRequest",
    "CheckResponse",
    "Computed",
    "ConfigureRequest",
    "ConfigureResponse",
    "ConstructRequest",
    "CreateRequest",
    "CreateResponse",
    "DeleteRequest",
    "DiffRequest",
    "DiffResponse",
    "InitializationError",
    "InvokeRequest",
    "InvokeResponse",
    "Properties",
    "PropertyDiff",
    "PropertyDiffKind",
    "PropertyValue",
    "Provider",
    "ReadRequest",
    "ReadResponse",
    "UpdateRequest",
    "UpdateResponse",
]
