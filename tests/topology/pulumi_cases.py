"""Parts of stack files that two readers may take differently: scalars, whole files, and what each of them does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """A file without its salt. `fault` is a telling part of what is said of it; empty for one that both read alike."""

    title: str
    text: str
    fault: str = ""


def _x(value: str) -> str:
    return f"config:\n  meshfleet:x: {value}\n"


CASES = (
    Case("a label `secure` alone", _x("{shop: {labels: {secure: 'yes'}}}"), "is an encrypted value to Pulumi"),
    Case("a label `secure` with a boolean of YAML 1.1", _x("{labels: {secure: yes}}"), "is an encrypted value"),
    Case("a section that is encrypted", _x("{secure: v1:abc}"), "is an encrypted value to Pulumi"),
    Case("a header `secure` alone, in a list", _x("[{secure: a}]"), "is an encrypted value to Pulumi"),
    Case("a label `secure` beside another", _x("{labels: {secure: 'yes', a: b}}")),
    Case("a label `secure` that is a number", _x("{labels: {secure: 1}}")),
    Case("a secret of another package", "config:\n  aws:token: {secure: v1:abc}\n"),
    Case("booleans of YAML 1.1", _x("{a: yes, b: on, c: off, d: y, e: Yes, f: true, g: False, h: TRUE, i: n}")),
    Case("names that YAML 1.1 takes for booleans", _x("{yes: 1, on: 2}")),
    Case("a name that is a boolean", _x("{true: 3}"), "the name true is a text to Pulumi"),
    Case("a name that is nothing", _x("{null: 3}"), "the name null is a text to Pulumi"),
    Case("a name that is a number", _x("{1: 3}"), "the name 1 is a text to Pulumi"),
    Case("a name that is octal", _x("{010: 3}"), "is not the same number to every reader"),
    *(
        Case(f"the number {value}", _x(f"{{a: {value}}}"), "is not the same number to every reader")
        for value in [
            *("010", "0o10", "0x10", "0b11", "1_000", "1e3", ".5", "1.", "+1", "-0", "09", "0x_1", ".inf", "-.inf"),
            *(".nan", "1e400", "1_0.5", "123456789012345678901234567890", "18446744073709551615", "0.1e1", "00"),
        ]
    ),
    *(
        Case(f"the date {value}", _x(f"{{a: {value}}}"), "is a date to one reader")
        for value in ["2001-01-01", "2001-01-01T00:00:00Z", "2001-01-01 10:00:00", "2001-1-1"]
    ),
    Case("numbers and texts", _x("{a: 1, b: -12, c: 0, d: 0.5, e: 1.30, f: 12:30:45, g: 10.0.0.0/8, h: 1h, i: 1.2.3}")),
    Case("what looks like a number or a date, in quotes", _x("{a: '010', b: \"1e3\", c: '2001-01-01', d: 'null'}")),
    Case("nothing", _x("{a: , b: ~, c: null, d: Null, e: NULL}")),
    Case("an anchor", "config:\n  meshfleet:x: &a {a: 1}\n  meshfleet:y: *a\n"),
    Case("a merge", "config:\n  meshfleet:x: &a {a: 1, b: 2}\n  meshfleet:y: {<<: *a, b: 3}\n"),
    Case("a merge of two", "config:\n  meshfleet:x: &a {a: 1, b: 2}\n  meshfleet:y: {<<: [*a, {b: 5, c: 4}]}\n"),
    Case(
        "a merge in quotes", "config:\n  meshfleet:x: &a {a: 1}\n  meshfleet:y: {'<<': *a}\n", "merges another mapping"
    ),
    Case("an anchor that holds itself", _x("&a {b: *a}"), "contains the alias"),
    Case(
        "values that aliases repeat too often",
        _x(
            "{a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1], b: &b ["
            + ", ".join(["*a"] * 10)
            + "], c: &c ["
            + ", ".join(["*b"] * 10)
            + "], d: ["
            + ", ".join(["*c"] * 10)
            + "]}"
        ),
        "values by aliases, which Pulumi refuses",
    ),
    Case("values that aliases repeat", _x("{a: &a [1, 2, 3], b: [" + ", ".join(["*a"] * 30) + "]}")),
    Case("a tab before a key", "config:\n\tmeshfleet:x: 1\n", "is not YAML"),
    Case("a tab before a value", "config:\n  meshfleet:x:\t{a: 1}\n", "is not YAML"),
    Case("a key twice", "config:\n  meshfleet:x: 1\n  meshfleet:x: 2\n", "is given twice"),
    Case("a key with and without the project", "config:\n  meshfleet:x: 1\n  x: 2\n", "is given twice"),
    Case("a name twice", _x("{a: 1, a: 2}"), "is given twice"),
    Case("a byte order mark", "\ufeff" + _x("{a: 1}")),
    Case("two documents", _x("{a: 1}") + "---\n" + _x("{a: 2}"), "document"),
    Case("a document that begins and ends", "---\n" + _x("{a: 1}") + "...\n"),
    Case("a directive of YAML 1.1", "%YAML 1.1\n---\n" + _x("{a: yes}"), "begins with a YAML directive"),
    Case("a directive of YAML 1.2", "# x\n\n%YAML 1.2\n---\n" + _x("{a: yes}"), "begins with a YAML directive"),
    Case("a key with two colons", "config:\n  meshfleet:x:y: {a: 1}\n", "is not a key that Pulumi accepts"),
    Case("another package's key with two colons", "config:\n  a:b:c: {a: 1}\n", "is not a key that Pulumi accepts"),
    Case("the old form of a key", "config:\n  meshfleet:config:x: {a: 1}\n", "is not a key that Pulumi accepts"),
    Case("a key without the project", "config:\n  x: {a: 1}\n"),
    Case("a key without a name", "config:\n  'meshfleet:': 1\n", "is not a key that Pulumi accepts"),
    Case("a key that is a number", "config:\n  1: a\n", "is not a key that Pulumi accepts"),
    Case("a key that is a boolean", "config:\n  true: a\n", "is not a key that Pulumi accepts"),
    Case("another package's key", "config:\n  kubernetes:context: a\n  meshfleet:x: {}\n"),
    Case("a section with nothing", _x(""), "has nothing behind it"),
    Case("an environment", "environment: [a]\n" + _x("{a: 1}"), "which are not checked here"),
    Case("a salt that is none", "encryptionsalt: abc\n" + _x("{a: 1}"), "is not a salt of Pulumi's"),
    Case("a salt that is a number", "encryptionsalt: 1\n" + _x("{a: 1}"), "must be a string"),
    Case("a list for the configuration", "config: [a]\n", "has no `config:` mapping"),
    Case("a tag", _x("{a: !foo b}"), "the tag"),
    Case("a tag on a text", _x("{a: !!str 1}"), "has the tag"),
    Case("a tag on a quoted number", _x("{a: !!int '1'}"), "has the tag"),
    Case("binary", _x("{a: !!binary aGVsbG8=}"), "has the tag"),
    Case("a set", _x("!!set {a, b}"), "has the tag"),
    Case("a list for a name", _x("{[a]: 1}"), "a name must be a string"),
    Case("an escape of YAML 1.2", _x('{a: "b\\/c"}'), "does not take the escape"),
    Case("half of a surrogate pair", _x('{a: "\\ud800"}'), "does not take the escape"),
    Case("escapes", _x('{a: "b\\n\\u00e9\\x41\\\\/"}')),
    Case("a line separator of YAML 1.1", _x('{a: "b\x85c"}'), "contains the line separator U+0085"),
    Case("blocks of text", "config:\n  meshfleet:x:\n    a: >-\n      b\n      c\n    d: |+\n      e\n\n    f: 1\n"),
    Case("a colon within a text", _x("{a: b:c, d: 'e: f'}")),
    Case("line breaks of Windows", "config:\r\n  meshfleet:x: {a: 1}\r\n"),
)

# Scalars that are put into a file, plain and in quotes, whatever a reader takes them for.
PIECES = (
    *("0", "1", "8", "9", "_", ".", "-", "+", "e", "E", "x", "o", "b", "f", ":", "T", "Z", "inf", ".nan", "yes"),
    *("no", "on", "true", "null", "~", "<<", "=", "a", "2001", "-01", "0x", "1e", "10.", "Y", "N", "ü", "/", "%"),
)
