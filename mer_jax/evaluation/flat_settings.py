"""Settings as a person reads them: dotted names and plain words, without what is not set."""

import json


def flat_settings(values: dict, prefix: str = "") -> dict[str, str]:
    """Nested values as dotted names, {"network": {"name": "x"}} to {"network.name": "x"}; what is not set is left out."""
    flat = {}
    for name, value in values.items():
        if isinstance(value, list) and value and all(isinstance(part, dict) for part in value):
            value = value[0] if len(value) == 1 else {str(number): part for number, part in enumerate(value, 1)}
        if isinstance(value, dict):
            flat |= flat_settings(value, f"{prefix}{name}.")
        elif value not in (None, "", []):
            flat[f"{prefix}{name}"] = _words(value)
    return flat


def _words(value: object) -> str:
    """A text as it is, a list as its parts, anything else as in JSON: true, 0.5."""
    if isinstance(value, list):
        return ", ".join(" ".join(map(_words, part)) if isinstance(part, list) else _words(part) for part in value)
    return value if isinstance(value, str) else json.dumps(value)
