"""Reads an SSE body of OpenAI chat chunks: its payloads, the rules every stream keeps, and what a client adds up."""
from matching import Mismatch, parse_strict, short

DONE = "[DONE]"


def payloads(body):
    """The data payloads in order: parsed JSON, or the string [DONE]. Raises Mismatch for anything else."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as e:
        raise Mismatch(f"output is not UTF-8: {e}") from None
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    out, data = [], []
    for line in lines:
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif line == "" and data:
            out.append(decode("\n".join(data)))
            data = []
        elif line and not line.startswith(":"):
            raise Mismatch(f"OpenAI streams have data lines only, got the line {short(line)}")
    if data:
        raise Mismatch(f"the last event is not ended by an empty line: {short(data)}")
    return out


def decode(data):
    if data == DONE:
        return DONE
    try:
        return parse_strict(data)
    except ValueError as e:
        raise Mismatch(f"payload {short(data)} is not JSON: {e}") from None


def settled(items):
    """The payloads without what may differ from run to run."""
    out = []
    for item in items:
        if isinstance(item, dict):
            item = {k: v for k, v in item.items() if k not in ("id", "created")}
        out.append(item)
    return out


def ends_clean(body):
    """True if a client would take this body for a complete answer."""
    items = payloads(body)
    return DONE in items or not (items and isinstance(items[-1], dict) and "error" in items[-1])


class Fold:
    """Adds chunks up as a client does, and raises Mismatch where a chunk breaks the format."""

    def __init__(self):
        self.message = {}
        self.calls = []
        self.finish_reason = None
        self.usage = None
        self.error = None
        self.done = False
        self.shared = {}

    def need(self, truth, what, item):
        if not truth:
            raise Mismatch(f"{what}: {short(item)}")

    def add(self, item):
        self.need(not self.done, "payload after [DONE]", item)
        self.need(self.error is None, "payload after the error", item)
        if item == DONE:
            self.need(self.finish_reason is not None, "[DONE] before any finish_reason", item)
            self.done = True
            return
        self.need(isinstance(item, dict), "payload is not an object", item)
        if "error" in item:
            self.need(isinstance(item["error"], dict), "error is not an object", item)
            self.error = item["error"]
            return
        self.add_chunk(item)

    def add_chunk(self, item):
        self.need(item.get("object") == "chat.completion.chunk", "object is not chat.completion.chunk", item)
        self.need(isinstance(item.get("id"), str) and item["id"], "chunk without id", item)
        self.need(type(item.get("created")) is int, "chunk without created", item)
        self.need(isinstance(item.get("choices"), list), "chunk without choices", item)
        for key in ("id", "created", "model"):
            self.need(self.shared.setdefault(key, item.get(key)) == item.get(key), f"{key} changes in the stream", item)
        self.need(self.usage is None, "chunk after the usage chunk", item)
        if item.get("usage") is not None:
            self.need(item["choices"] == [], "usage in a chunk whose choices are not []", item)
            self.need(self.finish_reason is not None, "usage before the finish_reason", item)
            self.usage = item["usage"]
        for choice in item["choices"]:
            self.add_choice(choice, item)

    def add_choice(self, choice, item):
        self.need(choice.get("index") == 0, "choice index is not 0", item)
        delta = choice.get("delta")
        self.need(isinstance(delta, dict), "choice without delta", item)
        self.need(self.finish_reason is None, "choice after the finish_reason", item)
        if not self.message:
            self.need(delta.get("role") == "assistant", "the first delta has no role assistant", item)
            self.message["role"] = "assistant"
        for key in ("content", "reasoning_content", "reasoning_signature"):
            if delta.get(key) is not None:
                self.need(isinstance(delta[key], str), f"{key} is not a string", item)
                self.message[key] = self.message.get(key, "") + delta[key]
        if delta.get("thinking_blocks") is not None:
            self.message.setdefault("thinking_blocks", []).extend(delta["thinking_blocks"])
        for call in delta.get("tool_calls") or []:
            self.add_call(call, item)
        if choice.get("finish_reason") is not None:
            self.finish_reason = choice["finish_reason"]

    def add_call(self, call, item):
        index, function = call.get("index"), call.get("function") or {}
        self.need(type(index) is int and 0 <= index <= len(self.calls), "tool index is not the next of 0..n-1", item)
        if index == len(self.calls):
            self.need(call.get("id") and function.get("name"), "first delta of a tool call without id and name", item)
            self.need(call.get("type") == "function", "first delta of a tool call without type function", item)
            self.calls.append({"id": call["id"], "type": "function",
                               "function": {"name": function["name"], "arguments": ""}})
        else:
            self.need(call.get("id") in (None, self.calls[index]["id"]), "id of a tool call changes", item)
            self.need(not function.get("name"), "name of a tool call sent again", item)
        self.calls[index]["function"]["arguments"] += function.get("arguments") or ""

    def result(self):
        message = dict(self.message)
        if self.calls:
            message["tool_calls"] = self.calls
        out = {"message": message, "finish_reason": self.finish_reason, "done": self.done}
        for key in ("usage", "error"):
            if getattr(self, key) is not None:
                out[key] = getattr(self, key)
        if "model" in self.shared:
            out["model"] = self.shared["model"]
        return out


def fold(items):
    state = Fold()
    for item in items:
        state.add(item)
    return state.result()
