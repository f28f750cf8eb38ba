// Reads, deletion, garbage collection.
#include "kube/api/api.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ids.h"
#include "base/strings.h"
#include "kube/schema/structural.h"

namespace sl::kube {
namespace {

constexpr std::string_view kForeground = "foregroundDeletion";
constexpr std::string_view kCleanup = "customresourcecleanup.apiextensions.k8s.io";

// Continue tokens name the version of the first page and the last key: "v1:VERSION:NS/NAME" in base64.
std::string make_token(int64_t version, const Value& last) {
  return base64_encode(fmt::format("v1:{}:{}/{}", version, namespace_of(last), name_of(last)));
}

struct Token {
  int64_t version = 0;
  StoreKey after;
};

Result<Token> parse_token(const std::string& text) {
  auto bad = [] { return fail(Code::InvalidArgument, "continue key is not valid"); };
  auto raw = base64_decode(text);
  if (!raw || !raw->starts_with("v1:")) return bad();
  size_t colon = raw->find(':', 3);
  size_t slash = raw->find('/', colon);
  auto version = colon == std::string::npos ? std::nullopt : parse_int(raw->substr(3, colon - 3));
  if (!version || slash == std::string::npos) return bad();
  return Token{*version, {raw->substr(colon + 1, slash - colon - 1), raw->substr(slash + 1)}};
}

template <class Pred>
void erase_where(json::Array& list, Pred pred) {
  list.erase(std::remove_if(list.begin(), list.end(), pred), list.end());
}

bool owned_by(const Value& object, std::string_view uid) {
  auto* owners = json::arr(object, "metadata", "ownerReferences");
  return owners && std::any_of(owners->begin(), owners->end(), [&](auto& o) { return json::str(o, "uid") == uid; });
}

}  // namespace

Value Api::render(const Value& stored, const ResourceType& type, const std::string& version) {
  Value out =
      json::Object{{"apiVersion", type.api_version(version.empty() ? type.versions[0] : version)}, {"kind", type.kind}};
  for (auto& [key, value] : stored.get_object())
    if (key != "apiVersion" && key != "kind") out.get_object()[key] = value;
  if (type.built_in) return out;
  // The definition may have changed since it was stored: read by the schema of the version that is stored, whichever is
  // asked for, so that nothing another version lacks is lost.
  prune(out, *type.schema, "", nullptr);
  apply_defaults(out, *type.schema);
  return out;
}

Result<ObjectPtr> Api::get(const ResourceType& type, const std::string& ns, const std::string& name) {
  auto found = store_.get(type.key(), {type.namespaced ? ns : "", name});
  if (!found) return fail(not_found(type.group, type.plural, name));
  return found;
}

Result<ListResult> Api::list(const ResourceType& type, const std::string& ns, const ListOptions& options) {
  ListResult out;
  Token token;
  token.version = options.at_version;
  if (!options.continue_token.empty()) {
    SL_TRY(parsed, parse_token(options.continue_token));
    token = parsed;
  }
  std::string of_ns = type.namespaced ? ns : "";
  Listing all;
  if (token.version) {  // every page shows what the first did
    auto then = store_.list_at(type.key(), of_ns, token.version);
    if (!then && options.continue_token.empty()) return fail(std::move(then).error());
    if (!then)
      return fail(Code::Expired,
                  "The provided continue parameter is too old to display a consistent list result: start a new list "
                  "without the continue parameter.");
    all = std::move(*then);
  } else {
    all = store_.list(type.key(), of_ns);
  }
  out.version = all.version;
  for (auto& item : all.items) {
    if (!options.continue_token.empty() &&
        !(token.after < StoreKey{std::string(namespace_of(*item)), std::string(name_of(*item))}))
      continue;
    if (!options.labels.matches(*item) || !options.fields.matches(*item)) continue;
    if (options.limit && out.items.size() == options.limit) {
      ++out.remaining;
      continue;
    }
    out.items.push_back(item);
  }
  if (out.remaining) out.continue_token = make_token(out.version, *out.items.back());
  return out;
}

Result<ObjectPtr> Api::remove(const ResourceType& type, const std::string& ns, const std::string& name,
                              const DeleteOptions& options, bool* gone) {
  StoreKey key{type.namespaced ? ns : "", name};
  bool removed = false;
  std::string uid;
  bool of_the_system = name == "default" || name == "kube-system" || name == "kube-public";
  if (type.key() == "namespaces" && of_the_system)
    return fail(Code::PermissionDenied,
                fmt::format("namespaces \"{}\" is forbidden: this namespace may not be deleted", name));
  auto stored = commit(type, key, options.dry_run, [&](const ObjectPtr& old) -> Result<ObjectPtr> {
    if (!old) return fail(not_found(type.group, type.plural, name));
    uid = uid_of(*old);
    if (!options.uid.empty() && options.uid != uid)
      return fail(conflict(
          type.group, type.plural, name,
          fmt::format("Precondition failed: UID in precondition: {}, UID in object meta: {}", options.uid, uid)));
    if (!options.resource_version.empty() && options.resource_version != json::str(*old, "metadata", "resourceVersion"))
      return fail(conflict(type.group, type.plural, name,
                           "Precondition failed: ResourceVersion in precondition does not match"));
    Value next = *old;
    auto& meta = metadata_of(next);
    if (options.propagation == Propagation::Foreground && !being_deleted(next)) {
      if (!meta["finalizers"].is_array()) meta["finalizers"] = json::Array{};
      meta["finalizers"].get_array().push_back(Value(kForeground));
    }
    if (type.key() == kCrdKey && !being_deleted(next) && has_instances(next)) {
      if (!meta["finalizers"].is_array()) meta["finalizers"] = json::Array{};
      meta["finalizers"].get_array().push_back(Value(kCleanup));
    }
    auto* finalizers = json::arr(next, "metadata", "finalizers");
    bool waits = (finalizers && !finalizers->empty()) || type.key() == "namespaces";
    if (!waits) {
      removed = true;
      return ObjectPtr();
    }
    if (being_deleted(*old)) return old;
    meta["deletionTimestamp"] = rfc3339(unix_ms());
    meta["deletionGracePeriodSeconds"] = 0;
    if (type.key() == "namespaces") json::ensure_object(next.get_object(), "status")["phase"] = "Terminating";
    return std::make_shared<const Value>(std::move(next));
  });
  if (!stored) return stored;
  if (options.dry_run) return stored;
  if (removed) after_removal(type, *stored);
  if (type.key() == "namespaces") empty_namespace(name);
  if (type.key() == kCrdKey && !removed) {
    remove_instances(**stored);
    finish_crd(name);
  }
  if (options.propagation != Propagation::Background || removed) delete_dependents(uid, options.propagation);
  if (options.propagation == Propagation::Foreground && !removed) finish_foreground(uid);
  if (gone) *gone = !store_.get(type.key(), key);
  return stored;
}

void Api::delete_dependents(const std::string& uid, Propagation propagation) {
  for (auto& type : registry_.all())
    for (auto& object : store_.list(type->key()).items)
      if (owned_by(*object, uid)) release_dependent(*type, *object, uid, propagation);
}

// One object whose owner `uid` is gone.
void Api::release_dependent(const ResourceType& type, const Value& object, const std::string& uid,
                            Propagation propagation) {
  StoreKey key{std::string(namespace_of(object)), std::string(name_of(object))};
  if (propagation == Propagation::Orphan || json::arr(object, "metadata", "ownerReferences")->size() > 1) {
    (void)store_.write(type.key(), key, [&](const ObjectPtr& old) -> Result<ObjectPtr> {  // it lives on without it
      if (!old) return old;
      Value next = *old;
      auto& list = metadata_of(next)["ownerReferences"];
      if (list.is_array()) erase_where(list.get_array(), [&](auto& o) { return json::str(o, "uid") == uid; });
      return std::make_shared<const Value>(std::move(next));
    });
    return;
  }
  DeleteOptions options;
  options.system = true;
  options.uid = uid_of(object);
  if (propagation == Propagation::Foreground) options.propagation = Propagation::Foreground;
  (void)remove(type, key.ns, key.name, options);
}

bool Api::has_blocking_dependents(const std::string& uid) {
  for (auto& type : registry_.all())
    for (auto& object : store_.list(type->key()).items)
      if (auto* owners = json::arr(*object, "metadata", "ownerReferences"))
        for (auto& owner : *owners)
          if (json::flag(owner, "blockOwnerDeletion") && json::str(owner, "uid") == uid) return true;
  return false;
}

// The owner waits in foreground deletion until its last dependent is gone.
void Api::finish_foreground(const std::string& uid) {
  for (auto& type : registry_.all()) {
    for (auto& object : store_.list(type->key()).items) {
      if (uid_of(*object) != uid) continue;
      auto* finalizers = json::arr(*object, "metadata", "finalizers");
      bool waits = being_deleted(*object) && finalizers &&
                   std::find(finalizers->begin(), finalizers->end(), Value(kForeground)) != finalizers->end();
      if (!waits || has_blocking_dependents(uid)) return;
      bool removed = false;
      StoreKey key{std::string(namespace_of(*object)), std::string(name_of(*object))};
      auto last = store_.write(type->key(), key, [&](const ObjectPtr& old) -> Result<ObjectPtr> {
        if (!old) return old;
        Value next = *old;
        auto& list = metadata_of(next)["finalizers"];
        if (list.is_array()) erase_where(list.get_array(), [](auto& v) { return v == Value(kForeground); });
        removed = list.is_array() && list.get_array().empty();
        return removed ? ObjectPtr() : std::make_shared<const Value>(std::move(next));
      });
      if (last && removed) after_removal(*type, *last);
      return;
    }
  }
}

// An owner of a kind that is not served here may live elsewhere: it is taken to be alive. One is looked for where the
// reference says: in the object's own namespace, or among what has none.
bool Api::owner_alive(const Value& owner, const std::string& ns) {
  auto gv = parse_group_version(json::str(owner, "apiVersion"));
  auto type = registry_.find_kind(gv.group, json::str(owner, "kind"));
  if (!type) return true;
  auto found = store_.get(type->key(), {type->namespaced ? ns : "", std::string(json::str(owner, "name"))});
  return found && uid_of(*found) == json::str(owner, "uid");
}

bool Api::any_owner_alive(const Value& object) {
  auto* owners = json::arr(object, "metadata", "ownerReferences");
  std::string ns(namespace_of(object));
  return std::any_of(owners->begin(), owners->end(), [&](auto& owner) { return owner_alive(owner, ns); });
}

void Api::empty_namespace(const std::string& ns) {
  for (auto& type : registry_.all()) {
    if (!type->namespaced) continue;
    for (auto& object : store_.list(type->key(), ns).items) {
      DeleteOptions options;
      options.system = true;
      (void)remove(*type, ns, std::string(name_of(*object)), options);
    }
  }
  finish_namespace(ns);
}

void Api::finish_namespace(const std::string& ns) {
  auto found = store_.get("namespaces", {"", ns});
  if (!found || !being_deleted(*found)) return;
  for (auto& type : registry_.all())
    if (type->namespaced && !store_.list(type->key(), ns).items.empty()) return;
  (void)store_.write("namespaces", {"", ns}, [](const ObjectPtr& old) -> Result<ObjectPtr> {
    if (old && json::arr(*old, "metadata", "finalizers") && !json::arr(*old, "metadata", "finalizers")->empty())
      return old;
    return ObjectPtr();
  });
}

void Api::after_write(const ResourceType& type, const ObjectPtr& object) {
  if (auto* owners = json::arr(*object, "metadata", "ownerReferences");
      owners && !owners->empty() && !any_owner_alive(*object)) {
    DeleteOptions options;
    options.system = true;
    options.uid = uid_of(*object);
    (void)remove(type, std::string(namespace_of(*object)), std::string(name_of(*object)), options);
  }
  if (type.key() == kCrdKey) register_crd(object);
  if (type.key() == "namespaces") finish_namespace(std::string(name_of(*object)));
}

void Api::removed_by_write(const ResourceType& type, const ObjectPtr& object) {
  after_removal(type, object);
  delete_dependents(std::string(uid_of(*object)), Propagation::Background);
}

TypePtr Api::served_by(const Value& crd) const {
  auto served = registry_.find(json::str(crd, "spec", "group"), json::str(crd, "spec", "names", "plural"));
  return served && !served->built_in ? served : nullptr;
}

bool Api::has_instances(const Value& crd) {
  auto served = served_by(crd);
  return served && !store_.list(served->key()).items.empty();
}

void Api::remove_instances(const Value& crd) {
  auto served = served_by(crd);
  if (!served) return;
  for (auto& o : store_.list(served->key()).items) {
    DeleteOptions options;
    options.system = true;
    (void)remove(*served, std::string(namespace_of(*o)), std::string(name_of(*o)), options);
  }
}

// A definition that is being deleted goes with its last object: until then those are served, so that their finalizers
// can be taken off.
void Api::finish_crd(const std::string& name) {
  auto crd = store_.get(std::string(kCrdKey), {"", name});
  if (!crd || !being_deleted(*crd) || has_instances(*crd)) return;
  bool removed = false;
  auto last = store_.write(std::string(kCrdKey), {"", name}, [&](const ObjectPtr& old) -> Result<ObjectPtr> {
    if (!old) return old;
    Value next = *old;
    auto& list = metadata_of(next)["finalizers"];
    if (list.is_array()) erase_where(list.get_array(), [](auto& v) { return v == Value(kCleanup); });
    removed = !list.is_array() || list.get_array().empty();
    return removed ? ObjectPtr() : std::make_shared<const Value>(std::move(next));
  });
  if (last && removed) after_removal(*registry_.find("apiextensions.k8s.io", "customresourcedefinitions"), crd);
}

void Api::after_removal(const ResourceType& type, const ObjectPtr& object) {
  if (type.key() == kCrdKey) {
    remove_instances(*object);
    if (auto served = served_by(*object)) registry_.remove(served->key());
    register_refused(json::str(*object, "spec", "group"));
  } else if (!type.built_in) {
    finish_crd(type.plural + "." + type.group);
  }
  if (auto* owners = json::arr(*object, "metadata", "ownerReferences"))
    for (auto& owner : *owners) finish_foreground(std::string(json::str(owner, "uid")));
  if (type.namespaced) finish_namespace(std::string(namespace_of(*object)));
}

Result<void> Api::start() {
  for (auto& row : store_.unreadable()) log_.error("an object in the store cannot be read and is left out: {}", row);
  for (auto& crd : store_.list(std::string(kCrdKey)).items) register_crd(crd);
  for (auto& ns : store_.list("namespaces").items)
    if (being_deleted(*ns)) empty_namespace(std::string(name_of(*ns)));
  // Owners that went while this program did not run.
  for (auto& type : registry_.all())
    for (auto& o : store_.list(type->key()).items)
      if (auto* owners = json::arr(*o, "metadata", "ownerReferences"))
        for (auto& owner : *owners) {
          if (owner_alive(owner, std::string(namespace_of(*o)))) continue;
          auto now = store_.get(type->key(), {std::string(namespace_of(*o)), std::string(name_of(*o))});
          if (now && owned_by(*now, json::str(owner, "uid")))
            release_dependent(*type, *now, std::string(json::str(owner, "uid")), Propagation::Background);
        }
  return {};
}

}  // namespace sl::kube
