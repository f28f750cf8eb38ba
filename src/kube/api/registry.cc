#include "kube/api/registry.h"

#include <algorithm>

#include "base/strings.h"
#include "json/describe.h"

namespace sl::kube {

bool ResourceType::serves(std::string_view version) const {
  return std::find(versions.begin(), versions.end(), version) != versions.end();
}

void Registry::add(ResourceType type) {
  std::lock_guard lock(mutex_);
  std::string key = type.key();
  types_[key] = std::make_shared<const ResourceType>(std::move(type));
  ++revision_;
}

void Registry::remove(const std::string& key) {
  std::lock_guard lock(mutex_);
  types_.erase(key);
  ++revision_;
}

TypePtr Registry::find(std::string_view group, std::string_view plural) const {
  std::lock_guard lock(mutex_);
  auto it = types_.find(resource_key(group, plural));
  return it == types_.end() ? nullptr : it->second;
}

TypePtr Registry::find_kind(std::string_view group, std::string_view kind) const {
  std::lock_guard lock(mutex_);
  for (auto& [key, type] : types_)
    if (type->group == group && type->kind == kind) return type;
  return nullptr;
}

std::vector<TypePtr> Registry::all() const {
  std::lock_guard lock(mutex_);
  std::vector<TypePtr> out;
  for (auto& [key, type] : types_) out.push_back(type);
  std::sort(out.begin(), out.end(),
            [](auto& a, auto& b) { return std::tie(a->group, a->plural) < std::tie(b->group, b->plural); });
  return out;
}

uint64_t Registry::revision() const {
  std::lock_guard lock(mutex_);
  return revision_;
}

namespace {

struct OwnerReference {
  std::string api_version, kind, name, uid;
  std::optional<bool> controller, block;
};
void describe(json::Fields<OwnerReference>& f) {
  f.doc("An owner of this object; it is deleted when all its owners are gone.");
  f.atomic();
  f.add("apiVersion", &OwnerReference::api_version).doc("API version of the owner.").required();
  f.add("kind", &OwnerReference::kind).doc("Kind of the owner.").required();
  f.add("name", &OwnerReference::name).doc("Name of the owner.").required();
  f.add("uid", &OwnerReference::uid).doc("UID of the owner.").required();
  f.add("controller", &OwnerReference::controller).doc("True for the managing controller.");
  f.add("blockOwnerDeletion", &OwnerReference::block).doc("Foreground deletion of the owner waits for this object.");
}

struct ObjectMeta {
  std::string name, generate_name, ns, uid, resource_version, self_link;
  std::optional<std::string> creation, deletion;
  std::optional<int64_t> generation, grace;
  std::map<std::string, std::string> labels, annotations;
  std::vector<OwnerReference> owners;
  std::vector<std::string> finalizers;
  std::vector<Value> managed;
};
void describe(json::Fields<ObjectMeta>& f) {
  f.doc("Standard object metadata.");
  f.add("name", &ObjectMeta::name).doc("Name, unique in its namespace and kind.");
  f.add("generateName", &ObjectMeta::generate_name).doc("Prefix from which the server makes a unique name.");
  f.add("namespace", &ObjectMeta::ns).doc("Namespace of the object.");
  f.add("uid", &ObjectMeta::uid).doc("Unique in time and space; set by the server.");
  f.add("resourceVersion", &ObjectMeta::resource_version).doc("Version of the stored object; opaque to clients.");
  f.add("selfLink", &ObjectMeta::self_link).doc("No longer set.");
  f.add("generation", &ObjectMeta::generation).doc("Grows with every change of the desired state.");
  f.add("creationTimestamp", &ObjectMeta::creation).doc("Set by the server.").format("date-time");
  f.add("deletionTimestamp", &ObjectMeta::deletion).doc("When deletion was asked for.").format("date-time");
  f.add("deletionGracePeriodSeconds", &ObjectMeta::grace).doc("Seconds allowed for deletion.");
  f.add("labels", &ObjectMeta::labels).doc("Keys and values to select objects by.");
  f.add("annotations", &ObjectMeta::annotations).doc("Keys and values for tools; not selectable.");
  f.add("ownerReferences", &ObjectMeta::owners).doc("Owners of this object.").list_map({"uid"}).patch_merge("uid");
  f.add("finalizers", &ObjectMeta::finalizers).doc("Removal waits until this list is empty.").list_set().patch_merge();
  f.add("managedFields", &ObjectMeta::managed).doc("Which manager owns which fields.");
}

}  // namespace

json::SchemaPtr object_meta_schema() {
  return json::schema_ptr_of<ObjectMeta>();
}

json::SchemaPtr object_schema(std::string doc, std::vector<json::Property> members) {
  auto s = std::make_shared<json::Schema>();
  s->type = json::SchemaType::Object;
  s->doc = std::move(doc);
  auto text = [](std::string words) {
    auto t = std::make_shared<json::Schema>();
    t->type = json::SchemaType::String;
    t->doc = std::move(words);
    return t;
  };
  s->properties.push_back({"apiVersion", text("Version of this representation: GROUP/VERSION."), false});
  s->properties.push_back({"kind", text("Kind of this object."), false});
  s->properties.push_back({"metadata", object_meta_schema(), false});
  for (auto& m : members) s->properties.push_back(std::move(m));
  return s;
}

}  // namespace sl::kube
