// Registry: which kinds the API serves, built in or from CustomResourceDefinitions.
//
// Who calls: app registers the built-in kinds; kube/api looks types up and adds CRDs. Thread: any (types are
// immutable and shared; the map is locked).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "json/schema.h"
#include "kube/object/meta.h"

namespace sl::kube {

// A column of `kubectl get`. `path` is the JSONPath subset of additionalPrinterColumns, or an "@name" of
// kube/apiserver/table.cc when it starts with "@".
struct PrinterColumn {
  std::string name;
  std::string type = "string";
  std::string path;
  int priority = 0;
  std::string description;
};

struct ResourceType {
  std::string group;  // "" for the core group
  std::string kind;
  std::string plural;
  std::string singular;
  std::vector<std::string> versions;  // served, most preferred first; the first is stored
  std::vector<std::string> short_names;
  std::vector<std::string> categories;
  bool namespaced = true;
  bool status = true;       // has the status subresource
  bool built_in = true;     // false: from a CRD
  bool core_style = false;  // takes strategic merge patches and unconditional updates, as k8s.io/api kinds do
  bool read_only = false;   // only the system writes it (synthetic Pods): users get 405
  std::vector<std::string> subresources;  // beyond status, for discovery (pods: log)
  std::vector<PrinterColumn> columns;     // after NAME; only AGE when empty
  std::vector<std::string> selectable_fields;
  json::SchemaPtr schema;  // of the whole object in the stored version
  // What differs in another version of a CRD's. Objects are stored as written; a version rules what is written in it.
  struct Version {
    json::SchemaPtr schema;
    std::vector<PrinterColumn> columns;
    std::string deprecated;  // a warning for who writes it
  };
  std::map<std::string, Version, std::less<>> version_forms;

  // Turns spellings of earlier versions into today's, in what is applied (so that today's fields get the owner) and in
  // what a write would store. May be empty.
  std::function<void(Value& object, std::vector<std::string>& warnings)> respell;
  // Rewrites what a writer may say in two ways (Secret.stringData). May be empty.
  std::function<Result<void>(Value& object)> prepare;
  // Checks that a schema cannot express. May be empty.
  std::function<void(const Value& object, const Value* old, std::vector<Cause>& causes)> check;
  // Words for `kubectl describe`-time warnings on write. May be empty.
  std::function<void(const Value& object, std::vector<std::string>& warnings)> warn;

  std::string key() const { return resource_key(group, plural); }
  std::string list_kind() const { return kind + "List"; }
  std::string api_version(std::string_view version) const {
    return group.empty() ? std::string(version) : group + "/" + std::string(version);
  }
  std::string kind_group() const { return group.empty() ? kind : kind + "." + group; }
  bool serves(std::string_view version) const;
  const json::Schema& schema_of(std::string_view version) const {
    auto it = version_forms.find(version);
    return it == version_forms.end() || !it->second.schema ? *schema : *it->second.schema;
  }
  const std::vector<PrinterColumn>& columns_of(std::string_view version) const {
    auto it = version_forms.find(version);
    return it == version_forms.end() ? columns : it->second.columns;
  }
};
using TypePtr = std::shared_ptr<const ResourceType>;

class Registry {
 public:
  void add(ResourceType type);          // replaces one of the same key
  void remove(const std::string& key);  // a deleted CRD
  TypePtr find(std::string_view group, std::string_view plural) const;
  TypePtr find_kind(std::string_view group, std::string_view kind) const;
  std::vector<TypePtr> all() const;  // by group, then plural
  uint64_t revision() const;         // grows with every change

 private:
  mutable std::mutex mutex_;
  std::map<std::string, TypePtr> types_;
  uint64_t revision_ = 1;
};

// The metadata schema that every kind shares, and a schema for a whole object around its other members.
json::SchemaPtr object_meta_schema();
json::SchemaPtr object_schema(std::string doc, std::vector<json::Property> members);

}  // namespace sl::kube
