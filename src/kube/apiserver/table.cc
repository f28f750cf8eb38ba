#include "kube/apiserver/table.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ids.h"
#include "base/strings.h"
#include "kube/api/api.h"

namespace sl::kube {
namespace {

struct PathStep {
  enum class Kind { Key, All, Index, Filter } kind = Kind::Key;
  std::string key;    // Key; Filter: member compared
  std::string value;  // Filter
  size_t index = 0;
};

// Reads a bracket's inside: *, number, 'key', or ?(@.key=="value").
PathStep bracket_step(std::string_view inside) {
  PathStep step;
  if (inside == "*") {
    step.kind = PathStep::Kind::All;
  } else if (auto n = parse_uint(inside)) {
    step.kind = PathStep::Kind::Index;
    step.index = *n;
  } else if (inside.starts_with("?(@.") && inside.ends_with(")")) {
    inside = inside.substr(4, inside.size() - 5);
    size_t eq = inside.find("==");
    step.kind = PathStep::Kind::Filter;
    step.key = trim(inside.substr(0, eq));
    std::string_view value = eq == std::string_view::npos ? std::string_view() : trim(inside.substr(eq + 2));
    if (value.size() >= 2) step.value = value.substr(1, value.size() - 2);
  } else if (inside.size() >= 2) {
    step.key = inside.substr(1, inside.size() - 2);
  }
  return step;
}

std::vector<PathStep> parse_path(std::string_view path) {
  std::vector<PathStep> steps;
  if (path.starts_with('{') && path.ends_with('}')) path = path.substr(1, path.size() - 2);
  if (path.starts_with('$')) path.remove_prefix(1);
  for (size_t i = 0; i < path.size();) {
    if (path[i] == '.') {
      ++i;
      PathStep step;
      for (; i < path.size() && path[i] != '.' && path[i] != '['; ++i) {
        if (path[i] == '\\' && i + 1 < path.size()) ++i;
        step.key += path[i];
      }
      if (!step.key.empty()) steps.push_back(step);
    } else if (path[i] == '[') {
      size_t end = path.find(']', i);
      if (end == std::string_view::npos) break;
      steps.push_back(bracket_step(path.substr(i + 1, end - i - 1)));
      i = end + 1;
    } else {
      break;
    }
  }
  return steps;
}

void walk(const Value& v, const std::vector<PathStep>& steps, size_t at, std::vector<const Value*>& out) {
  if (at == steps.size()) {
    out.push_back(&v);
    return;
  }
  auto& step = steps[at];
  if (step.kind == PathStep::Kind::Key) {
    if (auto* child = json::find(v, step.key)) walk(*child, steps, at + 1, out);
    return;
  }
  auto* list = v.if_array();
  if (!list) return;
  for (size_t i = 0; i < list->size(); ++i) {
    bool take = step.kind == PathStep::Kind::All || (step.kind == PathStep::Kind::Index && i == step.index) ||
                (step.kind == PathStep::Kind::Filter && json::str((*list)[i], step.key) == step.value);
    if (take) walk((*list)[i], steps, at + 1, out);
  }
}

std::string age_of(std::string_view timestamp) {
  auto at = parse_rfc3339(timestamp);
  return at ? human_duration(std::max<int64_t>(0, (unix_ms() - *at) / 1000)) : "<unknown>";
}

std::string text_of(const Value& v) {
  if (auto* s = v.if_string()) return std::string(json::view(*s));
  if (v.is_null()) return "";
  return json::dump(v);
}

std::string service_ports(const Value& o) {
  std::string out;
  if (auto* ports = json::arr(o, "spec", "ports"))
    for (auto& p : *ports) {
      std::string_view protocol = json::str(p, "protocol");
      int64_t node = json::num(p, 0, "nodePort");
      out += fmt::format("{}{}{}/{}", out.empty() ? "" : ",", json::num(p, 0, "port"),
                         node ? fmt::format(":{}", node) : "", protocol.empty() ? "TCP" : protocol);
    }
  return out.empty() ? "<none>" : out;
}

std::string pod_cell(const Value& o, std::string_view what) {
  size_t ready = 0, all = 0;
  int64_t restarts = 0;
  if (auto* list = json::arr(o, "status", "containerStatuses"))
    for (auto& c : *list) {
      ++all;
      ready += json::flag(c, "ready");
      restarts += json::num(c, 0, "restartCount");
    }
  return what == "ready" ? fmt::format("{}/{}", ready, all) : std::to_string(restarts);
}

std::string selector_text(const Value& o) {
  std::string out;
  if (auto* map = json::find(o, "spec", "selector"); map && map->is_object())
    for (auto& [key, value] : map->get_object())
      out += fmt::format("{}{}={}", out.empty() ? "" : ",", std::string_view(key), text_of(value));
  return out.empty() ? "<none>" : out;
}

// The first of these that there is.
std::string_view first_time(const Value& o, std::initializer_list<std::string_view> keys) {
  for (auto key : keys)
    if (auto at = json::str(o, key); !at.empty()) return at;
  return json::str(o, "metadata", "creationTimestamp");
}

Value computed_of_event(const Value& o, std::string_view name) {
  if (name == "@event-last-seen") {
    auto series = json::str(o, "series", "lastObservedTime");
    return Value(age_of(series.empty() ? first_time(o, {"lastTimestamp", "eventTime", "firstTimestamp"}) : series));
  }
  if (name == "@event-first-seen") return Value(age_of(first_time(o, {"firstTimestamp", "eventTime"})));
  if (name == "@event-count") {
    int64_t series = json::num(o, 0, "series", "count"), count = json::num(o, 0, "count");
    return Value(std::to_string(series ? series : count ? count : 1));
  }
  if (name == "@event-source") {
    std::string out(json::str(o, "source", "component"));
    if (out.empty()) out = json::str(o, "reportingComponent");
    std::string_view host = json::str(o, "source", "host");
    if (host.empty()) host = json::str(o, "reportingInstance");
    return Value(host.empty() ? out : fmt::format("{}, {}", out, host));
  }
  if (name == "@event-object")
    return Value(to_lower(json::str(o, "involvedObject", "kind")) + "/" +
                 std::string(json::str(o, "involvedObject", "name")));
  return nullptr;
}

// Columns that upstream computes in code. Names start with "@".
Value computed(const Value& o, std::string_view name) {
  auto size = [&](std::string_view key) -> int64_t {
    auto* data = json::find(o, key);
    return data && data->is_object() ? static_cast<int64_t>(data->get_object().size()) : 0;
  };
  if (name == "@data-count") return size("data") + size("binaryData");
  if (name == "@service-ports") return Value(service_ports(o));
  if (name == "@service-external-ip") {
    if (auto* in = json::arr(o, "status", "loadBalancer", "ingress"); in && !in->empty())
      return Value(json::str((*in)[0], "ip"));
    return Value(json::str(o, "spec", "type") == "LoadBalancer" ? "<pending>" : "<none>");
  }
  if (name == "@pod-ready") return Value(pod_cell(o, "ready"));
  if (name == "@pod-restarts") return Value(pod_cell(o, "restarts"));
  if (name == "@name") return Value(name_of(o));
  if (name == "@service-selector") return Value(selector_text(o));
  if (name == "@pod-nominated-node") {
    auto node = json::str(o, "status", "nominatedNodeName");
    return Value(node.empty() ? "<none>" : node);
  }
  if (name == "@pod-readiness-gates") {
    auto* gates = json::arr(o, "spec", "readinessGates");
    return Value(gates && !gates->empty() ? std::to_string(gates->size()) : "<none>");
  }
  return computed_of_event(o, name);
}

Value cell(const Value& object, const PrinterColumn& c) {
  if (c.path.starts_with('@')) return computed(object, c.path);
  Value found = evaluate_path(object, c.path);
  if (c.type == "date") return found.is_string() ? Value(age_of(json::view(found.get_string()))) : Value("<unknown>");
  if (found.is_null()) return nullptr;
  if (c.type == "integer" && found.is_number()) return found;
  if (c.type == "boolean" && found.is_bool()) return found;
  return Value(text_of(found));
}

std::vector<PrinterColumn> columns_of(const ResourceType& type, const std::string& version) {
  std::vector<PrinterColumn> out = type.columns_of(version);
  if (out.empty())
    out.push_back({"Age", "date", ".metadata.creationTimestamp", 0, "Time since the object was created."});
  return out;
}

}  // namespace

std::string human_duration(int64_t s) {
  if (s < 120) return fmt::format("{}s", s);
  int64_t minutes = s / 60;
  if (minutes < 10) return s % 60 ? fmt::format("{}m{}s", minutes, s % 60) : fmt::format("{}m", minutes);
  if (minutes < 180) return fmt::format("{}m", minutes);
  int64_t hours = minutes / 60;
  if (hours < 8) return minutes % 60 ? fmt::format("{}h{}m", hours, minutes % 60) : fmt::format("{}h", hours);
  if (hours < 48) return fmt::format("{}h", hours);
  int64_t days = hours / 24;
  if (days < 8) return hours % 24 ? fmt::format("{}d{}h", days, hours % 24) : fmt::format("{}d", days);
  if (days < 730) return fmt::format("{}d", days);
  int64_t years = days / 365;
  return days % 365 && years < 8 ? fmt::format("{}y{}d", years, days % 365) : fmt::format("{}y", years);
}

Value evaluate_path(const Value& object, std::string_view path) {
  std::vector<const Value*> found;
  walk(object, parse_path(path), 0, found);
  if (found.empty()) return nullptr;
  if (found.size() == 1) return *found[0];
  std::string all;
  for (auto* v : found) all += (all.empty() ? "" : ",") + text_of(*v);
  return Value(all);
}

Value make_table(const ResourceType& type, const std::string& version, const std::vector<ObjectPtr>& items,
                 IncludeObject include, bool with_columns) {
  auto columns = columns_of(type, version);
  json::Array definitions, rows;
  // Kinds whose name says little place it themselves (Event).
  bool name_first = std::none_of(columns.begin(), columns.end(), [](auto& c) { return c.path == "@name"; });
  if (with_columns) {
    if (name_first)
      definitions.push_back(json::Object{{"name", "Name"},
                                         {"type", "string"},
                                         {"format", "name"},
                                         {"description", "Name must be unique within a namespace."},
                                         {"priority", 0}});
    for (auto& c : columns)
      definitions.push_back(json::Object{{"name", c.name},
                                         {"type", c.type},
                                         {"format", ""},
                                         {"description", c.description},
                                         {"priority", c.priority}});
  }
  for (auto& item : items) {
    Value read;  // custom resources are shown as their definition is now
    if (!type.built_in) read = Api::render(*item, type, version);
    const Value& shown = type.built_in ? *item : read;
    json::Array cells;
    if (name_first) cells.push_back(Value(name_of(shown)));
    for (auto& c : columns) cells.push_back(cell(shown, c));
    json::Object row{{"cells", std::move(cells)}};
    if (include == IncludeObject::Object) {
      row["object"] = Api::render(*item, type, version);
    } else if (include == IncludeObject::Metadata) {
      row["object"] = partial_object(*item);
    }
    rows.push_back(std::move(row));
  }
  return json::Object{{"kind", "Table"},
                      {"apiVersion", "meta.k8s.io/v1"},
                      {"metadata", json::Object{}},
                      {"columnDefinitions", std::move(definitions)},
                      {"rows", std::move(rows)}};
}

Value partial_object(const Value& object) {
  return json::Object{{"kind", "PartialObjectMetadata"},
                      {"apiVersion", "meta.k8s.io/v1"},
                      {"metadata", *json::find(object, "metadata")}};
}

}  // namespace sl::kube
