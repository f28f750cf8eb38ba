// apply, get, describe, delete, logs: kubectl's verbs against the same API, for machines without kubectl.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>

#include "app/cli/client.h"
#include "app/cli/verbs.h"
#include "app/up/manifests.h"
#include "base/strings.h"
#include "json/yaml.h"

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

struct Kind {
  std::string path, plural, kind;
  bool namespaced = true;
};

Result<std::vector<std::pair<std::string, Value>>> discover(Client& client) {
  std::vector<std::string> paths{"/api/v1"};
  SL_TRY(text, client.kube("GET", "/apis"));
  SL_TRY(groups, json::parse(text));
  if (auto* list = json::arr(groups, "groups"))
    for (auto& g : *list)
      if (auto* versions = json::arr(g, "versions"))
        for (auto& v : *versions) paths.push_back("/apis/" + std::string(json::str(v, "groupVersion")));
  std::vector<std::pair<std::string, Value>> out;
  for (auto& path : paths) {
    SL_TRY(body, client.kube("GET", path));
    SL_TRY(list, json::parse(body));
    if (auto* resources = json::arr(list, "resources"))
      for (auto& r : *resources) out.emplace_back(path, r);
  }
  return out;
}

Kind kind_from(const std::string& path, const Value& r) {
  auto* ns = json::find(r, "namespaced");
  return {path, std::string(json::str(r, "name")), std::string(json::str(r, "kind")),
          ns && ns->is_bool() && ns->get_bool()};
}

Result<Kind> find_kind(Client& client, const std::string& type) {
  SL_TRY(all, discover(client));
  std::string wanted = to_lower(type);
  wanted = wanted.substr(0, wanted.find('.'));
  for (auto& [path, r] : all) {
    bool hit = json::str(r, "name") == wanted || json::str(r, "singularName") == wanted ||
               to_lower(json::str(r, "kind")) == wanted;
    if (auto* shorts = json::arr(r, "shortNames"))
      for (auto& s : *shorts) hit |= s == Value(wanted);
    if (hit) return kind_from(path, r);
  }
  return fail(Code::NotFound, fmt::format("the server doesn't have a resource type \"{}\"", type));
}

std::string url_of(const Kind& k, const std::string& ns, const std::string& name) {
  std::string out = k.path;
  if (k.namespaced && !ns.empty()) out += "/namespaces/" + percent_encode(ns);
  out += "/" + k.plural;
  return name.empty() ? out : out + "/" + percent_encode(name);
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

Result<int> get(const Options& o) {
  Client client(*o.where);
  for (auto type : split(o.names.empty() ? "" : o.names[0], ',')) {
    std::string name = o.names.size() > 1 ? o.names[1] : "";
    std::string kind_name(type);
    if (size_t slash = kind_name.find('/'); slash != std::string::npos) {
      name = kind_name.substr(slash + 1);
      kind_name.resize(slash);
    }
    SL_TRY(kind, find_kind(client, kind_name));
    std::string accept = o.output == "table" ? "application/json;as=Table;v=v1;g=meta.k8s.io" : "application/json";
    SL_TRY(text, client.kube("GET", url_of(kind, o.all ? "" : o.ns, name), "", "", accept));
    SL_TRY(body, json::parse(text));
    if (o.output == "json")
      fmt::print("{}", json::dump_pretty(body));
    else if (o.output == "yaml")
      fmt::print("{}", json::dump_yaml(body));
    else
      print_table(body, o.all && kind.namespaced);
  }
  return 0;
}

Result<int> describe(const Options& o) {
  Client client(*o.where);
  if (o.names.size() != 2) return fail(Code::InvalidArgument, "usage: sightline describe TYPE NAME");
  SL_TRY(kind, find_kind(client, o.names[0]));
  SL_TRY(text, client.kube("GET", url_of(kind, o.ns, o.names[1])));
  SL_TRY(body, json::parse(text));
  if (auto* m = body.get_object().if_contains("metadata"); m && m->is_object()) m->get_object().erase("managedFields");
  if (kind.plural == "secrets" && body.get_object().contains("data"))
    for (auto& [key, value] : body.get_object()["data"].get_object())
      value = fmt::format("{} bytes",
                          value.is_string() ? base64_decode(json::view(value.get_string())).value_or("").size() : 0);
  fmt::print("{}", json::dump_yaml(body));
  return 0;
}

Result<int> remove(const Options& o) {
  Client client(*o.where);
  std::vector<std::tuple<Kind, std::string, std::string>> targets;
  for (auto& file : o.files) {
    SL_TRY(documents, up::read_manifests(file));
    for (auto& d : documents) {
      SL_TRY(kind, find_kind(client, std::string(kube::kind_of(d.value))));
      std::string ns(kube::namespace_of(d.value));
      targets.emplace_back(kind, ns.empty() ? o.ns : ns, std::string(kube::name_of(d.value)));
    }
  }
  if (o.names.size() >= 2) {
    SL_TRY(kind, find_kind(client, o.names[0]));
    for (size_t i = 1; i < o.names.size(); ++i) targets.emplace_back(kind, o.ns, o.names[i]);
  }
  if (targets.empty()) return fail(Code::InvalidArgument, "usage: sightline delete TYPE NAME..., or -f FILE");
  for (auto& [kind, ns, name] : targets) {
    SL_CHECK(client.kube("DELETE", url_of(kind, ns, name)));
    fmt::print("{} \"{}\" deleted\n", to_lower(kind.kind), name);
  }
  return 0;
}

Result<int> apply(const Options& o) {
  Client client(*o.where);
  SL_TRY(all, discover(client));
  for (auto& file : o.files) {
    SL_TRY(documents, up::read_manifests(file));
    for (auto& d : documents) {
      std::string version(kube::api_version_of(d.value));
      std::string path = version.find('/') == std::string::npos ? "/api/" + version : "/apis/" + version;
      const Value* found = nullptr;
      for (auto& [p, r] : all)
        if (p == path && json::str(r, "kind") == kube::kind_of(d.value) &&
            json::str(r, "name").find('/') == std::string_view::npos)
          found = &r;
      if (!found)
        return fail(Code::NotFound, fmt::format("{}: no matches for kind \"{}\" in version \"{}\"", d.place(),
                                                kube::kind_of(d.value), version));
      Kind kind = kind_from(path, *found);
      std::string ns(kube::namespace_of(d.value)), name(kube::name_of(d.value));
      auto before = client.kube("GET", url_of(kind, ns.empty() ? o.ns : ns, name));
      auto done = client.kube(
          "PATCH",
          url_of(kind, ns.empty() ? o.ns : ns, name) + "?fieldManager=sightline&fieldValidation=Strict&force=true",
          json::dump(d.value), "application/apply-patch+yaml");
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
