// Read-only Kubernetes tools against the API that this program serves (or any other).
#include <fmt/format.h>

#include "agent/tools/tool.h"
#include "base/strings.h"
#include "json/yaml.h"
#include "kube/object/redact.h"
#include "kube/object/served.h"

namespace sl::agent {

using json::Array;
using json::Object;
using json::Value;

namespace {

constexpr size_t kOutputMax = 60'000;  // of one tool result to the model

Object text_field(std::string_view doc) {
  return Object{{"type", "string"}, {"description", doc}};
}

class KubeTool : public Tool {
 public:
  explicit KubeTool(const KubeAccess& kube) : kube_(kube) {}

 protected:
  net::Task<Result<Value>> get(std::string path, ToolCall* call) {
    auto text = co_await get_text(std::move(path), "application/json", call);
    if (!text) co_return fail(std::move(text).error());
    co_return json::parse(*text);
  }
  net::Task<Result<std::string>> get_text(std::string path, std::string accept, ToolCall* call) {
    net::ClientRequest r;
    r.url = kube_.url + path;
    r.headers.emplace_back("Authorization", "Bearer " + kube_.token);
    r.headers.emplace_back("Accept", std::move(accept));
    r.idle_ms = 30'000;
    r.peer = &call->peer;
    call->auth = "own";
    auto exchange = co_await kube_.client->send(std::move(r), &call->abort);
    if (!exchange) co_return fail(std::move(exchange).error());
    auto body = co_await (*exchange)->read_all();
    if (!body) co_return fail(std::move(body).error());
    if ((*exchange)->status >= 400) {
      auto status = json::parse(*body);
      co_return fail(Code::NotFound, status && !json::str(*status, "message").empty()
                                         ? std::string(json::str(*status, "message"))
                                         : fmt::format("the API answered {}", (*exchange)->status));
    }
    co_return std::move(*body);
  }

  net::Task<Result<kube::ServedKind>> find(std::string type, ToolCall* call) {
    auto all = co_await kinds(call);
    if (!all) co_return fail(std::move(all).error());
    if (auto* found = all->find(type)) co_return *found;
    co_return fail(Code::NotFound, fmt::format("the server does not have a resource type \"{}\"", type));
  }
  net::Task<Result<kube::ServedKinds>> kinds(ToolCall* call) {
    auto groups = co_await get("/apis", call);
    if (!groups) co_return fail(std::move(groups).error());
    kube::ServedKinds out;
    for (auto& path : kube::ServedKinds::paths(*groups))
      if (auto list = co_await get(path, call)) out.add(*list);
    co_return out;
  }
  static std::string bounded(std::string text) {
    if (text.size() <= kOutputMax) return text;
    return truncate_utf8(text, kOutputMax) + "\n... (cut: the output is longer)";
  }
  static std::string arg(const Value& arguments, std::string_view key) {
    return std::string(json::str(arguments, key));
  }

  KubeAccess kube_;
};

std::string render_table(const Value& table, bool with_namespace) {
  auto *columns = json::arr(table, "columnDefinitions"), *rows = json::arr(table, "rows");
  if (!columns || !rows) return "";
  std::vector<std::vector<std::string>> lines(1);
  if (with_namespace) lines[0].push_back("namespace");
  for (auto& c : *columns) lines[0].push_back(to_lower(json::str(c, "name")));
  for (auto& r : *rows) {
    lines.emplace_back();
    if (with_namespace) lines.back().emplace_back(json::str(r, "object", "metadata", "namespace"));
    if (auto* cells = json::arr(r, "cells"))
      for (auto& c : *cells)
        lines.back().push_back(c.is_string() ? std::string(json::view(c.get_string()))
                               : c.is_null() ? ""
                                             : json::dump(c));
  }
  if (lines.size() == 1) return "no resources found";
  std::string out;
  for (auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) out += (i ? " | " : "") + line[i];
    out += '\n';
  }
  return out;
}

class GetResources : public KubeTool {
 public:
  using KubeTool::KubeTool;
  std::string name() const override { return "k8s_get_resources"; }
  std::string description() const override { return "Get Kubernetes resources: a list of a type, or one by name."; }
  Value parameters() const override {
    return Object{{"type", "object"},
                  {"properties", Object{{"resource_type", text_field("Type, e.g. pod, service, gateway, agent.")},
                                        {"resource_name", text_field("Name of one resource.")},
                                        {"namespace", text_field("Namespace; default when absent.")},
                                        {"all_namespaces",
                                         Object{{"type", "string"}, {"description", "\"true\" for all namespaces."}}},
                                        {"output", text_field("wide, json or yaml.")}}},
                  {"required", Array{"resource_type"}}};
  }
  net::Task<Result<std::string>> run(Value arguments, ToolCall* call) override {
    auto resource = co_await find(arg(arguments, "resource_type"), call);
    if (!resource) co_return fail(std::move(resource).error());
    bool all = arg(arguments, "all_namespaces") == "true" || json::flag(arguments, "all_namespaces");
    std::string ns = all ? "" : arg(arguments, "namespace").empty() ? "default" : arg(arguments, "namespace");
    std::string path = resource->path(ns, arg(arguments, "resource_name"));
    std::string output = arg(arguments, "output");
    if (output == "json" || output == "yaml") {
      auto value = co_await get(path, call);
      if (!value) co_return fail(std::move(value).error());
      kube::hide_secrets(*value);
      co_return bounded(output == "json" ? json::dump_pretty(*value) : json::dump_yaml(*value));
    }
    auto table = co_await get_text(path, "application/json;as=Table;v=v1;g=meta.k8s.io", call);
    if (!table) co_return fail(std::move(table).error());
    auto parsed = json::parse(*table);
    if (!parsed) co_return fail(std::move(parsed).error());
    co_return bounded(render_table(*parsed, all && resource->namespaced));
  }
};

class DescribeResource : public KubeTool {
 public:
  using KubeTool::KubeTool;
  std::string name() const override { return "k8s_describe_resource"; }
  std::string description() const override { return "Describe one Kubernetes resource in detail, with its events."; }
  Value parameters() const override {
    return Object{{"type", "object"},
                  {"properties", Object{{"resource_type", text_field("Type.")},
                                        {"resource_name", text_field("Name.")},
                                        {"namespace", text_field("Namespace; default when absent.")}}},
                  {"required", Array{"resource_type", "resource_name"}}};
  }
  net::Task<Result<std::string>> run(Value arguments, ToolCall* call) override {
    auto resource = co_await find(arg(arguments, "resource_type"), call);
    if (!resource) co_return fail(std::move(resource).error());
    std::string ns = arg(arguments, "namespace").empty() ? "default" : arg(arguments, "namespace");
    auto value = co_await get(resource->path(ns, arg(arguments, "resource_name")), call);
    if (!value) co_return fail(std::move(value).error());
    kube::hide_secrets(*value);
    std::string out = json::dump_yaml(*value);
    auto events =
        co_await get("/api/v1/namespaces/" + percent_encode(ns) + "/events?fieldSelector=involvedObject.name%3D" +
                         percent_encode(arg(arguments, "resource_name")),
                     call);
    if (events)
      if (auto* items = json::arr(*events, "items"); items && !items->empty()) {
        out += "events:\n";
        for (auto& e : *items)
          out += fmt::format("- {} {}: {}\n", json::str(e, "type"), json::str(e, "reason"), json::str(e, "message"));
      }
    co_return bounded(std::move(out));
  }
};

class GetPodLogs : public KubeTool {
 public:
  using KubeTool::KubeTool;
  std::string name() const override { return "k8s_get_pod_logs"; }
  std::string description() const override { return "Get the last lines of a pod's log."; }
  Value parameters() const override {
    return Object{
        {"type", "object"},
        {"properties",
         Object{{"pod_name", text_field("Pod.")},
                {"namespace", text_field("Namespace; default when absent.")},
                {"container", text_field("Container.")},
                {"tail_lines", Object{{"type", "number"}, {"description", "Lines from the end, 50 by default."}}}}},
        {"required", Array{"pod_name"}}};
  }
  net::Task<Result<std::string>> run(Value arguments, ToolCall* call) override {
    std::string ns = arg(arguments, "namespace").empty() ? "default" : arg(arguments, "namespace");
    std::string path = fmt::format("/api/v1/namespaces/{}/pods/{}/log?tailLines={}", percent_encode(ns),
                                   percent_encode(arg(arguments, "pod_name")), json::num(arguments, 50, "tail_lines"));
    if (auto container = arg(arguments, "container"); !container.empty())
      path += "&container=" + percent_encode(container);
    auto text = co_await get_text(std::move(path), "*/*", call);
    if (!text) co_return text;
    co_return bounded(text->empty() ? "the log is empty" : std::move(*text));
  }
};

class AvailableResources : public KubeTool {
 public:
  using KubeTool::KubeTool;
  std::string name() const override { return "k8s_get_available_api_resources"; }
  std::string description() const override { return "List the resource types that the API serves."; }
  Value parameters() const override { return Object{{"type", "object"}, {"properties", Object{}}}; }
  net::Task<Result<std::string>> run(Value, ToolCall* call) override {
    auto served = co_await kinds(call);
    if (!served) co_return fail(std::move(served).error());
    std::string out = "name | apiVersion | namespaced | kind\n";
    for (auto& k : served->all())
      out += fmt::format("{} | {} | {} | {}\n", k.plural, k.api_version(), k.namespaced, k.kind);
    co_return bounded(std::move(out));
  }
};

}  // namespace

std::vector<std::shared_ptr<Tool>> make_kube_tools(const KubeAccess& kube) {
  return {std::make_shared<GetResources>(kube), std::make_shared<DescribeResource>(kube),
          std::make_shared<GetPodLogs>(kube), std::make_shared<AvailableResources>(kube)};
}

}  // namespace sl::agent
