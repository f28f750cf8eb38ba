#include "control/kinds/kinds.h"

#include "resource/kind/kind.h"

namespace sl::control {

static kube::ResourceType type_of(resource::KindInfo k) {
  kube::ResourceType t;
  t.group = k.group;
  t.kind = k.kind;
  t.plural = k.plural;
  t.singular = k.singular;
  t.versions = k.versions;
  t.short_names = k.short_names;
  t.categories = k.categories;
  t.namespaced = k.namespaced;
  t.status = k.status;
  t.core_style = k.core_style;
  t.read_only = k.read_only;
  t.subresources = k.subresources;
  for (auto& c : k.columns) t.columns.push_back({c.name, c.type, c.path, c.priority, c.description});
  t.selectable_fields = k.selectable_fields;
  t.schema = kube::object_schema(k.doc, std::move(k.members));
  t.respell = std::move(k.respell);
  t.prepare = std::move(k.prepare);
  t.check = std::move(k.check);
  t.warn = std::move(k.warn);
  return t;
}

// A definition of a kind that is built in changes nothing, and that is all there is to say of it.
static void warn_of_built_in(kube::ResourceType& definition, const kube::Registry& registry) {
  definition.warn = [warn = std::move(definition.warn), &registry](const json::Value& crd, auto& warnings) {
    auto served = registry.find(json::str(crd, "spec", "group"), json::str(crd, "spec", "names", "plural"));
    if (!served || !served->built_in) return warn(crd, warnings);
    warnings.push_back(served->kind +
                       " is built in: the definition is kept, and its versions, schema and rules are not used");
  };
}

void register_kinds(kube::Registry& registry) {
  for (auto family : {resource::core_kinds, resource::gateway_kinds, resource::kgateway_kinds, resource::kagent_kinds})
    for (auto& kind : family()) {
      auto type = type_of(std::move(kind));
      if (type.kind == "CustomResourceDefinition") warn_of_built_in(type, registry);
      registry.add(std::move(type));
    }
}

}  // namespace sl::control
