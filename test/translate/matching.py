"""Compares a JSON value with an expectation and names the first difference.

An expectation is plain JSON in which
  "*"                    stands for any value (the key must be there)
  "*int"                 stands for an integer above zero
  "*str"                 stands for a string that is not empty
  "*=NAME"               stands for a string that is not empty, the same wherever NAME is used
  {"__json__": X}        stands for a string that holds JSON matching X
  {"__any__": [X, Y]}    stands for a value matching one of them
and in which an object may also hold
  "__absent__": [names]  these keys must not be there
  "__optional__": {k: X} these keys may be there, and then match
  "__only__": [names]    no keys but those of the expectation and these; holds for everything below too
  "__open__": true       lifts an outer "__only__" here and below
Without "__only__" an object may hold keys that the expectation does not name. Arrays match in full.
An integer matches only an integer; 1.0 matches 1 and 1.0. Under the keys `content` and `system` an expected list
of one plain text block also matches the bare string, since both mean the same to Anthropic.
"""
import json

CONTROL = {"__absent__", "__optional__", "__only__", "__open__"}


class Mismatch(Exception):
    """Holds one line: where, what was expected, what was found."""


def no_duplicates(pairs):
    out = {}
    for key, value in pairs:
        if key in out:
            raise ValueError(f"duplicate key {key!r}")
        out[key] = value
    return out


def no_constant(name):
    raise ValueError(f"{name} is not JSON")


def parse_strict(text):
    """Parses one document; duplicate keys, NaN and invalid UTF-8 are errors."""
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    return json.loads(text, object_pairs_hook=no_duplicates, parse_constant=no_constant)


def short(value, limit=300):
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def fail(path, expected, actual):
    raise Mismatch(f"{path or '/'}: expected {short(expected)}, got {short(actual)}")


def match_wildcard(expected, actual, path, bound):
    if expected == "*":
        return True
    if expected == "*int":
        if type(actual) is not int or actual <= 0:
            fail(path, "an integer above zero", actual)
        return True
    if expected == "*str" or expected.startswith("*="):
        if not isinstance(actual, str) or not actual:
            fail(path, "a string that is not empty", actual)
        if expected != "*str" and bound.setdefault(expected, actual) != actual:
            fail(path, bound[expected], actual)
        return True
    return False


def match_any(choices, actual, path, bound, strict):
    reasons = []
    for choice in choices:
        trial = dict(bound)
        try:
            match(choice, actual, path, trial, strict)
        except Mismatch as e:
            reasons.append(str(e))
            continue
        bound.update(trial)
        return
    raise Mismatch(" or ".join(reasons))


def match_embedded(expected, actual, path, bound, strict):
    if not isinstance(actual, str):
        fail(path, "a string that holds JSON", actual)
    try:
        inner = parse_strict(actual)
    except ValueError as e:
        raise Mismatch(f"{path}: {short(actual)} is not JSON: {e}") from None
    match(expected, inner, path + "(json)", bound, strict)


def match_object(expected, actual, path, bound, strict):
    if not isinstance(actual, dict):
        fail(path, expected, actual)
    if expected.get("__open__"):
        strict = None
    elif "__only__" in expected:
        strict = expected["__only__"]
    optional = expected.get("__optional__", {})
    below = None if strict is None else []
    for name in expected.get("__absent__", []):
        if name in actual:
            raise Mismatch(f"{path}/{name}: must not be there, got {short(actual[name])}")
    for key, value in expected.items():
        if key in CONTROL:
            continue
        if key not in actual:
            raise Mismatch(f"{path}/{key}: missing, expected {short(value)}; there are {short(sorted(actual))}")
        match(value, actual[key], f"{path}/{key}", bound, below)
    for key, value in actual.items():
        if key in optional:
            match(optional[key], value, f"{path}/{key}", bound, below)
        elif strict is not None and key not in expected and key not in strict:
            raise Mismatch(f"{path}/{key}: unexpected, got {short(value)}")


def is_plain_text(expected):
    return (isinstance(expected, list) and len(expected) == 1 and isinstance(expected[0], dict)
            and set(expected[0]) == {"type", "text"} and expected[0]["type"] == "text")


def match_list(expected, actual, path, bound, strict):
    if isinstance(actual, str) and path.endswith(("/content", "/system")) and is_plain_text(expected):
        return match(expected[0]["text"], actual, path, bound, strict)
    if not isinstance(actual, list):
        fail(path, expected, actual)
    if len(expected) != len(actual):
        raise Mismatch(f"{path}: expected {len(expected)} elements {short(expected)}, "
                       f"got {len(actual)} {short(actual)}")
    for i, (e, a) in enumerate(zip(expected, actual)):
        match(e, a, f"{path}/{i}", bound, strict)


def match_scalar(expected, actual, path):
    if isinstance(expected, bool) or isinstance(actual, bool) or expected is None:
        same = expected is actual
    elif type(expected) is int:
        same = type(actual) is int and expected == actual
    elif isinstance(expected, float):
        same = type(actual) in (int, float) and expected == actual
    else:
        same = type(expected) is type(actual) and expected == actual
    if not same:
        fail(path, expected, actual)


def match(expected, actual, path="", bound=None, strict=None):
    """Raises Mismatch unless `actual` is as expected. `strict` is None or the extra keys allowed here."""
    bound = {} if bound is None else bound
    if isinstance(expected, str) and expected.startswith("*") and match_wildcard(expected, actual, path, bound):
        return
    if isinstance(expected, dict):
        if "__any__" in expected:
            match_any(expected["__any__"], actual, path, bound, strict)
        elif "__json__" in expected:
            match_embedded(expected["__json__"], actual, path, bound, strict)
        else:
            match_object(expected, actual, path, bound, strict)
    elif isinstance(expected, list):
        match_list(expected, actual, path, bound, strict)
    else:
        match_scalar(expected, actual, path)
