#include "kube/object/meta.h"

#include "base/strings.h"

namespace sl::kube {

GroupVersion parse_group_version(std::string_view v) {
  size_t slash = v.find('/');
  if (slash == std::string_view::npos) return {"", std::string(v)};
  return {std::string(v.substr(0, slash)), std::string(v.substr(slash + 1))};
}

std::string resource_key(std::string_view group, std::string_view plural) {
  std::string out(plural);
  if (!group.empty()) {
    out += '.';
    out += group;
  }
  return out;
}

int64_t resource_version_of(const Value& o) {
  return parse_int(json::str(o, "metadata", "resourceVersion")).value_or(0);
}
int64_t generation_of(const Value& o) {
  return json::num(o, 0, "metadata", "generation");
}
bool being_deleted(const Value& o) {
  return json::find(o, "metadata", "deletionTimestamp") != nullptr;
}

std::string label_of(const Value& o, std::string_view key) {
  const Value* labels = json::find(o, "metadata", "labels");
  return labels ? std::string(json::str(*labels, key)) : std::string();
}

json::Object& metadata_of(Value& o) {
  return json::ensure_object(json::ensure_object(o), "metadata");
}

std::string namespaced_name(const Value& o) {
  std::string ns(namespace_of(o));
  return ns.empty() ? std::string(name_of(o)) : ns + "/" + std::string(name_of(o));
}

const Value* find_condition(const Value& object, std::string_view type) {
  if (auto* conditions = json::arr(object, "status", "conditions"))
    for (auto& c : *conditions)
      if (json::str(c, "type") == type) return &c;
  return nullptr;
}

bool condition_holds(const Value& object, std::string_view type) {
  auto* found = find_condition(object, type);
  return found && json::str(*found, "status") == "True";
}

namespace {

bool lower_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool alnum(char c) {
  return lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

bool is_label(std::string_view s) {
  if (s.empty() || s.size() > 63 || !lower_alnum(s.front()) || !lower_alnum(s.back())) return false;
  for (char c : s)
    if (!lower_alnum(c) && c != '-') return false;
  return true;
}

bool is_name_part(std::string_view s) {
  if (s.empty() || s.size() > 63 || !alnum(s.front()) || !alnum(s.back())) return false;
  for (char c : s)
    if (!alnum(c) && c != '-' && c != '_' && c != '.') return false;
  return true;
}

}  // namespace

std::string check_dns1123_subdomain(std::string_view name) {
  if (name.size() > 253) return "must be no more than 253 characters";
  for (auto part : split(name, '.')) {
    bool ok = !part.empty() && lower_alnum(part.front()) && lower_alnum(part.back());
    for (char c : part) ok &= lower_alnum(c) || c == '-';
    if (!ok)
      return "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and "
             "must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
             "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
  }
  return "";
}

std::string check_dns1123_label(std::string_view name) {
  if (name.size() > 63) return "must be no more than 63 characters";
  if (!is_label(name))
    return "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and "
           "end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
           "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
  return "";
}

std::string check_dns1035_label(std::string_view name) {
  if (name.size() > 63) return "must be no more than 63 characters";
  if (!is_label(name) || !(name[0] >= 'a' && name[0] <= 'z'))
    return "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
           "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for "
           "validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
  return "";
}

std::string check_qualified_name(std::string_view key) {
  std::string_view name = key;
  if (size_t slash = key.find('/'); slash != std::string_view::npos) {
    if (auto bad = check_dns1123_subdomain(key.substr(0, slash)); !bad.empty() || slash == 0)
      return "prefix part " + (slash == 0 ? std::string("must be non-empty") : bad);
    name = key.substr(slash + 1);
  }
  if (!is_name_part(name))
    return "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
           "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
           "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
  return "";
}

std::string check_label_value(std::string_view value) {
  if (value.empty() || is_name_part(value)) return "";
  return "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
         "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for "
         "validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
}

}  // namespace sl::kube
