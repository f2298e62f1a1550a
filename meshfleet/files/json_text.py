"""JSON that something else wrote: a value, or ValueError whatever is wrong with it.

`json.loads` raises RecursionError for what is nested too deeply, and takes NaN and Infinity, which are no JSON.
Source: https://www.rfc-editor.org/rfc/rfc8259
"""

from __future__ import annotations

import json
from typing import Any, NoReturn


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text. Raises ValueError."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
