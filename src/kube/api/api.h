// Api: the semantics of the Kubernetes API over the store, without HTTP.
//
// Every write goes through one path: decode check, prune (unknown fields), default, validate, stamp metadata, track
// field ownership, store. Who calls: kube/apiserver (for clients), control and app (in process; the same rules hold).
// Thread: any. Errors carry Kubernetes' own wording, and causes where it has them.
// Limits: object 3 MiB, annotations 256 KiB, a list without a limit gives everything. Source: Kubernetes API concepts.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/log.h"
#include "kube/api/registry.h"
#include "kube/object/selector.h"
#include "kube/object/status.h"
#include "kube/store/store.h"

namespace sl::kube {

inline constexpr std::string_view kCrdKey = "customresourcedefinitions.apiextensions.k8s.io";

enum class FieldValidation { Ignore, Warn, Strict };
enum class PatchKind { Json, Merge, Strategic, Apply };
enum class Propagation { Background, Foreground, Orphan };

struct WriteOptions {
  std::string version;      // of the API the caller speaks; "" is the storage version
  std::string subresource;  // "" or "status"
  std::string manager = "unknown";
  FieldValidation validation = FieldValidation::Warn;
  bool dry_run = false;
  bool force = false;                   // server-side apply takes over conflicting fields
  bool system = false;                  // our own control plane: may write what users may not
  std::vector<std::string> duplicates;  // duplicate keys found while decoding the body
};

struct WriteResult {
  ObjectPtr object;
  bool created = false;
  std::vector<std::string> warnings;
};

struct ListOptions {
  LabelSelector labels;
  FieldSelector fields;
  size_t limit = 0;  // 0: all
  std::string continue_token;
  int64_t at_version = 0;  // as it was then; 0: now. A token brings the version of its first page.
};

struct ListResult {
  std::vector<ObjectPtr> items;
  int64_t version = 0;
  std::string continue_token;
  size_t remaining = 0;
};

struct DeleteOptions {
  Propagation propagation = Propagation::Background;
  std::string uid;               // precondition
  std::string resource_version;  // precondition
  bool dry_run = false;
  bool system = false;
};

class Api {
 public:
  Api(ObjectStore& store, Registry& registry, Log log) : store_(store), registry_(registry), log_(std::move(log)) {}

  Result<ObjectPtr> get(const ResourceType& type, const std::string& ns, const std::string& name);
  Result<ListResult> list(const ResourceType& type, const std::string& ns, const ListOptions& options);
  Result<WriteResult> create(const ResourceType& type, const std::string& ns, Value body, const WriteOptions& options);
  Result<WriteResult> update(const ResourceType& type, const std::string& ns, const std::string& name, Value body,
                             const WriteOptions& options);
  Result<WriteResult> patch(const ResourceType& type, const std::string& ns, const std::string& name, PatchKind kind,
                            const Value& patch, const WriteOptions& options);
  // The object's last form; `*gone` tells whether it is removed or waits for finalizers.
  Result<ObjectPtr> remove(const ResourceType& type, const std::string& ns, const std::string& name,
                           const DeleteOptions& options, bool* gone = nullptr);

  // Server-side apply by a controller of this program: creates or updates, never conflicts.
  Result<WriteResult> apply(const Value& object, const std::string& manager);
  // Replaces `.status` if it differs; does nothing when the object is gone.
  // `seen`: the resourceVersion that the status was found for. False when the object is another by now, and untouched.
  Result<bool> set_status(const ResourceType& type, const std::string& ns, const std::string& name, const Value& status,
                          const std::string& manager, const std::string& seen = {});

  // Loads CRDs from the store into the registry and removes objects whose owners are gone. Once, at start.
  Result<void> start();

  ObjectStore& store() { return store_; }
  Registry& registry() { return registry_; }

  // Writes as a served version sees it (apiVersion and kind set).
  static Value render(const Value& stored, const ResourceType& type, const std::string& version);

 private:
  Result<void> admit(const ResourceType& type, Value& next, const Value* old, const WriteOptions& options,
                     std::vector<std::string>& warnings);
  Result<void> check_unknown(const ResourceType& type, Value& next, const WriteOptions& options,
                             std::vector<std::string>& warnings);
  Result<void> check_definition(const ResourceType& type);
  Result<void> check_namespace(const ResourceType& type, const std::string& ns);
  Result<ObjectPtr> next_form(const ResourceType& type, Value next, const ObjectPtr& old, const WriteOptions& options,
                              bool track, std::vector<std::string>& warnings);
  Result<ObjectPtr> commit(const ResourceType& type, const StoreKey& key, bool dry_run,
                           const std::function<Result<ObjectPtr>(const ObjectPtr&)>& make);
  Result<Value> apply_patch(const ResourceType& type, const Value& current, PatchKind kind, const Value& patch,
                            const WriteOptions& options, std::vector<std::string>& warnings);
  Result<WriteResult> create_from_apply(const ResourceType& type, const std::string& ns, const std::string& name,
                                        const Value& config, const WriteOptions& options);
  void after_write(const ResourceType& type, const ObjectPtr& object);
  // Its last finalizer went: what depends on it goes too.
  void removed_by_write(const ResourceType& type, const ObjectPtr& object);
  void after_removal(const ResourceType& type, const ObjectPtr& object);
  void register_crd(const ObjectPtr& crd);
  void register_refused(std::string_view group);
  TypePtr served_by(const Value& crd) const;  // null for a definition of a built-in kind
  bool has_instances(const Value& crd);
  void remove_instances(const Value& crd);
  void finish_crd(const std::string& name);
  void release_dependent(const ResourceType& type, const Value& object, const std::string& owner_uid,
                         Propagation propagation);
  void delete_dependents(const std::string& owner_uid, Propagation propagation);
  void empty_namespace(const std::string& ns);
  void finish_namespace(const std::string& ns);
  void finish_foreground(const std::string& owner_uid);
  bool owner_alive(const Value& owner_reference, const std::string& ns);
  bool any_owner_alive(const Value& object);
  bool has_blocking_dependents(const std::string& uid);

  ObjectStore& store_;
  Registry& registry_;
  Log log_;
};

}  // namespace sl::kube
