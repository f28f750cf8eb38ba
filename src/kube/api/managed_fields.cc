#include "kube/api/managed_fields.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ids.h"
#include "base/strings.h"
#include "kube/api/field_set.h"

namespace sl::kube {
namespace {

struct Entry {
  std::string manager, operation, api_version, subresource, time;
  FieldSet fields;
};

std::vector<Entry> read_entries(const Value& object) {
  std::vector<Entry> out;
  auto* list = json::arr(object, "metadata", "managedFields");
  if (!list) return out;
  for (auto& m : *list) {
    Entry e;
    e.manager = json::str(m, "manager");
    e.operation = json::str(m, "operation");
    e.api_version = json::str(m, "apiVersion");
    e.subresource = json::str(m, "subresource");
    e.time = json::str(m, "time");
    if (auto* f = json::find(m, "fieldsV1")) e.fields = FieldSet::from_json(*f);
    out.push_back(std::move(e));
  }
  return out;
}

void write_entries(Value& object, std::vector<Entry> entries) {
  std::erase_if(entries, [](auto& e) { return e.fields.empty(); });
  std::sort(entries.begin(), entries.end(), [](auto& a, auto& b) {
    return std::tie(a.operation, a.time, a.manager, a.subresource) <
           std::tie(b.operation, b.time, b.manager, b.subresource);
  });
  json::Array out;
  for (auto& e : entries) {
    json::Object o{{"manager", e.manager}, {"operation", e.operation}, {"apiVersion", e.api_version},
                   {"time", e.time},       {"fieldsType", "FieldsV1"}, {"fieldsV1", e.fields.to_json()}};
    if (!e.subresource.empty()) o["subresource"] = e.subresource;
    out.push_back(std::move(o));
  }
  metadata_of(object)["managedFields"] = std::move(out);
}

// The part of an object that ownership is about.
Value owned_part(const Value& object) {
  Value out = object;
  auto& o = json::ensure_object(out);
  o.erase("apiVersion");
  o.erase("kind");
  if (auto* m = o.if_contains("metadata"); m && m->is_object()) {
    for (auto key : {"name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink",
                     "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "generateName"})
      m->get_object().erase(key);
    if (m->get_object().empty()) o.erase("metadata");
  }
  return out;
}

// What this endpoint writes: the status has its own, and that writes nothing else.
Value writable_part(Value part, const ResourceType& type, const Manager& manager) {
  auto& o = json::ensure_object(part);
  if (manager.subresource == "status") {
    json::Object only;
    if (auto* status = o.if_contains("status")) only["status"] = *status;
    return only;
  }
  if (type.status) o.erase("status");
  return part;
}

Entry& entry_for(std::vector<Entry>& entries, const Manager& m, std::string_view operation) {
  for (auto& e : entries)
    if (e.manager == m.name && e.operation == operation && e.subresource == m.subresource &&
        (operation == "Apply" || e.api_version == m.api_version))
      return e;
  entries.push_back({m.name, std::string(operation), m.api_version, m.subresource, "", {}});
  return entries.back();
}

}  // namespace

// Are all these conflicts about fields of the last-applied annotation?
static bool only_last_applied(const Value& live, const std::vector<Cause>& causes, const json::Schema* schema) {
  auto parsed =
      json::parse(json::str(live, "metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"));
  if (!parsed) return false;
  auto paths = FieldSet::of(owned_part(*parsed), schema).paths();
  return std::all_of(causes.begin(), causes.end(),
                     [&](auto& c) { return std::find(paths.begin(), paths.end(), c.field) != paths.end(); });
}

void track_update(const Value* before, Value& after, const ResourceType& type, const Manager& manager) {
  auto entries = before ? read_entries(*before) : std::vector<Entry>{};
  Value new_part = owned_part(after);
  FieldSet changed, removed;
  if (before)
    compare(owned_part(*before), new_part, type.schema.get(), changed, removed);
  else
    changed = FieldSet::of(writable_part(new_part, type, manager), type.schema.get());
  if (changed.empty() && removed.empty()) return write_entries(after, std::move(entries));
  for (auto& e : entries) {
    e.fields.subtract(changed);
    e.fields.subtract(removed);
  }
  Entry& mine = entry_for(entries, manager, "Update");
  mine.fields.add(changed);
  mine.time = rfc3339(unix_ms());
  write_entries(after, std::move(entries));
}

Result<Value> apply_configuration(const Value& live, const Value& config, const ResourceType& type,
                                  const Manager& manager, bool force) {
  const json::Schema* schema = type.schema.get();
  Value wanted = writable_part(owned_part(config), type, manager), current = owned_part(live);
  FieldSet mine = FieldSet::of(wanted, schema);
  Value merged = merge_apply(current, wanted, schema);  // an empty map or list applied over it takes nothing away
  auto entries = read_entries(live);
  std::vector<Cause> causes;
  for (auto& e : entries) {
    bool own = e.manager == manager.name && e.operation == "Apply" && e.subresource == manager.subresource;
    if (own) continue;
    FieldSet lost = differing(mine.intersect(e.fields), current, merged, schema);
    FieldSet gone = reshaped(mine, e.fields, current, wanted, schema);
    if (lost.empty() && gone.empty()) continue;
    if (force) {
      e.fields.subtract(lost);
      e.fields.cut(gone);
      continue;
    }
    lost.add(gone);
    std::string using_version = e.operation == "Apply" ? "" : fmt::format(" using {}", e.api_version);
    for (auto& path : lost.paths())
      causes.push_back({"FieldManagerConflict", fmt::format("conflict with \"{}\"{}", e.manager, using_version), path});
  }
  // What kubectl itself owns through its client-side apply, it may take over in server-side apply without force.
  if (!causes.empty() && manager.name == "kubectl" && only_last_applied(live, causes, schema))
    return apply_configuration(live, config, type, manager, true);
  if (!causes.empty()) {
    std::string text = fmt::format("Apply failed with {} conflict{}: ", causes.size(), causes.size() == 1 ? "" : "s");
    for (size_t i = 0; i < causes.size(); ++i)
      text += fmt::format("{}{}: {}", i ? ", " : "", causes[i].message, causes[i].field);
    return fail(Error{Code::Conflict, text, std::move(causes)});
  }
  Entry& entry = entry_for(entries, manager, "Apply");
  FieldSet dropped = entry.fields.minus(mine), kept = mine;
  for (auto& e : entries)
    if (&e != &entry) kept.add(e.fields);
  dropped.subtract(kept);
  Value out = merge_apply(live, config, schema);
  if (auto* m = json::find(live, "metadata")) {  // what only the server sets stays
    auto& meta = metadata_of(out);
    for (auto key : {"uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp"})
      if (auto* v = json::find(*m, key)) meta[key] = *v;
  }
  remove_fields(out, dropped, kept, schema);
  bool same_fields = json::equal(entry.fields.to_json(), mine.to_json());
  entry.fields = std::move(mine);
  entry.api_version = manager.api_version;
  bool same = same_fields && json::equal(owned_part(out), current);
  if (!same || entry.time.empty()) entry.time = rfc3339(unix_ms());
  write_entries(out, std::move(entries));
  return out;
}

}  // namespace sl::kube
