"""A rule of a role: verbs on resources or on URLs, as RBAC has it.

Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources
"""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field, model_validator

from meshfleet.redaction.shown import shown
from meshfleet.topology.json_schema import text
from meshfleet.topology.model import Model
from meshfleet.topology.names import SUBDOMAIN, SUBDOMAIN_LENGTH
from meshfleet.topology.service_scope import SOME
from meshfleet.topology.text import Line

ALL: Final = "*"
VERB: Final = re.compile(r"[a-z][a-z-]{0,62}|\*")
RESOURCE: Final = re.compile(r"[a-z][a-z0-9.-]{0,252}(/[a-z][a-z0-9.-]{0,252})?|\*(/[a-z][a-z0-9.-]{0,252})?")
API_GROUP: Final = re.compile(rf"({SUBDOMAIN.pattern})?|\*")
URL: Final = re.compile(r"\*|/[!-)+-~]*\*?")
# Of these a request names no object.
# https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources
NAMELESS: Final = ("create", "deletecollection")


def _checked_verb(value: str) -> str:
    if not VERB.fullmatch(value):
        raise ValueError(
            f"{shown(value)} is not a verb; write it as in get, list, watch, create, update, patch, delete"
        )
    return value


def _checked_resource(value: str) -> str:
    if not RESOURCE.fullmatch(value):
        raise ValueError(f"{shown(value)} is not a resource; write it in the plural, as in pods or pods/log")
    return value


def _checked_group(value: str) -> str:
    if not API_GROUP.fullmatch(value) or len(value) > SUBDOMAIN_LENGTH:
        raise ValueError(
            f'{shown(value)} is not an API group; write it as in apps or "" (that of pods), without version'
        )
    return value


def _checked_url(value: str) -> str:
    if not URL.fullmatch(value):
        raise ValueError(f"{shown(value)} is not a path of an API server; write it as in /healthz or /apis/*")
    return value


def _checked_name(value: str) -> str:
    if not value:
        raise ValueError("is empty; give the name of an object, or leave resourceNames out")
    if value == ALL:
        raise ValueError("'*' is the name of no object here, and no wildcard; leave resourceNames out for all objects")
    return value


Verb = Annotated[str, AfterValidator(_checked_verb), text(VERB)]
Resource = Annotated[str, AfterValidator(_checked_resource), text(RESOURCE)]
ApiGroup = Annotated[str, AfterValidator(_checked_group), text(API_GROUP, SUBDOMAIN_LENGTH)]
Url = Annotated[str, AfterValidator(_checked_url), text(URL)]
ObjectName = Annotated[Line, AfterValidator(_checked_name)]


class PolicyRule(Model):
    """Verbs that are allowed on resources of API groups, or on URLs that are no resources.

    Source: https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/cluster-role-v1/#ClusterRole
    """

    api_groups: Annotated[tuple[ApiGroup, ...], Field(strict=False)] = ()
    """The API groups of the resources; the empty one is that of pods and Services, `*` are all."""
    resources: Annotated[tuple[Resource, ...], Field(strict=False)] = ()
    """The resources in the plural, such as `pods`, with a subresource `pods/log`; `*` are all."""
    resource_names: Annotated[tuple[ObjectName, ...], Field(strict=False)] = ()
    """The objects by name; all when left out."""
    non_resource_urls: Annotated[tuple[Url, ...], Field(strict=False, alias="nonResourceURLs")] = ()
    """Paths of the API server that are no resources, such as `/metrics`, in place of resources."""
    verbs: Annotated[tuple[Verb, ...], Field(strict=False, json_schema_extra=SOME)]
    """The verbs, such as `get`; `*` are all."""

    @model_validator(mode="after")
    def _of_one_kind(self) -> PolicyRule:
        if not self.verbs:
            raise ValueError("has no verbs, so that it allows nothing; give some, such as [get, list, watch]")
        if self.non_resource_urls:
            if self.api_groups or self.resources or self.resource_names:
                raise ValueError("has both resources and nonResourceURLs; write two rules")
            return self
        if not self.resources or not self.api_groups:
            missing = "resources" if self.api_groups else "apiGroups" if self.resources else "apiGroups and resources"
            raise ValueError(f'has no {missing}; give both, such as apiGroups: [""] and resources: [pods]')
        if self.resource_names and not any("/" in each for each in self.resources):
            nameless = [verb for verb in self.verbs if verb in NAMELESS]
            if nameless:
                raise ValueError(
                    f"restricts {nameless[0]} by resourceNames, which allows nothing, since such a request names no "
                    f"object; write a rule of its own for {nameless[0]}"
                )
        return self
