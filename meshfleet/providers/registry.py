"""The one list of cluster providers. Each part of a provider is imported when it is first needed.

Pure: topology reads settings, capabilities and rules from here; `creation` finds what registers a cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Final

from meshfleet.providers.base import Provider, Settings


@dataclass(frozen=True)
class Entry:
    """A provider: the name of its key in a cluster and of its folder. One that is not `built` is refused."""

    name: str
    built: bool = True


PROVIDERS: Final = (
    Entry("embedded"),
    Entry("existing"),
    Entry("kind"),
    Entry("eks", built=False),
    Entry("gke", built=False),
    Entry("aks", built=False),
)

NAMES: Final = tuple(entry.name for entry in PROVIDERS)
BUILT: Final = tuple(entry.name for entry in PROVIDERS if entry.built)
NOT_BUILT: Final = tuple(entry.name for entry in PROVIDERS if not entry.built)


def module_of(name: str, part: str) -> str:
    """The full name of a module of a provider. Raises `KeyError` for a name that is not registered."""
    if name not in NAMES:
        raise KeyError(name)
    return f"{__package__}.{name}.{part}"


@cache
def settings_of(name: str) -> type[Settings]:
    """The model of a provider's settings. Raises `KeyError`."""
    model: type[Settings] = getattr(import_module(module_of(name, "settings")), name.capitalize())
    return model


@cache
def provider_of(name: str) -> Provider[Any]:
    """A provider by name. Raises `KeyError`."""
    found: Provider[Any] = import_module(module_of(name, "provider")).PROVIDER
    return found


def is_local(name: str) -> bool:
    """Whether control planes of a provider run on this machine; False for a name that is not registered."""
    return name in NAMES and provider_of(name).local


def process_pods() -> tuple[str, ...]:
    """The providers whose settings offer to run pods as processes on this machine."""
    return tuple(name for name in BUILT if "processes" in _offered(settings_of(name)))


def _offered(model: type[Settings]) -> tuple[object, ...]:
    field = model.model_fields.get("pods")
    return tuple(getattr(field.annotation, "__args__", ())) if field else ()
