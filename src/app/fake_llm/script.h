// A script of fake-llm: rules that say what to answer to which request. Who calls: fake_llm.cc. Thread: plain values.
// Its form for users: docs/guides/fake-llm.md.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/fake_llm/format.h"
#include "json/describe.h"

namespace sl::fake {

struct Match {
  std::string path, contains, tool_result, model;
};
struct FakeError {
  std::string type, message = "scripted error";  // no type: the format's own for the status
};
struct Rule {
  Match match;
  int64_t times = -1;  // negative: always
  int64_t delay_ms = 0, chunk_delay_ms = 0, status = 200, after_events = 0;
  FakeError error;
  std::map<std::string, std::string> headers;
  std::optional<FakeReply> reply;
  std::string fault, raw, content_type;
};
void describe(json::Fields<Rule>& f);

// Errors name the rule and the field.
Result<std::vector<Rule>> read_script(const json::Value& script);

bool matches(const Rule& rule, std::string_view path, const Asked& asked);
// What a rule says (or else what fake-llm says by itself) to what was asked, complete: ids, model, counts, reason to
// stop.
Answer make_answer(const Rule& rule, const Asked& asked);

}  // namespace sl::fake
