#!/usr/bin/env python3
"""Black-box tests of `sightline translate`: see README.md beside this file for the shape of a case.

    test/translate/run.py [-k PART] [-j JOBS] [--quick]

Prints a line per failing case and ends with `N passed, N failed`. $SIGHTLINE names another binary.
"""
import argparse
import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chat_stream  # noqa: E402
import process  # noqa: E402
from matching import Mismatch, match, parse_strict, short  # noqa: E402

CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases")
SPLITS_DENSE = 400   # every position up to here is tried as a split
SPLITS_FURTHER = 100  # and about this many beyond it
CUTS_MAX = 150
BYTEWISE_MAX = 4000  # longer inputs go on in pieces of 7 bytes


class Case:
    def __init__(self, name):
        self.name = name
        self.dir = os.path.join(CASES, name)
        self.args = shlex.split(self.text("args"))
        self.streaming = "--stream" in self.args and "--response" in self.args
        self.let = None
        self.to_anthropic_request = "--response" not in self.args and "anthropic" in self.args

    def path(self, file):
        return os.path.join(self.dir, file)

    def has(self, file):
        return os.path.exists(self.path(file))

    def bytes(self, file):
        with open(self.path(file), "rb") as f:
            return f.read()

    def text(self, file):
        return self.bytes(file).decode("utf-8")

    def lines(self, file):
        return [line for line in self.text(file).split("\n") if line] if self.has(file) else []

    def values(self):
        """NAME -> JSON text, from the file `let`: NAME = CASE:/pointer into that case's own output."""
        if self.let is not None:
            return self.let
        out = {}
        for line in self.lines("let"):
            name, source = (part.strip() for part in line.split("=", 1))
            case_name, pointer = source.split(":", 1)
            other = Case(case_name)
            value = parse_strict(process.run_whole(other.args, other.input()).out)
            for key in pointer.split("/")[1:]:
                value = value[int(key)] if isinstance(value, list) else value[key]
            out[name] = json.dumps(value)
        self.let = out
        return out

    def filled(self, file):
        data = self.bytes(file)
        for name, value in self.values().items():
            data = data.replace(b"${" + name.encode() + b"}", value.encode())
        return data

    def input(self):
        return self.filled("in") if self.has("in") else b""


# --- one run against the expectation ---------------------------------------------------------------------------

def check_code(case, ran):
    wanted = case.text("exit").strip() if case.has("exit") else "0"
    if wanted != "any" and ran.code != int(wanted):
        raise Mismatch(f"exit: expected {wanted}, got {ran.code}; stderr {short(ran.err.decode(errors='replace'))}")
    if ran.code < 0:
        raise Mismatch(f"ended by signal {-ran.code}")
    if ran.code and not ran.err.strip():
        raise Mismatch(f"exit {ran.code} with nothing on stderr")


def found(pattern, text):
    return re.search(pattern[3:], text) if pattern.startswith("re:") else pattern in text


def check_stderr(case, ran):
    text = ran.err.decode("utf-8", errors="replace")
    for pattern in case.lines("err"):
        if not found(pattern, text):
            raise Mismatch(f"stderr: {pattern!r} is missing in {short(text)}")
    for pattern in case.lines("err.absent"):
        if found(pattern, text):
            raise Mismatch(f"stderr: {pattern!r} must not be in {short(text)}")


def check_json(case, ran):
    try:
        actual = parse_strict(ran.out)
    except ValueError as e:
        raise Mismatch(f"stdout is not one JSON document ({e}): {short(ran.out.decode(errors='replace'))}") from None
    expected = parse_strict(case.filled("out.json"))
    strict = None
    if case.to_anthropic_request:  # Anthropic refuses keys it does not know
        strict = []
        if "stream" not in expected:
            expected.setdefault("__optional__", {}).setdefault("stream", False)
    match(expected, actual, strict=strict)


def match_payloads(expected, actual):
    """`...` stands for any number of payloads, as few as fit."""
    if not expected:
        if actual:
            raise Mismatch(f"payload after the last expected one: {short(actual[0])}")
        return
    head, rest = expected[0], expected[1:]
    if head == "...":
        reason = None
        for skip in range(len(actual) + 1):
            try:
                return match_payloads(rest, actual[skip:])
            except Mismatch as e:
                reason = reason or e
        raise reason
    if not actual:
        raise Mismatch(f"output ends where this payload was expected: {short(head)}")
    if head == chat_stream.DONE or actual[0] == chat_stream.DONE:
        if head != actual[0]:
            raise Mismatch(f"expected payload {short(head)}, got {short(actual[0])}")
    else:
        match(head, actual[0], "data:")
    match_payloads(rest, actual[1:])


def check_sse(case, ran):
    expected = []
    for line in case.filled("out.sse").decode("utf-8").split("\n"):
        if line.strip():
            expected.append(line if line in ("...", chat_stream.DONE) else parse_strict(line))
    match_payloads(expected, chat_stream.payloads(ran.out))


def check_raw(case, ran):
    expected, actual = case.bytes("out.raw"), ran.out
    if expected.removesuffix(b"\n") == actual.removesuffix(b"\n"):
        return
    at = next((i for i, (a, b) in enumerate(zip(expected, actual)) if a != b), min(len(expected), len(actual)))
    raise Mismatch(f"byte {at}: expected {expected[at - 20 if at > 20 else 0:at + 40]!r}, "
                   f"got {actual[at - 20 if at > 20 else 0:at + 40]!r}")


def check_broken_end(ran):
    if ran.code == 0 and chat_stream.ends_clean(ran.out) or b"[DONE]" in ran.out:
        last = ran.out.decode(errors="replace")[-200:]
        raise Mismatch(f"a broken stream ended as if it were complete: {short(last)}")


def check(case, ran):
    check_code(case, ran)
    check_stderr(case, ran)
    if case.has("out.json"):
        check_json(case, ran)
    if case.has("out.sse"):
        check_sse(case, ran)
    if case.has("out.raw"):
        check_raw(case, ran)
    if case.has("out.folded.json"):
        match(parse_strict(case.filled("out.folded.json")), chat_stream.fold(chat_stream.payloads(ran.out)))
    elif case.streaming and "anthropic" in case.args:
        chat_stream.fold(chat_stream.payloads(ran.out))
    if case.has("ends_broken"):
        check_broken_end(ran)
    outputs = ("out.json", "out.sse", "out.raw", "out.folded.json", "ends_broken")
    if ran.code and not any(case.has(f) for f in outputs) and ran.out:
        raise Mismatch(f"exit {ran.code} with something on stdout: {short(ran.out.decode(errors='replace'))}")


# --- streams: the same output for every split, never a clean end for a cut one ---------------------------------

def settled(case, ran):
    return ran.out if case.has("out.raw") else chat_stream.settled(chat_stream.payloads(ran.out))


def same_as_whole(case, whole, ran, how):
    if ran.code != whole.code:
        raise Mismatch(f"{how}: exit {ran.code}, in one piece {whole.code}")
    expected, actual = settled(case, whole), settled(case, ran)
    if expected != actual:
        at = next((i for i, (a, b) in enumerate(zip(expected, actual)) if a != b), min(len(expected), len(actual)))
        raise Mismatch(f"{how}: output differs at payload {at}: in one piece {short(expected[at:at + 1])}, "
                       f"now {short(actual[at:at + 1])}")


def positions(length, dense, further):
    out = list(range(1, min(dense + 1, length)))
    if length > dense + 1:
        out += range(dense + 1, length, max(1, (length - dense) // further))
    return out


def check_splits(case, pool, quick):
    data = case.input()
    whole = process.run_whole(case.args, data)
    singles = [data[i:i + 1] for i in range(min(len(data), BYTEWISE_MAX))]
    singles += [data[i:i + 7] for i in range(BYTEWISE_MAX, len(data), 7)]
    same_as_whole(case, whole, process.run_pieces(case.args, singles), "byte by byte")
    places = positions(len(data), SPLITS_DENSE // 20 if quick else SPLITS_DENSE, 10 if quick else SPLITS_FURTHER)

    def one(at):
        same_as_whole(case, whole, process.run_pieces(case.args, [data[:at], data[at:]]), f"split at byte {at}")
    for done in [pool.submit(one, at) for at in places]:
        done.result()


def check_cuts(case, pool, quick):
    """Cut anywhere before the terminator is complete: an error event or a failure, never [DONE]."""
    data = case.input()
    end = data.rfind(b"message_stop" if "anthropic" in case.args else b"[DONE]")
    places = [0] + positions(end + 1, 20 if quick else 60, 10 if quick else CUTS_MAX - 60)

    def one(at):
        ran = process.run_whole(case.args, data[:at])
        try:
            check_broken_end(ran)
        except Mismatch as e:
            raise Mismatch(f"cut at byte {at}: {e}") from None
    for done in [pool.submit(one, at) for at in places]:
        done.result()


LIVE = {
    "anthropic": [
        (b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message",'
         b'"role":"assistant","model":"claude-sonnet-4-5","content":[],"stop_reason":null,"stop_sequence":null,'
         b'"usage":{"input_tokens":3,"output_tokens":1}}}\n\n'
         b'event: content_block_start\ndata: {"type":"content_block_start","index":0,'
         b'"content_block":{"type":"text","text":""}}\n\n'
         b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
         b'"delta":{"type":"text_delta","text":"first-piece"}}\n\n', b"first-piece"),
        (b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
         b'"delta":{"type":"text_delta","text":"second-piece"}}\n\n', b"second-piece"),
        (b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
         b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn",'
         b'"stop_sequence":null},"usage":{"output_tokens":2}}\n\n'
         b'event: message_stop\ndata: {"type":"message_stop"}\n\n', b"[DONE]"),
    ],
    "openai": [
        (b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,'
         b'"delta":{"role":"assistant","content":"first-piece"},"finish_reason":null}]}\n\n', b"first-piece"),
        (b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,'
         b'"delta":{"content":"second-piece"},"finish_reason":null}]}\n\n', b"second-piece"),
        (b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,'
         b'"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n', b"[DONE]"),
    ],
}


def check_live(provider):
    """Every piece must come out while the input is still open."""
    proc = process.start(["--from", "openai-chat", "--to", provider, "--response", "--stream"])
    seen = b""
    try:
        for data, wanted in LIVE[provider]:
            os.write(proc.stdin.fileno(), data)
            seen = process.read_until(proc, wanted, seen, timeout_s=5)
            if wanted not in seen:
                raise Mismatch(f"{wanted.decode()!r} did not come out while the input was open; so far {seen[-200:]!r}")
        process.close_quietly(proc)
        if proc.wait(timeout=process.TIMEOUT_S) != 0:
            raise Mismatch(f"exit {proc.returncode} after a complete stream")
    except BrokenPipeError:
        raise Mismatch(f"the command ended while its input was open; so far {seen[-200:]!r}") from None
    finally:
        process.stop(proc)


# --- the whole -------------------------------------------------------------------------------------------------

def attempt(name, test, *args):
    try:
        test(*args)
    except Mismatch as e:
        return f"{name}: {e}"
    except subprocess.TimeoutExpired:
        return f"{name}: did not end within {process.TIMEOUT_S} s"
    except (ValueError, KeyError, IndexError, TypeError) as e:
        return f"{name}: the case could not be evaluated: {type(e).__name__}: {e}"
    return None


def run_case(case):
    check(case, process.run_whole(case.args, case.input()))


def main():
    options = argparse.ArgumentParser(description="Black-box tests of `sightline translate`.")
    options.add_argument("-k", metavar="PART", default="", help="only cases whose name holds PART")
    options.add_argument("-j", metavar="JOBS", type=int, default=os.cpu_count(), help="processes at a time")
    options.add_argument("--quick", action="store_true", help="few splits and cuts only")
    options = options.parse_args()
    cases = [Case(name) for name in sorted(os.listdir(CASES)) if options.k in name]
    if not os.access(process.BINARY, os.X_OK):
        print(f"{process.BINARY}: not there or not executable; build it or set $SIGHTLINE")
        print(f"0 passed, {len(cases)} failed")
        return 1
    passed, failures = 0, []

    def note(failure):
        nonlocal passed
        passed += failure is None
        if failure:
            failures.append(failure)
            print("FAIL " + failure.replace("\n", "\\n"), flush=True)
    with concurrent.futures.ThreadPoolExecutor(options.j) as pool:
        for failure in pool.map(lambda case: attempt(case.name, run_case, case), cases):
            note(failure)
        for case in cases:
            if case.streaming:
                note(attempt(f"{case.name} (splits)", check_splits, case, pool, options.quick))
                if case.has("cuts"):
                    note(attempt(f"{case.name} (cuts)", check_cuts, case, pool, options.quick))
        for provider in LIVE:
            if options.k in "live_" + provider:
                note(attempt(f"live_{provider}", check_live, provider))
    print(f"{passed} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
