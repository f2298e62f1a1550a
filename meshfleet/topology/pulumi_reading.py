"""Where Pulumi would read another stack than the one that is checked here: two readers of one file must agree.

A stack file is read twice: here, by YAML 1.2, and by Pulumi's engine, by gopkg.in/yaml.v3, which takes much of YAML
1.1, and by rules of its own (sdk/go/common/resource/config/value.go and key.go, sdk/go/common/workspace of
pulumi/pulumi). What they take for different values is refused, with what to write instead. Pure.

Sources: https://yaml.org/spec/1.2.2/#103-core-schema, `resolve` in resolve.go of gopkg.in/yaml.v3 and
https://www.pulumi.com/docs/iac/concepts/secrets/#configuring-secrets
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from meshfleet.errors.faults import Fault, join
from meshfleet.files.duplicate_names import PROJECT
from meshfleet.redaction.shown import shown

# Plain values that both take for the same number.
_WHOLE: Final = re.compile(r"-?[1-9][0-9]{0,17}|0")
_DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,17}")
_CONSTANTS: Final = frozenset({"true", "True", "TRUE", "false", "False", "FALSE", "null", "Null", "NULL", "~", ""})
# Plain values that one of them takes for a number, a date or a merge, after taking underscores out as yaml.v3 does.
_NUMBER: Final = re.compile(
    r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|[0-9]+|(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)"
)
_NOT_FINITE: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?")
_MERGE: Final = "<<"

_TEXT: Final = "tag:yaml.org,2002:str"
_NULL: Final = "tag:yaml.org,2002:null"
_MAPPING: Final = "tag:yaml.org,2002:map"
_SEQUENCE: Final = "tag:yaml.org,2002:seq"

_DIRECTIVE: Final = re.compile(r"\A\ufeff?(?:[ \t]*(?:#[^\n]*)?\r?\n)*%")
# Line breaks to one of them, characters to the other.
_SEPARATORS: Final = re.compile("[\x85\u2028\u2029]")
# In double quotes: an escape of YAML 1.2 alone, and halves of surrogate pairs.
_SURROGATE: Final = r"[dD][89a-fA-F][0-9a-fA-F]{2}"
_ESCAPE: Final = re.compile(rf"(?<!\\)(?:\\\\)*\\(/|u{_SURROGATE}|U0000{_SURROGATE}|U(?!000|0010)[0-9a-fA-F]{{8}})")

# Below these numbers of values yaml.v3 does not look at aliases.
_FEW_ALIASED: Final = 100
_FEW: Final = 1000

_SECURE: Final = "secure"
_STRINGS: Final = ("secretsprovider", "encryptedkey", "encryptionsalt")
# symmetricCrypter in pkg/secrets/passphrase/manager.go: a version, the salt, a state to check a passphrase with.
_SALT: Final = re.compile(r"v1:[A-Za-z0-9+/]+=*:v1:[A-Za-z0-9+/]+=*:[A-Za-z0-9+/]+=*")


def pulumi_reading(text: str, root: Node | None) -> list[Fault]:
    """A fault for each part of a stack file that Pulumi reads otherwise, or refuses; `root` is what `text` composes to.

    Paths leave out `config` and the project's prefix.
    """
    faults = [*_text_faults(text), *_alias_faults(root)]
    if isinstance(root, MappingNode):
        for key, value in _entries(root):
            if key == "config":
                faults += _config(text, value)
            elif key == "environment":
                faults.append(
                    Fault(key, "Pulumi adds the settings of these environments, which are not checked here; remove it")
                )
            elif key in _STRINGS:
                faults += _engine_setting(key, value)
    return faults


def _text_faults(text: str) -> Iterator[Fault]:
    if _DIRECTIVE.match(text):
        yield Fault("", "begins with a YAML directive (%), which Pulumi refuses or reads otherwise; remove that line")
    for found in _SEPARATORS.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Fault("", f"contains the line separator U+{ord(found.group()):04X} in line {line}; take it out")
        return


def _alias_faults(root: Node | None) -> Iterator[Fault]:
    """When nearly all of the values are repeated by aliases: yaml.v3 takes that for an attack (allowedAliasRatio)."""
    expanded: dict[int, int] = {}

    def measure(node: Node) -> int:
        if id(node) not in expanded:
            # Nothing contains itself by now: bounded_yaml.py refuses that.
            expanded[id(node)] = 1 + sum(map(measure, _parts(node)))
        return expanded[id(node)]

    total = measure(root) if root is not None else 0
    repeated = total - len(expanded)
    if repeated > _FEW_ALIASED and total > _FEW and repeated / total > _allowed(total):
        yield Fault(
            "", f"repeats {repeated} of {total} values by aliases, which Pulumi refuses; write some of them out"
        )


def _allowed(total: int) -> float:
    """The share of values that aliases may stand for, with some margin."""
    small, large = 400_000, 4_000_000
    if total <= small:
        return 0.98
    return 0.1 if total >= large else 0.98 - 0.88 * (total - small) / (large - small)


def _parts(node: Node) -> list[Node]:
    if isinstance(node, MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, SequenceNode) else []


def _engine_setting(key: str, value: Node) -> Iterator[Fault]:
    if not isinstance(value, ScalarNode) or value.tag != _TEXT:
        yield Fault(key, "must be a string; Pulumi writes this line itself, restore it from version control")
    elif key == "encryptionsalt" and not _SALT.fullmatch(value.value):
        yield Fault(key, "is not a salt of Pulumi's; restore the line from version control, or a backup")


def _config(text: str, config: Node) -> Iterator[Fault]:
    if not isinstance(config, MappingNode):
        return
    for node, value in config.value:
        key = node.value if isinstance(node, ScalarNode) else ""
        if not _is_key(node):
            yield Fault(shown(key), "is not a key that Pulumi accepts; write it as meshfleet:SECTION")
            continue
        namespace, _, name = key.rpartition(":")
        ours = namespace in ("", PROJECT)
        path = name if ours else key
        if ours and name != "host" and isinstance(value, ScalarNode) and value.tag == _NULL:
            yield Fault(path, "has nothing behind it, which is a text to Pulumi; write {}, or leave the key out")
        yield from _differences(text, path, value, ours=ours)


def _is_key(node: Node) -> bool:
    """Whether both take it for a key of a configuration: one of strings, with at most one colon (ParseKey)."""
    if not isinstance(node, ScalarNode) or _scalar_fault(node):
        return False
    namespace, colon, name = node.value.partition(":")
    return node.tag == _TEXT and bool(name if colon else namespace) and bool(namespace) and ":" not in name


def _differences(text: str, path: str, root: Node, *, ours: bool) -> Iterator[Fault]:
    waiting: list[tuple[str, Node]] = [(path, root)]
    seen: set[int] = set()
    while waiting:
        place, node = waiting.pop()
        if id(node) in seen:
            # An alias is the node that it stands for.
            continue
        seen.add(id(node))
        if isinstance(node, ScalarNode):
            if fault := _scalar_fault(node) or _escape_fault(text, node):
                yield Fault(place, fault)
        elif isinstance(node, SequenceNode):
            if node.tag != _SEQUENCE:
                yield Fault(place, _tagged(node))
            waiting += [(join(place, [position]), inner) for position, inner in enumerate(node.value)]
        elif isinstance(node, MappingNode):
            if node.tag != _MAPPING:
                yield Fault(place, _tagged(node))
            elif ours and _is_encrypted(node):
                yield Fault(
                    place,
                    f"a mapping of the one key `{_SECURE}` is an encrypted value to Pulumi, which it cannot decrypt; "
                    "use another name, or add a second one",
                )
            for key, inner in node.value:
                name = key.value if isinstance(key, ScalarNode) else "?"
                if fault := _key_fault(text, key):
                    yield Fault(join(place, [name]), fault)
                waiting.append((join(place, [name]), inner))


def _key_fault(text: str, key: Node) -> str | None:
    if not isinstance(key, ScalarNode):
        return "a name must be a string, not a list or a map"
    if key.style is None and key.value == _MERGE:
        return None
    if key.value == _MERGE:
        return f"{shown(key.value)} merges another mapping, to one of two readers; use another name"
    if key.tag != _TEXT and not _scalar_fault(key):
        return f"the name {key.value} is a text to Pulumi and not in YAML; put it in quotes"
    return _scalar_fault(key) or _escape_fault(text, key)


def _scalar_fault(node: ScalarNode) -> str | None:
    """Why both may not take a scalar for the same value; None when they do."""
    if node.style is not None:
        return None if node.tag == _TEXT else _tagged(node)
    value = node.value
    if value in _CONSTANTS or _WHOLE.fullmatch(value) or _DECIMAL.fullmatch(value):
        return _tagged(node) if node.tag == _TEXT or not str(node.tag).startswith("tag:yaml.org,2002:") else None
    if _NOT_FINITE.fullmatch(value) or _NUMBER.fullmatch(value.replace("_", "")):
        return (
            f"{shown(value)} is not the same number to every reader of YAML; write it as 8 or 0.5, without signs, "
            "leading zeros, underscores and exponents, or put it in quotes"
        )
    if value.startswith(":"):
        return f"{shown(value)} begins with a colon, which Pulumi does not take; put it in quotes"
    if _DATE.fullmatch(value):
        return f"{shown(value)} is a date to one reader of YAML and a text to another; put it in quotes"
    return None if node.tag == _TEXT else _tagged(node)


def _escape_fault(text: str, node: ScalarNode) -> str | None:
    if node.style != '"' or "\\" not in text:
        return None
    written = text[node.start_mark.index : node.end_mark.index]
    found = _ESCAPE.search(written)
    return f"Pulumi does not take the escape \\{found.group(1)}; write the character itself" if found else None


def _tagged(node: Node) -> str:
    return f"has the tag {shown(node.tag)}, which two readers take differently; leave it out"


def _is_encrypted(node: MappingNode) -> bool:
    """As `isSecureValue` of Pulumi's config: one key, `secure`, and a text. What YAML 1.1 calls a boolean is one."""
    entries = list(_entries(node))
    return len(entries) == 1 and entries[0][0] == _SECURE and _is_text(entries[0][1])


def _is_text(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.tag == _TEXT


def _entries(node: MappingNode) -> Iterator[tuple[str, Node]]:
    return ((key.value, value) for key, value in node.value if isinstance(key, ScalarNode))
