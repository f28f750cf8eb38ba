// What the REST paths answer: kagent's envelope {"error", "data", "message"}. Who calls: the handlers of this folder.
// Thread: any.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json/value.h"

namespace sl::rest {

struct Answer {
  int status = 200;
  json::Value body;
};

// The pieces of "/api/sessions/ID": "api", "sessions", "ID".
using Path = std::vector<std::string>;

inline json::Value envelope(json::Value data, std::string_view message) {
  return json::Object{{"error", false}, {"data", std::move(data)}, {"message", message}};
}

}  // namespace sl::rest
