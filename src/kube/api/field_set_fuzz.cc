// Ownership of fields and server-side apply: [live spec, applied spec, FieldsV1] for a schema with lists of each kind.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "kube/api/field_set.h"
#include "kube/api/managed_fields.h"
#include "kube/schema/structural.h"

namespace sl::kube {
namespace {

constexpr std::string_view kSpec = R"({"type":"object","properties":{
  "size":{"type":"integer"},"color":{"type":"string"},
  "ports":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["name","protocol"],
    "items":{"type":"object","required":["name"],"properties":{"name":{"type":"string"},
      "protocol":{"type":"string","default":"TCP"},"port":{"type":"integer"},"extra":{"type":"object",
      "additionalProperties":{"type":"string"}}}}},
  "tags":{"type":"array","x-kubernetes-list-type":"set","items":{"type":"string"}},
  "items":{"type":"array","items":{"type":"string"}},
  "map":{"type":"object","additionalProperties":{"type":"string"}},
  "selector":{"type":"object","x-kubernetes-map-type":"atomic","additionalProperties":{"type":"string"}},
  "free":{"x-kubernetes-preserve-unknown-fields":true}}})";

void check(bool holds, const char* what, const std::string& text) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n%s\n", what, text.c_str());
  std::abort();
}

const ResourceType& type() {
  static const ResourceType made = [] {
    ResourceType t;
    t.group = "example.com";
    t.kind = "Widget";
    t.plural = "widgets";
    t.versions = {"v1"};
    t.schema = object_schema("", {{"spec", *schema_from_openapi(*json::parse(kSpec)), false}});
    return t;
  }();
  return made;
}
const json::Schema* spec_schema() {
  return type().schema->property("spec")->schema.get();
}

bool same(const FieldSet& a, const FieldSet& b) {
  return a.self == b.self && std::ranges::equal(a.children, b.children, [](auto& x, auto& y) {
           return x.first == y.first && same(x.second, y.second);
         });
}

// As the API stores it: pruned, and without defaults that are missing. False: it would be refused.
bool admit(Value& spec) {
  if (!spec.is_object()) return false;
  prune(spec, *spec_schema(), "spec", nullptr);
  apply_defaults(spec, *spec_schema());
  std::vector<Cause> causes;
  validate(spec, nullptr, *spec_schema(), "spec", causes);
  return causes.empty();
}

void check_foreign(const Value& fields_v1) {
  FieldSet f = FieldSet::from_json(fields_v1);
  Value once = f.to_json();
  std::string text = json::dump(once);
  check(json::equal(FieldSet::from_json(once).to_json(), once), "FieldsV1 comes back the same", text);
  check(f.minus(f).empty(), "nothing is left of a set without itself", text);
  FieldSet both = f;
  both.add(f);
  check(same(both, f), "a set added to itself is the same", text);
  check(f.intersect(FieldSet{}).empty(), "nothing is in the empty set", text);
  (void)f.paths();
}

void check_own(const Value& spec) {
  std::string text = json::dump(spec);
  FieldSet f = FieldSet::of(spec, spec_schema());
  check(same(FieldSet::from_json(f.to_json()), f), "a set comes back from its JSON", text);
  check(same(f.intersect(f), f), "a set is its own intersection", text);
  check(differing(f, spec, spec, spec_schema()).empty(), "nothing differs from itself", text);
  FieldSet changed, removed;
  compare(spec, spec, spec_schema(), changed, removed);
  check(changed.empty() && removed.empty(), "nothing changed in itself", text);
  Value left = spec;
  remove_fields(left, f, f, spec_schema());
  check(json::equal(left, spec), "what is kept is not removed", text);
  remove_fields(left, f, {}, spec_schema());
  check(left.is_object() && left.get_object().empty(), "all fields removed leave nothing", text);
}

void check_pair(const Value& live, const Value& config) {
  std::string text = json::dump(json::Array{live, config});
  FieldSet changed, removed;
  compare(live, config, spec_schema(), changed, removed);
  check(!json::equal(live, config) || (changed.empty() && removed.empty()), "equal forms do not differ", text);
  FieldSet after = FieldSet::of(config, spec_schema()), before = FieldSet::of(live, spec_schema());
  check(changed.minus(after).empty(), "what changed is there", text);
  check(removed.minus(before).empty(), "what is gone was there", text);
  check(removed.intersect(after).empty(), "what is gone is not there", text);
  Value once = merge_apply(live, config, spec_schema());
  check(json::equal(merge_apply(once, config, spec_schema()), once), "merging twice changes nothing", text);
  check(json::equal(merge_apply(config, config, spec_schema()), config), "merging with itself changes nothing", text);
}

Value object_of(const Value& spec) {
  return json::Object{{"apiVersion", "example.com/v1"},
                      {"kind", "Widget"},
                      {"metadata", json::Object{{"name", "w"}, {"namespace", "n"}}},
                      {"spec", spec}};
}

Value without_managers(Value object) {
  metadata_of(object).erase("managedFields");
  return object;
}

void check_apply(const Value& live_spec, const Value& config_spec) {
  std::string text = json::dump(json::Array{live_spec, config_spec});
  const Manager owner{"owner", "example.com/v1", ""}, me{"me", "example.com/v1", ""};
  Value live = object_of(live_spec), config = object_of(config_spec);
  track_update(nullptr, live, type(), owner);
  auto forced = apply_configuration(live, config, type(), me, true);
  check(forced.has_value(), "what is forced goes through", text);
  auto again = apply_configuration(*forced, config, type(), me, false);
  check(again.has_value(), "what is owned has no conflict", text);
  check(json::equal(*again, *forced), "applying twice changes nothing", text);
  auto asked = apply_configuration(live, config, type(), me, false);
  if (asked)
    check(json::equal(without_managers(*asked), without_managers(*forced)), "force is for conflicts only", text);
  else
    check(asked.error().code == Code::Conflict && !asked.error().causes.empty(), "a conflict names its fields", text);
  Value nothing = object_of(json::Object{});
  auto given_up = apply_configuration(*again, nothing, type(), me, false);
  check(given_up.has_value(), "what is mine can be given up", text);
  auto still = apply_configuration(*given_up, nothing, type(), me, false);
  check(still && json::equal(*still, *given_up), "giving up twice changes nothing", text);
}

void run(std::string_view text) {
  auto v = json::parse(text);
  auto* list = v ? v->if_array() : nullptr;
  if (!list || list->size() < 2) return;
  if (list->size() > 2) check_foreign((*list)[2]);
  Value live = (*list)[0], config = (*list)[1];
  if (!admit(live) || !admit(config)) return;
  check_own(live);
  check_own(config);
  check_pair(live, config);
  check_apply(live, config);
}

}  // namespace
}  // namespace sl::kube

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sl::kube::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
