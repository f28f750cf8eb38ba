// What tests of the control plane share: manifests in, a ResourceIndex and a Translation out.
//
// Each document passes through the same schema, defaults and rules as on the API, then goes into a store in memory as
// it stands, so that a fixture may state its own creationTimestamp, generation and status. Who calls: *_test.cc of
// control/ only. Thread: plain values.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "control/kinds/kinds.h"
#include "control/translate/translate.h"
#include "json/yaml.h"
#include "kube/schema/structural.h"

namespace sl::control::testing {

// One object through prepare, prune, defaults and validation. Unknown fields are errors. `old` is the stored form.
inline Result<json::Value> admit(const kube::ResourceType& type, json::Value object, const json::Value* old = nullptr) {
  std::vector<std::string> unknown, warnings;
  kube::prune(object, *type.schema, "", &unknown);
  if (type.respell) type.respell(object, warnings);
  if (type.prepare) SL_CHECK(type.prepare(object));
  if (!unknown.empty()) return fail(Code::Invalid, "unknown field " + unknown.front());
  kube::apply_defaults(object, *type.schema);
  std::vector<Cause> causes;
  kube::validate(object, old, *type.schema, "", causes);
  if (causes.empty() && type.check) type.check(object, old, causes);
  if (causes.empty()) return object;
  Error error{Code::Invalid, causes.front().field + ": " + causes.front().message, causes, ""};
  return fail(std::move(error));
}

class Cluster {
 public:
  Cluster() : api_(store_, registry_, Log()) {
    register_kinds(registry_);
    if (auto ok = store_.open(":memory:"); !ok) ADD_FAILURE() << ok.error().message;
  }

  // Adds every document; a failure of the test, naming the line, when one is not valid.
  void add(std::string_view yaml) {
    auto documents = json::parse_yaml(yaml);
    if (!documents) {
      ADD_FAILURE() << documents.error().message;
      return;
    }
    for (auto& d : *documents)
      if (auto ok = d.value.is_null() ? Result<void>() : add_object(std::move(d.value)); !ok)
        ADD_FAILURE() << "line " << d.line << ": " << ok.error().message;
  }

  Result<void> add_object(json::Value object) {
    if (kube::kind_of(object) == "TranslateOptions") return read_options(object);
    auto gv = kube::parse_group_version(kube::api_version_of(object));
    auto type = registry_.find_kind(gv.group, kube::kind_of(object));
    if (!type) return fail(Code::NotFound, "no kind " + std::string(kube::kind_of(object)));
    auto& meta = kube::metadata_of(object);
    if (type->namespaced && !meta.contains("namespace")) meta["namespace"] = "default";
    if (!meta.contains("generation")) meta["generation"] = 1;
    SL_TRY(admitted, admit(*type, std::move(object)));
    kube::StoreKey key{std::string(kube::namespace_of(admitted)), std::string(kube::name_of(admitted))};
    auto made = std::make_shared<const json::Value>(std::move(admitted));
    SL_CHECK(store_.write(type->key(), key, [&](const kube::ObjectPtr&) -> Result<kube::ObjectPtr> { return made; }));
    return {};
  }

  ResourceIndex index() { return build_index(api_); }
  Translation translate() { return control::translate(index(), options); }
  kube::Registry& registry() { return registry_; }

  TranslateOptions options;

 private:
  // A document that is no resource: {kind: TranslateOptions, listenHost: IP, failedBinds: {"IP:PORT": WHY},
  // objectProblems: {NS/NAME: WHAT}}.
  Result<void> read_options(const json::Value& o) {
    if (auto host = json::str(o, "listenHost"); !host.empty()) options.listen_host = host;
    for (auto [field, told] :
         {std::pair{"failedBinds", &options.failed_binds}, {"objectProblems", &options.object_problems}})
      if (auto* all = json::find(o, field); all && all->is_object())
        for (auto& [key, why] : all->get_object())
          (*told)[std::string(key)] = std::string(json::view(why.get_string()));
    return {};
  }

  kube::ObjectStore store_;
  kube::Registry registry_;
  kube::Api api_;
};

// The status written for an object, as "PLURAL.GROUP", "NS", "NAME"; null when none was.
inline json::Value status_of(const Translation& t, std::string_view resource, std::string_view ns,
                             std::string_view name) {
  for (auto& s : t.statuses)
    if (s.resource == resource && s.ns == ns && s.name == name) return s.status;
  return {};
}

// "True Reason: message" of one condition of a list; "" when it is not there.
inline std::string condition(const json::Value& holder, std::string_view type) {
  if (auto* list = json::arr(holder, "conditions"))
    for (auto& c : *list)
      if (json::str(c, "type") == type)
        return std::string(json::str(c, "status")) + " " + std::string(json::str(c, "reason")) + ": " +
               std::string(json::str(c, "message"));
  return "";
}

}  // namespace sl::control::testing
