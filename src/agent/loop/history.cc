#include "agent/loop/history.h"

#include <set>

#include "base/strings.h"

namespace sl::agent {

using json::Array;
using json::Object;
using json::Value;

namespace {

Value well_formed(const Value& call) {
  Value out = call;
  auto* function = out.is_object() ? out.get_object().if_contains("function") : nullptr;
  if (!function || !function->is_object()) return out;
  auto parsed = json::parse(json::str(*function, "arguments"));
  if (!parsed || !parsed->is_object()) function->get_object()["arguments"] = "{}";
  return out;
}

}  // namespace

Array model_messages(const std::string& system, const std::vector<LogMessage>& messages) {
  Array out;
  if (!system.empty()) out.push_back(Object{{"role", "system"}, {"content", system}});
  std::set<size_t> used;  // results already placed behind their call
  for (size_t i = 0; i < messages.size(); ++i) {
    const Value& m = messages[i].message;
    if (json::str(m, "role") == "tool") continue;
    Value copy = m;
    if (copy.is_object())
      for (auto name : {kInitiatedBy, kAsSent, kEndedEarly}) copy.get_object().erase(name);
    auto* calls = json::arr(m, "tool_calls");
    if (calls && copy.is_object()) {
      Array clean;
      for (auto& c : *calls) clean.push_back(well_formed(c));
      copy.get_object()["tool_calls"] = std::move(clean);
    }
    out.push_back(std::move(copy));
    if (!calls) continue;
    for (auto& c : *calls) {
      std::string text = "(not answered: the call was interrupted)";
      for (size_t k = i + 1; k < messages.size(); ++k) {
        if (used.contains(k) || messages[k].task != messages[i].task ||
            json::str(messages[k].message, "tool_call_id") != json::str(c, "id"))
          continue;
        used.insert(k);
        text = json::str(messages[k].message, "content");
        break;
      }
      out.push_back(Object{{"role", "tool"}, {"tool_call_id", json::str(c, "id")}, {"content", text}});
    }
  }
  return out;
}

Array open_calls(const std::string& task, const std::vector<LogMessage>& messages) {
  size_t last = messages.size();
  for (size_t i = 0; i < messages.size(); ++i)
    if (messages[i].task == task && json::str(messages[i].message, "role") == "assistant") last = i;
  Array out;
  if (last == messages.size()) return out;
  auto* calls = json::arr(messages[last].message, "tool_calls");
  if (!calls) return out;
  std::multiset<std::string> answered;
  for (size_t k = last + 1; k < messages.size(); ++k)
    if (messages[k].task == task && json::str(messages[k].message, "role") == "tool")
      answered.emplace(json::str(messages[k].message, "tool_call_id"));
  for (auto& c : *calls) {
    auto it = answered.find(std::string(json::str(c, "id")));
    if (it != answered.end())
      answered.erase(it);
    else
      out.push_back(c);
  }
  return out;
}

}  // namespace sl::agent
