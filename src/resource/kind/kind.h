// KindInfo: what the API needs to know of a kind beside its schema, as plain data.
// Who calls: resource families fill it; control/kinds registers it with the API. Thread: plain values.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "json/describe.h"

namespace sl::resource {

// A column of `kubectl get`: an additionalPrinterColumn of the upstream CRD, or "@name" for a computed one.
struct Column {
  std::string name;
  std::string type;
  std::string path;
  int priority = 0;
  std::string description;
};

struct KindInfo {
  std::string group, kind, plural, singular;
  std::vector<std::string> versions;  // most preferred first
  std::vector<std::string> short_names, categories;
  bool namespaced = true;
  bool status = true;
  bool core_style = false;
  bool read_only = false;
  std::vector<std::string> subresources;
  std::vector<Column> columns;
  std::vector<std::string> selectable_fields;
  std::string doc;
  std::vector<json::Property> members;  // beside apiVersion, kind and metadata
  std::function<void(json::Value&, std::vector<std::string>& warnings)> respell;
  std::function<Result<void>(json::Value&)> prepare;
  std::function<void(const json::Value&, const json::Value*, std::vector<Cause>&)> check;
  std::function<void(const json::Value&, std::vector<std::string>&)> warn;
};

// A member of the object with the schema of a described struct.
template <class T>
json::Property member(std::string name, bool required = false) {
  return {std::move(name), json::schema_ptr_of<T>(), required};
}
// A member of one of describe.h's plain types.
template <class T>
json::Property plain(std::string name, std::string doc) {
  auto s = std::make_shared<json::Schema>(*json::codec_of<T>().schema());
  s->doc = std::move(doc);
  return {std::move(name), std::move(s), false};
}

struct Condition {
  std::string type, status, reason, message, last_transition;
  int64_t observed_generation = 0;
};
void describe(json::Fields<Condition>& f);

// Shared pieces.
struct LabelSelectorRequirement {
  std::string key, op;
  std::vector<std::string> values;
};
void describe(json::Fields<LabelSelectorRequirement>& f);
struct LabelSelectorSpec {
  std::map<std::string, std::string> match_labels;
  std::vector<LabelSelectorRequirement> match_expressions;
};
void describe(json::Fields<LabelSelectorSpec>& f);

// True when the member is there and not null (what CEL's has() says).
inline bool has(const json::Value& self, std::string_view key) {
  auto* v = json::find(self, key);
  return v && !v->is_null();
}

std::vector<KindInfo> core_kinds();
std::vector<KindInfo> gateway_kinds();
std::vector<KindInfo> kgateway_kinds();
std::vector<KindInfo> kagent_kinds();

}  // namespace sl::resource
