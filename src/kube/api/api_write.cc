// The write path of Api: what happens to an object between a request and the store.
#include <fmt/format.h>

#include "base/ids.h"
#include "base/strings.h"
#include "json/patch.h"
#include "kube/api/api.h"
#include "kube/api/client_apply.h"
#include "kube/api/managed_fields.h"
#include "kube/api/metadata_rules.h"
#include "kube/api/strategic_merge.h"
#include "kube/schema/structural.h"

namespace sl::kube {
namespace {

constexpr size_t kObjectBytesMax = 3u << 20;
constexpr size_t kDepthMax = 64;

std::string version_of(const ResourceType& type, const WriteOptions& options) {
  return options.version.empty() ? type.versions[0] : options.version;
}

// Everything but metadata and status equal?
bool same_desired_state(const Value& a, const Value& b, bool ignore_status) {
  auto strip = [&](const Value& v) {
    Value out = v;
    auto& o = json::ensure_object(out);
    o.erase("metadata");
    o.erase("apiVersion");
    if (ignore_status) o.erase("status");
    return out;
  };
  return json::equal(strip(a), strip(b));
}

// Equal but for the times in managedFields and the resourceVersion?
bool same_object(const Value& a, const Value& b) {
  auto strip = [](const Value& v) {
    Value out = v;
    auto& meta = metadata_of(out);
    meta.erase("resourceVersion");
    if (auto* list = meta.if_contains("managedFields"); list && list->is_array())
      for (auto& m : list->get_array())
        if (m.is_object()) m.get_object().erase("time");
    return out;
  };
  return json::equal(strip(a), strip(b));
}

void keep_system_metadata(Value& next, const Value& old) {
  auto& meta = metadata_of(next);
  for (auto key : {"uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds",
                   "namespace", "name", "selfLink", "generateName"}) {
    meta.erase(key);
    if (auto* v = json::find(old, "metadata", key)) meta[key] = *v;
  }
}

bool has_finalizers(const Value& o) {
  auto* list = json::arr(o, "metadata", "finalizers");
  return list && !list->empty();
}

// A patch may not make another object of it.
Result<void> same_identity(const ResourceType& type, const Value& before, const Value& after) {
  for (auto key : {"kind", "apiVersion"})
    if (json::str(after, key) != json::str(before, key))
      return fail(Code::InvalidArgument,
                  fmt::format("{} in the patched object ({}) does not match the one of the object ({})", key,
                              json::str(after, key), json::str(before, key)));
  for (auto key : {"name", "namespace"})
    if (json::str(after, "metadata", key) != json::str(before, "metadata", key))
      return fail(Code::InvalidArgument,
                  fmt::format("the {} of the object ({}) does not match the {} on the URL ({})", key,
                              json::str(after, "metadata", key), key, json::str(before, "metadata", key)));
  if (uid_of(after) != uid_of(before))
    return fail(conflict(type.group, type.plural, name_of(before),
                         fmt::format("Precondition failed: UID in precondition: {}, UID in object meta: {}",
                                     uid_of(after), uid_of(before))));
  return {};
}

}  // namespace

Result<void> Api::check_unknown(const ResourceType& type, Value& next, const WriteOptions& options,
                                std::vector<std::string>& warnings) {
  std::vector<std::string> unknown;
  prune(next, type.schema_of(options.version), "", &unknown);
  if (options.validation == FieldValidation::Ignore) return {};
  std::vector<std::string> words;
  for (auto& path : options.duplicates) words.push_back(fmt::format("duplicate field \"{}\"", path));
  for (auto& path : unknown) words.push_back(fmt::format("unknown field \"{}\"", path));
  if (words.empty()) return {};
  if (options.validation == FieldValidation::Strict) {
    Error error{Code::InvalidArgument,
                fmt::format("{} in version \"{}\" cannot be handled as a {}: strict decoding error: {}", type.kind,
                            version_of(type, options), type.kind, join(words, ", "))};
    for (auto& path : options.duplicates) error.causes.push_back({"FieldValueDuplicate", "duplicate field", path});
    for (auto& path : unknown) error.causes.push_back({"FieldValueInvalid", "unknown field", path});
    return fail(std::move(error));
  }
  for (auto& w : words) warnings.push_back(w);
  return {};
}

// Nothing new of a kind that is going.
Result<void> Api::check_definition(const ResourceType& type) {
  if (type.built_in) return {};
  auto crd = store_.get(std::string(kCrdKey), {"", type.plural + "." + type.group});
  if (crd && being_deleted(*crd))
    return fail(Code::MethodNotAllowed, "create not allowed while custom resource definition is terminating");
  return {};
}

Result<void> Api::check_namespace(const ResourceType& type, const std::string& ns) {
  if (!type.namespaced) return {};
  auto found = store_.get("namespaces", {"", ns});
  if (!found) return fail(not_found("", "namespaces", ns));
  if (being_deleted(*found))
    return fail(
        Error{Code::PermissionDenied,
              fmt::format("unable to create new content in namespace {} because it is being terminated", ns),
              {{"NamespaceTerminating", fmt::format("namespace {} is being terminated", ns), "metadata.namespace"}}});
  return {};
}

static void respell(const ResourceType& type, Value& object, const WriteOptions& options,
                    std::vector<std::string>& warnings) {
  if (!type.respell) return;
  std::vector<std::string> told;
  type.respell(object, told);
  if (!options.system) std::move(told.begin(), told.end(), std::back_inserter(warnings));
}

Result<void> Api::admit(const ResourceType& type, Value& next, const Value* old, const WriteOptions& options,
                        std::vector<std::string>& warnings) {
  respell(type, next, options, warnings);
  if (type.prepare) SL_CHECK(type.prepare(next));
  auto& schema = type.schema_of(options.version);
  apply_defaults(next, schema);
  SL_CHECK(check_metadata(type, next, old));
  std::vector<Cause> causes;
  validate(next, old, schema, "", causes);
  if (causes.empty() && type.check) type.check(next, old, causes);
  if (!causes.empty()) return fail(invalid(type.kind_group(), name_of(next), std::move(causes)));
  if (type.warn && !options.system) type.warn(next, warnings);
  if (auto form = type.version_forms.find(options.version);
      form != type.version_forms.end() && !form->second.deprecated.empty())
    warnings.push_back(form->second.deprecated);
  return {};
}

// The stored form as its definition would have it now: what that adds or takes away is no change of the writer's.
static ObjectPtr as_read(const ObjectPtr& stored, const ResourceType& type) {
  return type.built_in ? stored : std::make_shared<const Value>(Api::render(*stored, type, ""));
}

// From what a writer wants to what is stored. Returns `stored` itself when nothing changes.
Result<ObjectPtr> Api::next_form(const ResourceType& type, Value next, const ObjectPtr& stored,
                                 const WriteOptions& options, bool track, std::vector<std::string>& warnings) {
  ObjectPtr old = stored ? as_read(stored, type) : nullptr;
  if (json::depth(next) > kDepthMax)
    return fail(Code::InvalidArgument, fmt::format("the object is nested deeper than {}", kDepthMax));
  auto& object = json::ensure_object(next);
  object["apiVersion"] = type.api_version(type.versions[0]);
  object["kind"] = type.kind;
  SL_CHECK(check_unknown(type, next, options, warnings));
  drop_empty_metadata(next);
  if (old) {
    keep_system_metadata(next, *old);
    if (options.subresource == "status") {
      Value merged = *old;
      auto* status = json::find(next, "status");
      if (status)
        merged.get_object()["status"] = *status;
      else
        merged.get_object().erase("status");
      if (auto* managed = json::find(next, "metadata", "managedFields"))
        metadata_of(merged)["managedFields"] = *managed;
      next = std::move(merged);
    } else if (type.status && !options.system) {
      auto* status = json::find(*old, "status");
      if (status)
        next.get_object()["status"] = *status;
      else
        next.get_object().erase("status");
    }
  } else {
    auto& meta = metadata_of(next);
    meta["uid"] = uuid4();
    meta["creationTimestamp"] = rfc3339(unix_ms());
    meta["generation"] = 1;
    for (auto key : {"deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "resourceVersion"}) meta.erase(key);
    if (type.status && !options.system) next.get_object().erase("status");
  }
  SL_CHECK(admit(type, next, old.get(), options, warnings));
  if (old && !same_desired_state(*old, next, type.status)) metadata_of(next)["generation"] = generation_of(*old) + 1;
  Manager manager{options.manager, type.api_version(version_of(type, options)), options.subresource};
  if (track) {
    if (old) metadata_of(next)["resourceVersion"] = json::str(*old, "metadata", "resourceVersion");
    track_update(old.get(), next, type, manager);
  }
  if (old && same_object(*old, next)) return stored;
  // A namespace goes when it is empty (finish_namespace), anything else with its last finalizer.
  bool namespace_waits = type.key() == "namespaces";
  if (old && being_deleted(*old) && !has_finalizers(next) && !namespace_waits) return ObjectPtr();
  if (json::dump(next).size() > kObjectBytesMax)
    return fail(Code::TooLarge, fmt::format("Request entity too large: limit is {}", kObjectBytesMax));
  return std::make_shared<const Value>(std::move(next));
}

Result<ObjectPtr> Api::commit(const ResourceType& type, const StoreKey& key, bool dry_run,
                              const std::function<Result<ObjectPtr>(const ObjectPtr&)>& make) {
  if (!dry_run) return store_.write(type.key(), key, make);
  ObjectPtr old = store_.get(type.key(), key);
  SL_TRY(next, make(old));
  return next ? next : old;
}

Result<WriteResult> Api::create(const ResourceType& type, const std::string& ns, Value body,
                                const WriteOptions& options) {
  WriteResult out;
  if (!json::str(body, "metadata", "resourceVersion").empty())
    return fail(Code::InvalidArgument, "resourceVersion should not be set on objects to be created");
  auto& meta = metadata_of(body);
  if (type.namespaced) {
    std::string_view stated = namespace_of(body);
    if (!stated.empty() && stated != ns)
      return fail(
          Code::InvalidArgument,
          fmt::format(
              "the namespace of the provided object does not match the namespace sent on the request ({} and {})",
              stated, ns));
    meta["namespace"] = ns;
  } else {
    meta.erase("namespace");
  }
  SL_CHECK(check_definition(type));
  bool generated = name_of(body).empty() && !json::str(body, "metadata", "generateName").empty();
  SL_CHECK(check_namespace(type, ns));
  for (int tries = 0;; ++tries) {
    if (generated)
      metadata_of(body)["name"] = std::string(json::str(body, "metadata", "generateName")) + random_name_suffix();
    std::string name(name_of(body));
    out.warnings.clear();
    auto stored = commit(type, {type.namespaced ? ns : "", name}, options.dry_run,
                         [&](const ObjectPtr& old) -> Result<ObjectPtr> {
                           if (old) return fail(already_exists(type.group, type.plural, name));
                           Value next = body;
                           metadata_of(next).erase("managedFields");
                           return next_form(type, std::move(next), nullptr, options, true, out.warnings);
                         });
    if (!stored && generated && stored.error().code == Code::AlreadyExists && tries < 8) continue;
    if (!stored) return fail(std::move(stored).error());
    out.object = *stored;
    out.created = true;
    if (!options.dry_run) after_write(type, out.object);
    return out;
  }
}

Result<WriteResult> Api::update(const ResourceType& type, const std::string& ns, const std::string& name, Value body,
                                const WriteOptions& options) {
  WriteResult out;
  if (auto stated = namespace_of(body); type.namespaced && !stated.empty() && stated != ns)
    return fail(
        Code::InvalidArgument,
        fmt::format("the namespace of the object ({}) does not match the namespace on the URL ({})", stated, ns));
  if (name_of(body) != name)
    return fail(
        Code::InvalidArgument,
        fmt::format("the name of the object ({}) does not match the name on the URL ({})", name_of(body), name));
  std::string stated(json::str(body, "metadata", "resourceVersion"));
  if (auto uid = uid_of(body); !uid.empty()) {
    auto now = store_.get(type.key(), {type.namespaced ? ns : "", name});
    if (now && uid_of(*now) != uid)
      return fail(conflict(
          type.group, type.plural, name,
          fmt::format("Precondition failed: UID in precondition: {}, UID in object meta: {}", uid, uid_of(*now))));
  }
  ObjectPtr last;
  auto stored =
      commit(type, {type.namespaced ? ns : "", name}, options.dry_run, [&](const ObjectPtr& old) -> Result<ObjectPtr> {
        if (!old) return fail(not_found(type.group, type.plural, name));
        if (stated.empty() && !type.core_style && !options.system)
          return fail(invalid(type.kind_group(), name,
                              {{"FieldValueInvalid", "Invalid value: 0x0: must be specified for an update",
                                "metadata.resourceVersion"}}));
        if (!stated.empty() && stated != json::str(*old, "metadata", "resourceVersion"))
          return fail(
              conflict(type.group, type.plural, name,
                       "the object has been modified; please apply your changes to the latest version and try again"));
        last = old;
        return next_form(type, body, old, options, true, out.warnings);
      });
  if (!stored) return fail(std::move(stored).error());
  out.object = *stored;
  if (!options.dry_run && *stored != last) {
    if (being_deleted(*out.object) && !store_.get(type.key(), {type.namespaced ? ns : "", name}))
      removed_by_write(type, out.object);
    else
      after_write(type, out.object);
  }
  return out;
}

Result<Value> Api::apply_patch(const ResourceType& type, const Value& current, PatchKind kind, const Value& patch,
                               const WriteOptions& options, std::vector<std::string>& warnings) {
  Value next = current;
  switch (kind) {
    case PatchKind::Merge: {
      auto today = client_apply_today(type, current, patch, warnings);
      json::merge_patch(next, today ? *today : patch);
      return next;
    }
    case PatchKind::Json: {
      auto patched = json::json_patch(current, patch);
      if (!patched && patched.error().code == Code::Invalid)
        return fail(Code::Invalid,
                    "the server rejected our request due to an error in our request: " + patched.error().message);
      return patched;
    }
    case PatchKind::Strategic:
      SL_CHECK(strategic_merge(next, patch, type.schema.get()));
      return next;
    case PatchKind::Apply: {
      Manager manager{options.manager, type.api_version(version_of(type, options)), options.subresource};
      Value config = patch;
      respell(type, config, options, warnings);
      return apply_configuration(current, config, type, manager, options.force);
    }
  }
  return next;
}

Result<WriteResult> Api::create_from_apply(const ResourceType& type, const std::string& ns, const std::string& name,
                                           const Value& config, const WriteOptions& options) {
  WriteResult out;
  SL_CHECK(check_definition(type));
  SL_CHECK(check_namespace(type, ns));
  Value empty = json::Object{{"metadata", json::Object{{"name", name}}}};
  if (type.namespaced) metadata_of(empty)["namespace"] = ns;
  auto stored =
      commit(type, {type.namespaced ? ns : "", name}, options.dry_run, [&](const ObjectPtr& old) -> Result<ObjectPtr> {
        if (old) return fail(already_exists(type.group, type.plural, name));
        SL_TRY(next, apply_patch(type, empty, PatchKind::Apply, config, options, out.warnings));
        return next_form(type, std::move(next), nullptr, options, false, out.warnings);
      });
  if (!stored) return fail(std::move(stored).error());
  out.object = *stored;
  out.created = true;
  if (!options.dry_run) after_write(type, out.object);
  return out;
}

Result<WriteResult> Api::patch(const ResourceType& type, const std::string& ns, const std::string& name, PatchKind kind,
                               const Value& patch, const WriteOptions& options) {
  if (kind == PatchKind::Strategic && !type.core_style)
    return fail(Code::UnsupportedMedia,
                "the body of the request was in an unknown format - accepted media types include: "
                "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml");
  StoreKey key{type.namespaced ? ns : "", name};
  if (kind == PatchKind::Apply && options.subresource.empty() && !store_.get(type.key(), key)) {
    auto made = create_from_apply(type, ns, name, patch, options);
    if (made || made.error().code != Code::AlreadyExists) return made;
  }
  WriteResult out;
  ObjectPtr last;
  auto stored = commit(type, key, options.dry_run, [&](const ObjectPtr& old) -> Result<ObjectPtr> {
    if (!old) return fail(not_found(type.group, type.plural, name));
    last = old;
    out.warnings.clear();
    Value current = render(*old, type, version_of(type, options));
    SL_TRY(next, apply_patch(type, current, kind, patch, options, out.warnings));
    if (!next.is_object()) return fail(Code::InvalidArgument, "a patch must leave an object");
    SL_CHECK(same_identity(type, current, next));
    std::string_view stated = json::str(kind == PatchKind::Apply ? patch : next, "metadata", "resourceVersion");
    if (!stated.empty() && stated != json::str(*old, "metadata", "resourceVersion"))
      return fail(
          conflict(type.group, type.plural, name,
                   "the object has been modified; please apply your changes to the latest version and try again"));
    return next_form(type, std::move(next), old, options, kind != PatchKind::Apply, out.warnings);
  });
  if (!stored) return fail(std::move(stored).error());
  out.object = *stored;
  if (!options.dry_run && *stored != last) {
    if (being_deleted(*out.object) && !store_.get(type.key(), key))
      removed_by_write(type, out.object);
    else
      after_write(type, out.object);
  }
  return out;
}

Result<WriteResult> Api::apply(const Value& object, const std::string& manager) {
  auto gv = parse_group_version(api_version_of(object));
  auto type = registry_.find_kind(gv.group, kind_of(object));
  if (!type)
    return fail(Code::NotFound,
                fmt::format("no matches for kind \"{}\" in version \"{}\"", kind_of(object), gv.text()));
  WriteOptions options;
  options.manager = manager;
  options.force = options.system = true;
  options.version = gv.version;
  return patch(*type, std::string(namespace_of(object)), std::string(name_of(object)), PatchKind::Apply, object,
               options);
}

Result<bool> Api::set_status(const ResourceType& type, const std::string& ns, const std::string& name,
                             const Value& status, const std::string& manager, const std::string& seen) {
  WriteOptions options;
  options.manager = manager;
  options.subresource = "status";
  options.system = true;
  std::vector<std::string> warnings;
  bool current = true;
  auto stored = commit(type, {type.namespaced ? ns : "", name}, false, [&](const ObjectPtr& old) -> Result<ObjectPtr> {
    if (!old) return old;
    current = seen.empty() || json::str(*old, "metadata", "resourceVersion") == seen;
    if (!current) return old;
    auto* now = json::find(*old, "status");
    if (now && json::equal(*now, status)) return old;
    Value next = *old;
    next.get_object()["status"] = status;
    return next_form(type, std::move(next), old, options, true, warnings);
  });
  if (!stored) return fail(std::move(stored).error());
  return current;
}

}  // namespace sl::kube
