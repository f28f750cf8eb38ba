// apply, get, describe, delete, logs: kubectl's verbs against the same API, for machines without kubectl.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>

#include "app/cli/client.h"
#include "app/cli/verbs.h"
#include "app/up/manifests.h"
#include "base/strings.h"
#include "json/yaml.h"
#include "kube/object/redact.h"
#include "kube/object/served.h"

namespace sl::cli {
namespace {

using json::Value;

struct Options {
  std::shared_ptr<Where> where = std::make_shared<Where>();
  std::vector<std::string> files, names;
  std::string ns = "default", output = "table", container;
  bool all = false, follow = false;
  int64_t tail = -1;
};

Result<kube::ServedKinds> discover(Client& client) {
  SL_TRY(text, client.kube("GET", "/apis"));
  SL_TRY(groups, json::parse(text));
  kube::ServedKinds out;
  for (auto& path : kube::ServedKinds::paths(groups)) {
    SL_TRY(body, client.kube("GET", path));
    SL_TRY(list, json::parse(body));
    out.add(list);
  }
  return out;
}

Result<kube::ServedKind> find_kind(const kube::ServedKinds& all, std::string_view type) {
  if (auto* found = all.find(type)) return *found;
  return fail(Code::NotFound, fmt::format("the server doesn't have a resource type \"{}\"", type));
}

Result<kube::ServedKind> find_kind(const kube::ServedKinds& all, const up::Document& m) {
  auto version = kube::api_version_of(m.value), kind = kube::kind_of(m.value);
  if (auto* found = all.find(version, kind)) return *found;
  return fail(Code::NotFound,
              fmt::format("{}: no matches for kind \"{}\" in version \"{}\"", m.place(), kind, version));
}

void print_columns(const std::vector<std::vector<std::string>>& lines) {
  std::vector<size_t> width;
  for (auto& line : lines)
    for (size_t i = 0; i < line.size(); ++i) {
      if (width.size() <= i) width.push_back(0);
      width[i] = std::max(width[i], line[i].size());
    }
  for (auto& line : lines) {
    std::string out;
    for (size_t i = 0; i < line.size(); ++i) {
      out += line[i];
      if (i + 1 < line.size()) out.append(width[i] - line[i].size() + 3, ' ');
    }
    fmt::print("{}\n", out);
  }
}

void print_table(const Value& table, bool with_namespace) {
  auto *columns = json::arr(table, "columnDefinitions"), *rows = json::arr(table, "rows");
  if (!columns || !rows || rows->empty()) {
    fmt::print(stderr, "No resources found\n");
    return;
  }
  std::vector<std::vector<std::string>> lines(1);
  std::vector<size_t> shown;
  if (with_namespace) lines[0].push_back("NAMESPACE");
  for (size_t i = 0; i < columns->size(); ++i) {
    if (json::num((*columns)[i], 0, "priority") > 0) continue;
    shown.push_back(i);
    std::string name(json::str((*columns)[i], "name"));
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::toupper(c); });
    lines[0].push_back(name);
  }
  for (auto& row : *rows) {
    lines.emplace_back();
    if (with_namespace) lines.back().emplace_back(json::str(row, "object", "metadata", "namespace"));
    auto* cells = json::arr(row, "cells");
    for (size_t i : shown) {
      const Value& c = (*cells)[i];
      lines.back().push_back(c.is_string() ? std::string(json::view(c.get_string()))
                             : c.is_null() ? ""
                                           : json::dump(c));
    }
  }
  print_columns(lines);
}

void print_body(const Value& body, const Options& o, bool with_namespace) {
  if (o.output == "json")
    fmt::print("{}", json::dump_pretty(body));
  else if (o.output == "yaml")
    fmt::print("{}", json::dump_yaml(body));
  else
    print_table(body, with_namespace);
}

// The tables of several objects of one kind as one.
void join_tables(Value& all, Value more) {
  if (!all.is_object()) {
    all = std::move(more);
    return;
  }
  auto* rows = all.get_object().if_contains("rows");
  if (auto* others = json::arr(more, "rows"); others && rows && rows->is_array())
    for (auto& row : *others) rows->get_array().push_back(row);
}

// "TYPE[,TYPE...]", "TYPE NAME..." or "TYPE/NAME...", as kubectl.
Result<int> get(const Options& o) {
  Client client(*o.where);
  SL_TRY(kinds, discover(client));
  bool pairs = o.names[0].find('/') != std::string::npos;
  std::vector<std::pair<std::string, std::vector<std::string>>> wanted;  // type, names
  if (pairs)
    for (auto& pair : o.names) {
      size_t slash = pair.find('/');
      if (slash == std::string::npos)
        return fail(Code::InvalidArgument, fmt::format("\"{}\" must be TYPE/NAME like the others", pair));
      wanted.push_back({pair.substr(0, slash), {pair.substr(slash + 1)}});
    }
  else
    for (auto type : split(o.names[0], ','))
      wanted.push_back({std::string(type), {o.names.begin() + 1, o.names.end()}});
  for (auto& [type, names] : wanted) {
    SL_TRY(kind, find_kind(kinds, type));
    std::string accept = o.output == "table" ? "application/json;as=Table;v=v1;g=meta.k8s.io" : "application/json";
    Value table;
    for (auto& name : names.empty() ? std::vector<std::string>{""} : names) {
      SL_TRY(text, client.kube("GET", kind.path(o.all ? "" : o.ns, name), "", "", accept));
      SL_TRY(body, json::parse(text));
      if (o.output == "table") {
        join_tables(table, std::move(body));
        continue;
      }
      if (o.output == "yaml" && &name != &names.front() && !names.empty()) fmt::print("---\n");
      print_body(body, o, false);
    }
    if (o.output == "table") print_body(table, o, o.all && kind.namespaced);
  }
  return 0;
}

Result<int> describe(const Options& o) {
  Client client(*o.where);
  if (o.names.size() != 2) return fail(Code::InvalidArgument, "usage: sightline describe TYPE NAME");
  SL_TRY(kinds, discover(client));
  SL_TRY(kind, find_kind(kinds, o.names[0]));
  SL_TRY(text, client.kube("GET", kind.path(o.ns, o.names[1])));
  SL_TRY(body, json::parse(text));
  std::vector<std::pair<std::string, size_t>> sizes;
  if (auto* data = json::find(body, "data"); data && data->is_object() && kube::kind_of(body) == "Secret")
    for (auto& [key, value] : data->get_object())
      sizes.emplace_back(key,
                         value.is_string() ? base64_decode(json::view(value.get_string())).value_or("").size() : 0);
  kube::hide_secrets(body);
  for (auto& [key, size] : sizes) body.get_object()["data"].get_object()[key] = fmt::format("{} bytes", size);
  fmt::print("{}", json::dump_yaml(body));
  return 0;
}

Result<int> remove(const Options& o) {
  Client client(*o.where);
  SL_TRY(kinds, discover(client));
  std::vector<std::tuple<kube::ServedKind, std::string, std::string>> targets;
  for (auto& file : o.files) {
    SL_TRY(documents, up::read_manifests(file));
    for (auto& d : documents) {
      SL_TRY(kind, find_kind(kinds, d));
      std::string ns(kube::namespace_of(d.value));
      targets.emplace_back(kind, ns.empty() ? o.ns : ns, std::string(kube::name_of(d.value)));
    }
  }
  if (o.names.size() >= 2) {
    SL_TRY(kind, find_kind(kinds, o.names[0]));
    for (size_t i = 1; i < o.names.size(); ++i) targets.emplace_back(kind, o.ns, o.names[i]);
  }
  if (targets.empty()) return fail(Code::InvalidArgument, "usage: sightline delete TYPE NAME..., or -f FILE");
  for (auto& [kind, ns, name] : targets) {
    SL_CHECK(client.kube("DELETE", kind.path(ns, name)));
    fmt::print("{} \"{}\" deleted\n", to_lower(kind.kind), name);
  }
  return 0;
}

// What `get -o yaml` prints can be applied again: the server's own notes are left out.
Value to_apply(const Value& manifest) {
  Value out = manifest;
  if (auto* meta = out.is_object() ? out.get_object().if_contains("metadata") : nullptr; meta && meta->is_object())
    meta->get_object().erase("managedFields");
  return out;
}

Result<int> apply(const Options& o) {
  Client client(*o.where);
  SL_TRY(kinds, discover(client));
  for (auto& file : o.files) {
    SL_TRY(documents, up::read_manifests(file));
    for (auto& d : documents) {
      SL_TRY(kind, find_kind(kinds, d));
      std::string ns(kube::namespace_of(d.value)), name(kube::name_of(d.value));
      std::string path = kind.path(ns.empty() ? o.ns : ns, name);
      auto before = client.kube("GET", path);
      auto done = client.kube("PATCH", path + "?fieldManager=sightline&fieldValidation=Strict&force=true",
                              json::dump(to_apply(d.value)), "application/apply-patch+yaml");
      if (!done) return fail(with_context(done.error(), d.place_of(done.error())));
      auto version_of = [](const std::string& text) {
        auto v = json::parse(text);
        return v ? std::string(json::str(*v, "metadata", "resourceVersion")) : std::string();
      };
      std::string_view what = !before                                    ? "created"
                              : version_of(*before) == version_of(*done) ? "unchanged"
                                                                         : "configured";
      fmt::print("{}/{} {}\n", to_lower(kind.kind), name, what);
    }
  }
  return 0;
}

Result<int> logs(const Options& o) {
  Client client(*o.where);
  if (o.names.size() != 1) return fail(Code::InvalidArgument, "usage: sightline logs POD");
  std::string pod = o.names[0].starts_with("pod/") ? o.names[0].substr(4) : o.names[0];
  std::string path =
      fmt::format("/api/v1/namespaces/{}/pods/{}/log?follow={}", percent_encode(o.ns), percent_encode(pod), o.follow);
  if (o.tail >= 0) path += fmt::format("&tailLines={}", o.tail);
  if (!o.follow) {
    SL_TRY(text, client.kube("GET", path, "", "", "*/*"));
    fmt::print("{}", text);
    return 0;
  }
  SL_CHECK(client.kube("GET", path, "", "", "*/*", [](std::string_view piece) {
    fmt::print("{}", piece);
    std::fflush(stdout);
  }));
  return 0;
}

void add(CLI::App& app, int* exit, const char* name, const char* help, Result<int> (*fn)(const Options&), bool files) {
  auto* verb = app.add_subcommand(name, help);
  auto o = std::make_shared<Options>();
  add_where(verb, o->where);
  verb->add_option("-n,--namespace", o->ns, "Namespace")->capture_default_str();
  if (files)
    verb->add_option("-f,--filename", o->files, "Manifest file or directory, - for standard input; repeatable");
  if (fn != &apply) verb->add_option("names", o->names, "TYPE [NAME...], or POD for logs");
  if (fn == &get) {
    verb->add_flag("-A,--all-namespaces", o->all, "All namespaces");
    verb->add_option("-o,--output", o->output, "table, json or yaml")->check(CLI::IsMember({"table", "json", "yaml"}));
  }
  if (fn == &logs) {
    verb->add_flag("-f,--follow", o->follow, "Wait for more lines");
    verb->add_option("--tail", o->tail, "Lines from the end");
    verb->add_option("-c,--container", o->container, "Ignored: a pod here has one container");
  }
  verb->callback([=] {
    if (o->files.empty() && fn == &apply) throw CLI::RequiredError("-f FILE");
    if (o->names.empty() && fn != &apply && o->files.empty()) throw CLI::RequiredError("TYPE");
    auto done = fn(*o);
    *exit = done ? *done : report(done.error());
  });
}

}  // namespace

void add_resources(CLI::App& app, int* exit) {
  add(app, exit, "apply", "Create or change resources from manifests", &apply, true);
  add(app, exit, "get", "List resources", &get, false);
  add(app, exit, "describe", "Show one resource in full", &describe, false);
  add(app, exit, "delete", "Delete resources", &remove, true);
  add(app, exit, "logs", "Print the log of a pod", &logs, false);
}

}  // namespace sl::cli
