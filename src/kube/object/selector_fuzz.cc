// Selectors: any text is read or refused with words; [selector object, object] selects the same as its text.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "kube/object/selector.h"

namespace sl::kube {
namespace {

void check(bool holds, const char* what, std::string_view text) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n%.*s\n", what, static_cast<int>(text.size()), text.data());
  std::abort();
}

const std::vector<std::string> kSupported = {"spec.nodeName", "status.phase", "spec.deep.list"};

const std::vector<Value>& objects() {
  static const std::vector<Value> made = [] {
    std::vector<Value> out;
    for (auto text : {"null", "[]", R"({"metadata":{"labels":7}})", R"({"metadata":{"labels":{"app":null,"tier":3}}})",
                      R"({"metadata":{"name":"a","namespace":"b","labels":{"app":"web","tier":"","x.y/z":"1"}},
                          "spec":{"nodeName":"n","deep":{"list":[1,2]}},"status":{"phase":true}})"})
      out.push_back(*json::parse(text));
    return out;
  }();
  return made;
}

// A term of the text form, or "" if the text cannot say it.
std::string term(const std::string& key, std::string_view op, const std::vector<std::string>& values) {
  bool listed = op == "In" || op == "NotIn";
  if (!check_qualified_name(key).empty() || listed == values.empty()) return "";
  for (auto& v : values)
    if (!check_label_value(v).empty()) return "";
  if (op == "Exists") return key;
  if (op == "DoesNotExist") return "!" + key;
  if (!listed) return "";
  if (values.size() == 1) return key + (op == "In" ? "=" : "!=") + values[0];
  return key + (op == "In" ? " in (" : " notin ( ") + join(values, ", ") + ")";
}

// The text form of a metav1.LabelSelector; nullopt if there is none.
std::optional<std::string> text_of(const Value& selector) {
  std::vector<std::string> terms;
  if (auto* labels = json::find(selector, "matchLabels"); labels && labels->is_object())
    for (auto& [key, value] : labels->get_object())
      if (value.is_string()) terms.push_back(term(key, "In", {std::string(json::view(value.get_string()))}));
  if (auto* list = json::arr(selector, "matchExpressions"))
    for (auto& e : *list) {
      std::vector<std::string> values;
      if (auto* given = json::arr(e, "values"))
        for (auto& v : *given)
          if (v.is_string()) values.emplace_back(json::view(v.get_string()));
      terms.push_back(term(std::string(json::str(e, "key")), json::str(e, "operator"), values));
    }
  if (std::ranges::find(terms, "") != terms.end()) return std::nullopt;
  return join(terms, " , ");
}

void check_text(std::string_view text) {
  auto labels = LabelSelector::parse(text);
  auto fields = FieldSelector::parse(text, kSupported);
  for (auto* e : {labels ? nullptr : &labels.error(), fields ? nullptr : &fields.error()}) {
    if (!e) continue;
    check(e->code == Code::InvalidArgument && !e->message.empty(), "an error says something", text);
    check(valid_utf8(e->message) || !valid_utf8(text), "an error can be told in JSON", text);
  }
  for (auto& o : objects()) {
    if (labels) check(labels->matches(o) || !labels->empty(), "nothing asked for selects all", text);
    if (!fields) continue;
    check(fields->matches(o) || !fields->empty(), "nothing asked for selects all", text);
    bool named = fields->exact_name().empty() || json::str(o, "metadata", "name") == fields->exact_name();
    check(named || !fields->matches(o), "an exact name is a condition", text);
  }
}

void check_same(const Value& selector, const Value& object) {
  auto from_object = LabelSelector::from_object(selector);
  std::string whole = json::dump(selector);
  if (!from_object) return check(!from_object.error().message.empty(), "an error says something", whole);
  bool selects = from_object->matches(object);
  auto text = text_of(selector);
  if (!text) return;
  auto parsed = LabelSelector::parse(*text);
  check(parsed.has_value(), "a valid selector can be read", *text);
  check(parsed->empty() == from_object->empty(), "as many conditions", *text);
  check(parsed->matches(object) == selects, "text and object select the same", whole + json::dump(object));
  for (auto& o : objects())
    check(parsed->matches(o) == from_object->matches(o), "text and object select the same", whole + json::dump(o));
}

void check_field(std::string_view value) {
  if (value.find(',') != std::string_view::npos || value.starts_with('=')) return;
  for (std::string_view op : {"=", "==", "!="}) {
    auto one = FieldSelector::parse("metadata.name" + std::string(op) + std::string(value), {});
    check(one.has_value(), "a name can be asked for", value);
    Value object = json::Object{{"metadata", json::Object{{"name", value}}}};
    check(one->matches(object) == (op != "!="), "and is found", value);
    check(one->exact_name() == (op == "!=" ? "" : value), "and is known", value);
  }
}

void run(std::string_view text) {
  check_text(text);
  auto v = json::parse(text);
  auto* list = v ? v->if_array() : nullptr;
  if (!list || list->empty()) return;
  const Value& object = list->size() > 1 ? (*list)[1] : (*list)[0];
  check_same((*list)[0], object);
  check_field(json::str(object, "metadata", "name"));
}

}  // namespace
}  // namespace sl::kube

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sl::kube::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
