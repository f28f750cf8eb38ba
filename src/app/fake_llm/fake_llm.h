// fake-llm: a scripted provider that speaks the OpenAI, Anthropic and Gemini wire formats, streaming too, with faults.
//
// For demos without a key, for tests and for load. Who calls: `sightline fake-llm`. Thread: its server's loop.
// Script: a YAML or JSON list of rules, see docs/guides/fake-llm.md.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "json/value.h"
#include "net/http_server/server.h"

namespace sl::net {
class Loop;
}

namespace sl::fake {

class FakeLlm {
 public:
  explicit FakeLlm(net::Loop& loop);
  // Errors name the rule and field.
  Result<void> set_script(const json::Value& rules);
  net::HttpHandler handler();

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace sl::fake
