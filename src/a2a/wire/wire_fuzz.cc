// A2A shapes of both versions: any JSON converts; a message made from it survives the way to 1.0 and back.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "a2a/wire/wire.h"

namespace sl::a2a {
namespace {

using json::Array;
using json::Object;
using json::Value;

void check(bool holds, const char* what, std::string_view text) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n%.*s\n", what, static_cast<int>(text.size()), text.data());
  std::abort();
}

// No member of the 0.3 form is left, but in what the parties put there.
bool converted(const Value& v) {
  if (auto* a = v.if_array()) {
    for (auto& e : *a)
      if (!converted(e)) return false;
    return true;
  }
  auto* o = v.if_object();
  if (!o) return true;
  for (auto& [key, child] : *o) {
    if (key == "metadata" || key == "data") continue;
    if (key == "kind" || key == "final" || !converted(child)) return false;
  }
  return true;
}

void check_any(const Value& v, const std::string& text) {
  check(converted(to_v1(v)), "nothing of 0.3 is left", text);
  Value once = from_v1(v);
  check(json::equal(from_v1(once), once), "reading twice changes nothing", text);
  check(v.is_object() == once.is_object(), "an object stays one", text);
  (void)text_of(v);
  check(data_of(v).is_null() || data_of(v).is_object(), "data is an object", text);
}

// Strings become text parts, everything else data.
Array parts_of(const Value& v) {
  Array out;
  auto add = [&out](const Value& one) {
    if (auto* s = one.if_string())
      out.push_back(text_part(json::view(*s)));
    else
      out.push_back(data_part(one, "function_call"));
  };
  if (auto* a = v.if_array())
    for (auto& e : *a) add(e);
  else
    add(v);
  return out;
}

void check_message(const Value& v, const std::string& text) {
  for (auto role : {"user", "agent"}) {
    Value m = message(role, parts_of(v), "m", "c", "t");
    m.get_object()["metadata"] = v;
    Value wrapped = to_v1(m);
    auto* inner = json::find(wrapped, "message");
    check(inner != nullptr, "a message is wrapped", text);
    check(text_of(*inner) == text_of(m), "texts are found in both shapes", text);
    check(json::equal(data_of(*inner), data_of(m)), "data is found in both shapes", text);
    Value back = from_v1(wrapped);
    check(json::equal(*json::find(back, "message"), m), "a message comes back", json::dump(back));
  }
}

void check_states(const std::string& text) {
  for (auto state : {"submitted", "working", "input-required", "completed", "canceled", "failed", "rejected",
                     "auth-required", "unknown"}) {
    Value event = status_event("t", "c", status(state, Value(text), 0), false);
    Value wrapped = to_v1(event);
    std::string_view told = json::str(wrapped, "statusUpdate", "status", "state");
    check(state_v03(told) == state && state_v03(state) == state, "a state comes back", told);
  }
}

void run(std::string_view text) {
  auto version = parse_version(text);
  check(version || (version.error().code == Code::InvalidArgument && !version.error().message.empty()),
        "an error says something", text);
  (void)state_v03(text);
  auto v = json::parse(text);
  if (!v) return;
  std::string given = json::dump(*v);
  check_any(*v, given);
  check_message(*v, given);
  check_states(given);
  check(json::equal(*json::find(rpc_result(*v, *v), "result"), *v), "a result is what was given", given);
}

}  // namespace
}  // namespace sl::a2a

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sl::a2a::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
