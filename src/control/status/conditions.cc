#include "control/status/conditions.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ids.h"
#include "base/strings.h"

namespace sl::control {

void Conditions::set(std::string type, bool holds, std::string reason, std::string message) {
  set_text(std::move(type), holds ? "True" : "False", std::move(reason), std::move(message));
}

void Conditions::set_text(std::string type, std::string status, std::string reason, std::string message) {
  for (auto& e : entries_) {
    if (e.type != type) continue;
    e = {std::move(type), std::move(status), std::move(reason), std::move(message)};
    return;
  }
  entries_.push_back({std::move(type), std::move(status), std::move(reason), std::move(message)});
}

bool Conditions::holds(std::string_view type) const {
  for (auto& e : entries_)
    if (e.type == type) return e.status == "True";
  return false;
}

json::Array Conditions::take() {
  json::Array out;
  const json::Array* old = before_ ? json::arr(*before_, "conditions") : nullptr;
  for (auto& e : entries_) {
    std::string since = rfc3339(unix_ms());
    if (old)
      for (auto& c : *old)
        if (json::str(c, "type") == e.type && json::str(c, "status") == e.status &&
            !json::str(c, "lastTransitionTime").empty())
          since = json::str(c, "lastTransitionTime");
    out.push_back(json::Object{{"type", e.type},
                               {"status", e.status},
                               {"observedGeneration", generation_},
                               {"lastTransitionTime", since},
                               {"reason", e.reason},
                               {"message", e.message}});
  }
  for (auto* c : foreign())
    if (out.size() < 8) out.push_back(*c);
  return out;
}

// What others have put beside ours stays.
std::vector<const json::Value*> Conditions::foreign() const {
  static constexpr std::string_view kOurs[] = {"Accepted",   "Programmed",       "ResolvedRefs",
                                               "Conflicted", "PartiallyInvalid", "UnsupportedFeatures",
                                               "Ready",      "SupportedVersion", "ThroughGateway"};
  std::vector<const json::Value*> out;
  if (auto* old = before_ ? json::arr(*before_, "conditions") : nullptr)
    for (auto& c : *old) {
      std::string_view type = json::str(c, "type");
      bool ours = std::find(std::begin(kOurs), std::end(kOurs), type) != std::end(kOurs) ||
                  std::any_of(entries_.begin(), entries_.end(), [&](auto& e) { return e.type == type; });
      if (!ours && !type.empty()) out.push_back(&c);
    }
  return out;
}

bool is_well(const json::Value& condition) {
  std::string_view type = json::str(condition, "type");
  bool names_fault = type == "Conflicted" || type == "PartiallyInvalid" || type == "UnsupportedFeatures";
  return json::str(condition, "status") == (names_fault ? "False" : "True");
}

std::string conditions_text(const json::Value& status) {
  std::string out;
  auto add = [&](const json::Value& part, std::string_view name) {
    auto* list = json::arr(part, "conditions");
    if (!list || list->empty()) return;
    if (!name.empty()) out += fmt::format(" {}:", name);
    for (auto& c : *list) {
      std::string_view type = json::str(c, "type"), state = json::str(c, "status");
      out += fmt::format(" {}={}/{}", type, state, json::str(c, "reason"));
      if (!is_well(c)) out += fmt::format(" ({})", json::str(c, "message"));
    }
  };
  add(status, "");
  if (auto* listeners = json::arr(status, "listeners"))
    for (auto& l : *listeners) add(l, fmt::format("listener {}", json::str(l, "name")));
  if (auto* parents = json::arr(status, "parents"))
    for (auto& p : *parents) add(p, fmt::format("parent {}", json::str(p, "parentRef", "name")));
  return out;
}

}  // namespace sl::control
