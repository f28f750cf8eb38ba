// Conditions of a status: built anew each time, keeping lastTransitionTime while the status is the same.
// Who calls: control/translate. Thread: plain values. Source: Gateway API, conditions and reasons.
#pragma once

#include <string>
#include <vector>

#include "json/value.h"

namespace sl::control {

class Conditions {
 public:
  // `before` is the status part that held them (its "conditions" member is looked at), or null.
  Conditions(const json::Value* before, int64_t generation) : before_(before), generation_(generation) {}

  void set(std::string type, bool holds, std::string reason, std::string message);
  void set_text(std::string type, std::string status, std::string reason, std::string message);
  bool holds(std::string_view type) const;
  json::Array take();  // ours, then those of others

 private:
  std::vector<const json::Value*> foreign() const;

  struct Entry {
    std::string type, status, reason, message;
  };
  const json::Value* before_;
  int64_t generation_;
  std::vector<Entry> entries_;
};

// Whether a condition says that all is well: most are so when True, those that name a fault when False.
bool is_well(const json::Value& condition);

// " TYPE=STATUS/REASON (MESSAGE)" of each condition of a status, also of its listeners and parents, for the log; the
// message where the condition does not say that all is well.
std::string conditions_text(const json::Value& status);

}  // namespace sl::control
