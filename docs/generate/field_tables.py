"""The fields of a model of the stack file as a Markdown table: key, type, default, description."""

from __future__ import annotations

import inspect
import re
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic.fields import FieldInfo

from meshfleet.providers.registry import NOT_BUILT
from meshfleet.topology.additions import DocumentName, MergePatch, Pointer, Release, Tree, Values
from meshfleet.topology.addresses import AddressRange, DnsName, GatewayAddress, Host, IpAddress, MachineAddress
from meshfleet.topology.control_plane import ControlPlane
from meshfleet.topology.descriptions import descriptions
from meshfleet.topology.discovery import CertificateAuthority, Generation, ServerName, ServerUrl
from meshfleet.topology.gateways import SecretName
from meshfleet.topology.istio import Charts
from meshfleet.topology.labels import AnnotationKey, LabelKey, LabelValue, NamespaceLabelKey
from meshfleet.topology.mesh_settings import Region, ServiceName
from meshfleet.topology.model import Model
from meshfleet.topology.multi_cluster_service import ServiceAddress
from meshfleet.topology.names import Revision, TrustDomain
from meshfleet.topology.propagation.capacity import Quantity
from meshfleet.topology.propagation.propagation import KubernetesObject
from meshfleet.topology.propagation.rollout import Percent
from meshfleet.topology.rbac.policy_rule import ApiGroup, ObjectName, Resource, Url, Verb
from meshfleet.topology.rbac.subjects import Prefix, SubjectName
from meshfleet.topology.service_scope import ClusterLocalHost
from meshfleet.topology.virtual_machine import HttpPath, Lifetime
from meshfleet.topology.workload import Caller, HeaderName, HeaderValue, Image

# Types whose rule is a function, in words; what exactly they refuse is in meshfleet/topology/.
WORDS: tuple[tuple[object, str], ...] = (
    (AddressRange, "CIDR such as `10.10.0.0/16`"),
    (ApiGroup, "API group, empty for that of pods"),
    (AnnotationKey, "annotation key"),
    (Caller, "`NAMESPACE/SERVICE-ACCOUNT`"),
    (ClusterLocalHost, "host such as `*.monitoring.svc.cluster.local`"),
    (CertificateAuthority, "PEM or path"),
    (DnsName, "DNS name"),
    (DocumentName, "document name"),
    (GatewayAddress, "IP address or DNS name"),
    (Generation, "integer from 1"),
    (HeaderName, "header name"),
    (HeaderValue, "header value"),
    (Host, "host such as `shop.example`, `*.example` or `*`"),
    (Image, "image"),
    (HttpPath, "path such as `/healthz`"),
    (IpAddress, "IP address"),
    (KubernetesObject, "Kubernetes object"),
    (LabelKey, "label key"),
    (LabelValue, "label value"),
    (Lifetime, "duration such as `90m`, from `10m` to `8760h`"),
    (MachineAddress, "IP address"),
    (MergePatch, "map"),
    (NamespaceLabelKey, "label key"),
    (ObjectName, "name of an object"),
    (Pointer, "JSON pointer such as `/spec/replicas`"),
    (Percent, "share such as `25%`"),
    (Prefix, "prefix such as `oidc:`"),
    (Quantity, "quantity such as `500m` or `4Gi`"),
    (Region, "region"),
    (Release, "chart or release"),
    (Resource, "resource such as `pods` or `pods/log`"),
    (Revision, "DNS label"),
    (SecretName, "Secret name"),
    (ServerName, "DNS name"),
    (ServerUrl, "https URL"),
    (ServiceAddress, "IPv4 address of 240.241.0.0/16"),
    (ServiceName, "fully qualified Service name"),
    (SubjectName, "name, not of `system:`"),
    (Tree, "any"),
    (TrustDomain, "SPIFFE trust domain"),
    (Url, "path such as `/metrics`"),
    (Values, "values"),
    (Verb, "verb such as `get`"),
)
# Models that a user writes in a short form, never by their fields: what to write, and what holds without it.
SHORT_FORMS: dict[type[Model], tuple[str, str]] = {
    ControlPlane: ("`own`, `{remote: CLUSTER}` or `{external: CLUSTER}`", "`own`"),
    Charts: ("`published`, `{repository: URL}` or `{folder: PATH}`", "`published`"),
}


def table(model: type[Model]) -> str:
    """Every field of `model`, in the order they are declared, under the key a stack file uses."""
    hints = get_type_hints(model, include_extras=True)
    lines = ["| Key | Type | Default | Description |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        cells = (
            f"`{field.alias}`",
            spelled(hints[name]),
            default(hints[name], field),
            descriptions(model).get(name, ""),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def introduction(model: type[Model]) -> str:
    """The docstring of a model as Markdown, with its source as a link."""
    text = inspect.cleandoc(model.__doc__ or "")
    return re.sub(r"Source: (\S+)", r"Source: <\1>", text)


def spelled(hint: Any) -> str:
    """What a field takes, in words: of `Annotated[int, Field(ge=1)]` it is `integer from 1`."""
    for known, words in WORDS:
        if hint == known:
            return words
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return spelled(arguments[0]) + _bounds(arguments[1:])
    if origin in (Union, UnionType):
        return " or ".join(spelled(part) for part in arguments if part is not NoneType)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin is dict:
        return f"map of {spelled(arguments[0])} to {spelled(arguments[1])}"
    if origin is tuple:
        return f"list of {spelled(arguments[0])}"
    if isinstance(hint, type) and issubclass(hint, Model):
        if hint in SHORT_FORMS:
            return SHORT_FORMS[hint][0]
        return f"[{heading(hint).lower()}](#{anchor(hint)})" if has_table(hint) else "not supported yet"
    return {str: "string", int: "integer", float: "number", bool: "`true` or `false`"}[hint]


def default(hint: Any, field: FieldInfo) -> str:
    """What holds when the key is left out, as it would be written."""
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True)
    if type(value) in SHORT_FORMS:
        return SHORT_FORMS[type(value)][1]
    if value is None or value in ("", (), {}):
        return "none"
    if isinstance(value, dict):
        return f"`{{{', '.join(f'{name}: {{}}' for name in value)}}}`"
    if isinstance(value, Model):
        # Only what is not a default of the part itself: the rest is in that part's own table.
        given = value.model_dump(by_alias=True, exclude_unset=True)
        return f"`{{{', '.join(f'{key}: {inner}' for key, inner in given.items())}}}`" if given else "its defaults"
    if isinstance(value, tuple):
        return f"`[{', '.join(value)}]`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    # A text that YAML would read as a number is written in quotes.
    return f"`{value!r}`" if isinstance(value, str) and re.fullmatch(r"[0-9.]+", value) else f"`{value}`"


def heading(model: type[Model]) -> str:
    """The heading of a model's table: `East west gateway`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", model.__name__).capitalize()


def anchor(model: type[Model]) -> str:
    """The heading as a link within the page wants it: `east-west-gateway`."""
    return heading(model).lower().replace(" ", "-")


def has_table(model: type[Model]) -> bool:
    """Whether the page has a table for it: not for what has a short form, nor for providers that are not built."""
    return model not in SHORT_FORMS and model.__name__.lower() not in NOT_BUILT


def parts_of(model: type[Model]) -> list[type[Model]]:
    """The models with a table that a model's fields hold, each once, in the order of the fields."""
    found: dict[type[Model], None] = {}
    waiting = list(get_type_hints(model).values())
    while waiting:
        hint = waiting.pop(0)
        if isinstance(hint, type) and issubclass(hint, Model):
            if has_table(hint):
                found[hint] = None
        else:
            waiting = [*get_args(hint), *waiting]
    return list(found)


def _bounds(metadata: tuple[Any, ...]) -> str:
    limits = [limit for part in metadata if isinstance(part, FieldInfo) for limit in part.metadata]
    low = next((limit.ge for limit in limits if isinstance(limit, Ge)), None)
    high = next((limit.le for limit in limits if isinstance(limit, Le)), None)
    shortest = next((limit.min_length for limit in limits if isinstance(limit, MinLen)), None)
    longest = next((limit.max_length for limit in limits if isinstance(limit, MaxLen)), None)
    if low is not None and high is not None:
        return f" from {low} to {high}"
    if longest is not None:
        return f" of {shortest or 0} to {longest} characters"
    return ", not empty" if shortest else ""
