// What a CustomResourceDefinition may say and what is written by it: [schema, object]. Read, then prune, default and
// validate.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "kube/schema/structural.h"

namespace sl::kube {
namespace {

using json::Value;

void check(bool holds, const char* what, const std::string& text) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n%s\n", what, text.c_str());
  std::abort();
}

Value check_prune(const Value& value, const json::Schema& schema) {
  Value once = value;
  std::vector<std::string> unknown, again;
  prune(once, schema, "", &unknown);
  check(json::equal(once, value) == unknown.empty(), "what is removed is named", json::dump(value));
  Value twice = once;
  prune(twice, schema, "", &again);
  check(again.empty() && json::equal(once, twice), "pruning twice removes nothing more", json::dump(once));
  Value quiet = value;
  prune(quiet, schema, "", nullptr);
  check(json::equal(quiet, once), "pruning without a list is the same", json::dump(once));
  return once;
}

Value check_defaults(const Value& value, const json::Schema& schema) {
  Value once = value;
  apply_defaults(once, schema);
  Value twice = once;
  apply_defaults(twice, schema);
  check(json::equal(once, twice), "defaulting twice changes nothing", json::dump(once));
  return once;
}

std::string causes_of(const Value& value, const Value* old, const json::Schema& schema) {
  std::vector<Cause> causes;
  validate(value, old, schema, "", causes);
  std::string out;
  for (auto& c : causes) {
    check(!c.reason.empty() && !c.message.empty() && !c.field.empty(), "a cause says what and where", c.message);
    check(valid_utf8(c.message) && valid_utf8(c.field), "a cause is UTF-8", c.message);
    out += c.reason + " " + c.field + " " + c.message + "\n";
  }
  return out;
}

// Read from what it writes, a schema acts the same.
void check_openapi(const json::Schema& schema, const Value& value, const Value& pruned) {
  Value openapi = json::to_openapi(schema);
  auto back = schema_from_openapi(openapi);
  check(back.has_value(), "what is written can be read", json::dump(openapi));
  check(json::equal(json::to_openapi(**back), openapi), "what is read is written the same", json::dump(openapi));
  Value again = value;
  prune(again, **back, "", nullptr);
  check(json::equal(again, pruned), "it prunes the same", json::dump(openapi));
}

void run(std::string_view text) {
  auto v = json::parse(text);
  auto* list = v ? v->if_array() : nullptr;
  if (!list || list->empty()) return;
  auto schema = schema_from_openapi((*list)[0]);
  if (!schema) return check(!schema.error().message.empty(), "an error says something", std::string(text));
  const Value& value = list->size() > 1 ? (*list)[1] : (*list)[0];
  Value pruned = check_prune(value, **schema), whole = check_defaults(pruned, **schema);
  std::string before = json::dump(whole), causes = causes_of(whole, nullptr, **schema);
  (void)causes_of(value, &whole, **schema);
  check(causes_of(whole, nullptr, **schema) == causes, "validating something else between changes nothing", causes);
  check(causes_of(whole, &whole, **schema).empty(), "what did not change is not held against its writer", before);
  check(json::dump(whole) == before, "validating changes nothing", before);
  check_openapi(**schema, value, pruned);
}

}  // namespace
}  // namespace sl::kube

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sl::kube::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
