#include "kube/object/redact.h"

namespace sl::kube {

using json::Value;

namespace {

void hide_values(Value& map) {
  if (auto* o = map.if_object())
    for (auto& [key, value] : *o) value = kHidden;
}
void hide_members(Value& list) {
  if (auto* a = list.if_array())
    for (auto& e : *a)
      if (auto* o = e.if_object())
        if (auto* value = o->if_contains("value")) *value = kHidden;
}
// Inline tokens and the values of headers that a route or a model sets.
void hide_credentials(Value& v) {
  if (auto* a = v.if_array())
    for (auto& e : *a) hide_credentials(e);
  auto* o = v.if_object();
  if (!o) return;
  for (auto& [key, value] : *o) {
    if (key == "authToken" && value.is_object()) {
      if (auto* text = value.get_object().if_contains("inline")) *text = kHidden;
    } else if (key == "defaultHeaders") {
      hide_values(value);
    } else if (key == "azureAdToken") {
      value = kHidden;
    } else if (key == "headersFrom" || key == "env") {
      hide_members(value);
    } else if (key == "requestHeaderModifier" || key == "responseHeaderModifier") {
      for (auto list : {"set", "add"})
        if (auto* headers = value.is_object() ? value.get_object().if_contains(list) : nullptr;
            headers && headers->is_array())
          for (auto& h : headers->get_array())
            if (h.is_object()) h.get_object()["value"] = kHidden;
    } else {
      hide_credentials(value);
    }
  }
}

}  // namespace

namespace {

// By name: an entry that was moved must not get the value of the one that stood there. Without a name, one that is as
// it was shown is the one that was shown.
const Value* entry_before(const Value& entry, const json::Array& old) {
  auto name = json::str(entry, "name");
  for (auto& before : old) {
    if (!name.empty() && name == json::str(before, "name")) return &before;
    if (!name.empty()) continue;
    Value shown = before;
    hide_credentials(shown);
    if (json::equal(shown, entry)) return &before;
  }
  return nullptr;
}

}  // namespace

bool keep_hidden(Value& next, const Value* old) {
  if (next == kHidden) {
    if (old) next = *old;
    return old != nullptr;
  }
  bool all = true;
  if (auto* o = next.if_object()) {
    for (auto& [key, value] : *o) all &= keep_hidden(value, old ? json::find(*old, std::string_view(key)) : nullptr);
  } else if (auto* a = next.if_array()) {
    auto* before = old ? old->if_array() : nullptr;
    for (auto& e : *a) all &= keep_hidden(e, before ? entry_before(e, *before) : nullptr);
  }
  return all;
}

void hide_secrets(Value& object) {
  auto* o = object.if_object();
  if (!o) return;
  if (json::str(object, "kind") == "Secret")
    for (auto name : {"data", "stringData"})
      if (auto* data = o->if_contains(name)) hide_values(*data);
  if (auto* m = o->if_contains("metadata"); m && m->is_object()) {
    m->get_object().erase("managedFields");
    if (auto* a = m->get_object().if_contains("annotations"); a && a->is_object())
      a->get_object().erase("kubectl.kubernetes.io/last-applied-configuration");
  }
  if (auto* spec = o->if_contains("spec")) hide_credentials(*spec);
  if (auto* items = o->if_contains("items"); items && items->is_array())
    for (auto& item : items->get_array()) {
      if (json::str(object, "kind") == "SecretList" && item.is_object()) item.get_object()["kind"] = "Secret";
      hide_secrets(item);
    }
}

}  // namespace sl::kube
