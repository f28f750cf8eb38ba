#include "kube/apiserver/server.h"

#include <boost/asio.hpp>

#include "base/ids.h"
#include "base/strings.h"
#include "kube/apiserver/body.h"
#include "kube/apiserver/discovery.h"
#include "kube/apiserver/logs.h"
#include "kube/apiserver/openapi.h"
#include "kube/apiserver/request.h"
#include "kube/apiserver/reviews.h"
#include "kube/apiserver/table.h"
#include "kube/apiserver/warnings.h"
#include "kube/apiserver/watch.h"
#include "net/loop/loop.h"

namespace sl::kube {

using net::Headers;
using net::HttpRequest;
using net::HttpResponderPtr;

namespace {

constexpr size_t kBodyMax = 3u << 20;  // as upstream

}  // namespace

struct ApiServer::Impl : std::enable_shared_from_this<ApiServer::Impl> {
  net::Loop& loop;
  Api& api;
  LogHub& logs;
  ApiServerOptions options;
  std::string openapi_v2;  // made anew when the registry changes
  uint64_t openapi_v2_revision = 0;
  Value openapi_index;
  uint64_t openapi_index_revision = 0;

  Impl(net::Loop& l, Api& a, LogHub& g, ApiServerOptions o) : loop(l), api(a), logs(g), options(std::move(o)) {}

  void answer(const HttpResponderPtr& out, int status, const Value& body, const std::vector<std::string>& warnings = {},
              std::string content_type = "application/json") {
    Headers headers{{"Content-Type", std::move(content_type)}, {"Cache-Control", "no-cache, private"}};
    for (auto& value : warning_headers(warnings)) headers.emplace_back("Warning", std::move(value));
    out->respond(status, std::move(headers), json::dump(body) + "\n");
  }
  void refuse(const HttpResponderPtr& out, const Error& e, const StatusDetails& details = {}) {
    Value status = to_status(e, details);
    answer(out, static_cast<int>(json::num(status, 500, "code")), status);
  }

  void handle(HttpRequest r, const HttpResponderPtr& out) {
    if (serve_health(r, out)) return;
    if (r.path == "/version" || r.path == "/version/") return answer(out, 200, version());  // anybody's, as upstream
    if (!authenticated(r)) return refuse(out, Error{Code::Unauthenticated, "Unauthorized", {}});
    for (auto& [name, value] : r.headers)
      if (iequals(std::string_view(name).substr(0, 12), "impersonate-")) return refuse(out, cannot_impersonate(value));
    if (r.path == "/") return answer(out, 200, root_paths());
    if (serve_discovery(r, out) || serve_openapi(r, out)) return;
    if (r.body.size() > kBodyMax)
      return refuse(out, Error{Code::TooLarge, fmt::format("Request entity too large: limit is {}", kBodyMax), {}});
    if (auto review = serve_review(r, options.user)) {
      if (*review) return answer(out, 201, **review);
      return refuse(out, review->error());
    }
    auto path = parse_resource_path(r.path);
    if (!path) return refuse(out, Error{Code::NotFound, "the server could not find the requested resource", {}});
    serve_resource(r, *path, out);
  }

  bool authenticated(const HttpRequest& r) {
    std::string_view header = r.header("authorization");
    constexpr std::string_view kBearer = "Bearer ";
    return header.size() > kBearer.size() && iequals(header.substr(0, kBearer.size()), kBearer) &&
           same_secret(trim(header.substr(kBearer.size())), options.token);
  }

  // There is one user: who asks to be another must not go on as the first.
  static Error cannot_impersonate(std::string_view user) {
    return {Code::PermissionDenied,
            fmt::format("users \"{}\" is forbidden: impersonation is not supported here", clean_utf8(user)),
            {}};
  }

  bool serve_health(const HttpRequest& r, const HttpResponderPtr& out) {
    if (r.path != "/healthz" && r.path != "/livez" && r.path != "/readyz") return false;
    bool ok = r.path != "/readyz" || !options.ready || options.ready();
    out->respond(ok ? 200 : 503, Headers{{"Content-Type", "text/plain; charset=utf-8"}}, ok ? "ok" : "not ready");
    return true;
  }

  Value root_paths() {
    json::Array paths{"/api", "/apis"};
    Value list = api_group_list(api.registry());
    for (auto& group : *json::arr(list, "groups")) {
      std::string path = "/apis/" + std::string(json::str(group, "name"));
      paths.emplace_back(path);
      for (auto& v : *json::arr(group, "versions"))
        paths.emplace_back(path + "/" + std::string(json::str(v, "version")));
    }
    for (auto path : {"/api/v1", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"})
      paths.emplace_back(path);
    return json::Object{{"paths", std::move(paths)}};
  }

  Value version() {
    return json::Object{
        {"major", "1"},        {"minor", "33"},           {"gitVersion", "v1.33.0+sightline." SIGHTLINE_VERSION},
        {"gitCommit", ""},     {"gitTreeState", "clean"}, {"buildDate", "2026-11-01T00:00:00Z"},
        {"goVersion", "none"}, {"compiler", "clang"},     {"platform", "linux/amd64"}};
  }

  bool serve_discovery(const HttpRequest& r, const HttpResponderPtr& out) {
    std::string path = r.path;
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    std::string form = asked_discovery(r);
    if (path == "/api" || path == "/apis") {
      bool core = path == "/api";
      if (!form.empty()) {
        answer(out, 200, aggregated_discovery(api.registry(), core, form), {},
               fmt::format("application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList", form));
        return true;
      }
      answer(out, 200, core ? api_versions() : api_group_list(api.registry()));
      return true;
    }
    auto parts = split(std::string_view(path).substr(1), '/');
    std::optional<Value> found;
    if (parts.size() == 2 && parts[0] == "api")
      found = api_resource_list(api.registry(), "", parts[1]);
    else if (parts.size() == 2 && parts[0] == "apis")
      found = api_group(api.registry(), parts[1]);
    else if (parts.size() == 3 && parts[0] == "apis")
      found = api_resource_list(api.registry(), parts[1], parts[2]);
    else
      return false;
    if (found)
      answer(out, 200, *found);
    else
      refuse(out, Error{Code::NotFound, "the server could not find the requested resource", {}});
    return true;
  }

  bool serve_openapi(const HttpRequest& r, const HttpResponderPtr& out) {
    if (r.path == "/openapi/v2") {
      if (openapi_v2_revision != api.registry().revision()) {
        openapi_v2_revision = api.registry().revision();
        openapi_v2 = openapi_v2_protobuf(api.registry());
      }
      out->respond(200, Headers{{"Content-Type", "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"}},
                   openapi_v2);
      return true;
    }
    if (r.path == "/openapi/v3") {
      if (openapi_index_revision != api.registry().revision()) {
        openapi_index_revision = api.registry().revision();
        openapi_index = openapi_v3_index(api.registry());
      }
      answer(out, 200, openapi_index);
      return true;
    }
    if (!r.path.starts_with("/openapi/v3/")) return false;
    if (auto doc = openapi_v3(api.registry(), std::string_view(r.path).substr(12)))
      answer(out, 200, *doc);
    else
      refuse(out, Error{Code::NotFound, "the server could not find the requested resource", {}});
    return true;
  }

  void serve_resource(const HttpRequest& r, const ResourcePath& p, const HttpResponderPtr& out) {
    auto type = api.registry().find(p.group, p.plural);
    bool scope_fits = type && (type->namespaced || p.ns.empty());
    if (!type || !type->serves(p.version) || !scope_fits)
      return refuse(out, Error{Code::NotFound, "the server could not find the requested resource", {}});
    StatusDetails details{p.name, type->group, type->plural};
    if (!acceptable(r))
      return refuse(out,
                    Error{Code::NotAcceptable, "only the following media types are accepted: application/json", {}},
                    details);
    if (!p.subresource.empty() && p.subresource == "log" && type->key() == "pods" && r.method == "GET")
      return serve_log(r, p, type, out);
    bool finalize = p.subresource == "finalize" && type->key() == "namespaces" && r.method == "PUT";
    bool known = p.subresource.empty() || finalize || (p.subresource == "status" && type->status);
    if (!known)
      return refuse(out, Error{Code::NotFound, "the server could not find the requested resource", {}}, details);
    if (type->namespaced && p.ns.empty() && r.method != "GET")
      return refuse(
          out, Error{Code::MethodNotAllowed, "the server does not allow this method on the requested resource", {}},
          details);
    auto done = p.name.empty() ? serve_collection(r, p, type, out) : serve_object(r, p, type, out);
    if (done) return;
    if (done.error().code == Code::Invalid) details.kind = type->kind;  // as upstream: the kind, not the resource
    refuse(out, done.error(), details);
  }

  Result<void> serve_collection(const HttpRequest& r, const ResourcePath& p, const TypePtr& type,
                                const HttpResponderPtr& out) {
    if (r.method == "GET" || r.method == "HEAD") {
      std::string watching = r.query_value("watch");
      bool streams = watching == "true" || watching == "1";  // HEAD would never end: it is told of the list
      if (streams && r.method == "GET") return serve_watch(r, p, type, out);
      if (r.has_query("sendInitialEvents"))
        return fail(Code::Invalid, "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list");
      SL_TRY(options, list_options(r, *type));
      SL_TRY(version, asked_version(r, api.store().version()));
      options.at_version = version;
      SL_TRY(found, api.list(*type, p.ns, options));
      answer(out, 200, list_body(r, p, *type, found));
      return {};
    }
    if (type->read_only || (r.method != "POST" && r.method != "DELETE"))
      return fail(Code::MethodNotAllowed, "the server does not allow this method on the requested resource");
    if (r.method == "DELETE") return delete_collection(r, p, *type, out);
    SL_TRY(body, object_body(r, p, *type));
    SL_TRY(options, write_options(r));
    options.version = p.version;
    options.duplicates = std::move(body.duplicates);
    std::string ns = p.ns;
    SL_TRY(result, api.create(*type, ns, std::move(body.value), options));
    answer(out, 201, Api::render(*result.object, *type, p.version), std::move(result.warnings));
    return {};
  }

  Value list_body(const HttpRequest& r, const ResourcePath& p, const ResourceType& type, const ListResult& found) {
    json::Object meta{{"resourceVersion", std::to_string(found.version)}};
    if (!found.continue_token.empty()) {
      meta["continue"] = found.continue_token;
      // Not where a selector passes over some.
      if (r.query_value("labelSelector").empty() && r.query_value("fieldSelector").empty())
        meta["remainingItemCount"] = found.remaining;
    }
    if (wants_table(r)) {
      Value table = make_table(type, p.version, found.items, include_of(r));
      table.get_object()["metadata"] = std::move(meta);
      return table;
    }
    bool partial = wants_metadata(r);
    json::Array items;
    for (auto& item : found.items)
      items.push_back(partial ? partial_object(*item) : Api::render(*item, type, p.version));
    return json::Object{{"kind", partial ? "PartialObjectMetadataList" : type.list_kind()},
                        {"apiVersion", partial ? "meta.k8s.io/v1" : type.api_version(p.version)},
                        {"metadata", std::move(meta)},
                        {"items", std::move(items)}};
  }

  Result<void> delete_collection(const HttpRequest& r, const ResourcePath& p, const ResourceType& type,
                                 const HttpResponderPtr& out) {
    SL_TRY(options, list_options(r, type));
    SL_TRY(version, asked_version(r, api.store().version()));
    options.at_version = version;
    SL_TRY(found, api.list(type, p.ns, options));
    SL_TRY(how, delete_options(r));
    for (auto& item : found.items) {
      auto done = api.remove(type, std::string(namespace_of(*item)), std::string(name_of(*item)), how);
      if (!done && done.error().code != Code::NotFound) return fail(std::move(done).error());
    }
    answer(out, 200, list_body(r, p, type, found));
    return {};
  }

  Result<void> serve_patch(const HttpRequest& r, const ResourcePath& p, const ResourceType& type, WriteOptions options,
                           const HttpResponderPtr& out) {
    SL_TRY(kind, patch_kind(r));
    if (kind == PatchKind::Apply && !r.has_query("fieldManager"))
      return fail(
          Error{Code::Invalid,
                "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch",
                {{"FieldValueRequired", "Required value: is required for apply patch", "fieldManager"}}});
    SL_TRY(body, read_body(r));
    options.duplicates = std::move(body.duplicates);
    if (kind == PatchKind::Apply) SL_CHECK(check_applied(body.value, p, type));
    SL_TRY(result, api.patch(type, p.ns, p.name, kind, body.value, options));
    answer(out, result.created ? 201 : 200, Api::render(*result.object, type, p.version), std::move(result.warnings));
    return {};
  }

  Result<void> serve_object(const HttpRequest& r, const ResourcePath& p, const TypePtr& type,
                            const HttpResponderPtr& out) {
    if (r.method == "GET" || r.method == "HEAD") {
      SL_TRY(found, api.get(*type, p.ns, p.name));
      answer(out, 200,
             wants_table(r)      ? make_table(*type, p.version, {found}, include_of(r))
             : wants_metadata(r) ? partial_object(*found)
                                 : Api::render(*found, *type, p.version));
      return {};
    }
    if (r.method == "DELETE" && p.subresource.empty()) return serve_delete(r, p, *type, out);
    if (type->read_only)
      return fail(Code::MethodNotAllowed, fmt::format("{} are kept by the server and cannot be changed", type->plural));
    SL_TRY(options, write_options(r));
    options.version = p.version;
    if (p.subresource != "finalize") options.subresource = p.subresource;
    if (r.method == "PATCH") return serve_patch(r, p, *type, std::move(options), out);
    if (r.method != "PUT")
      return fail(Code::MethodNotAllowed, "the server does not allow this method on the requested resource");
    SL_TRY(body, object_body(r, p, *type));
    options.duplicates = std::move(body.duplicates);
    SL_TRY(result, api.update(*type, p.ns, p.name, std::move(body.value), options));
    answer(out, 200, Api::render(*result.object, *type, p.version), std::move(result.warnings));
    return {};
  }

  Result<void> serve_delete(const HttpRequest& r, const ResourcePath& p, const ResourceType& type,
                            const HttpResponderPtr& out) {
    SL_TRY(options, delete_options(r));
    bool gone = false;
    SL_TRY(last, api.remove(type, p.ns, p.name, options, &gone));
    if (!gone || type.key() == "pods") {
      answer(out, 200, Api::render(*last, type, p.version));
      return {};
    }
    json::Object details{{"name", p.name}, {"kind", type.plural}, {"uid", uid_of(*last)}};
    if (!type.group.empty()) details["group"] = type.group;
    answer(out, 200,
           json::Object{{"kind", "Status"},
                        {"apiVersion", "v1"},
                        {"metadata", json::Object{}},
                        {"status", "Success"},
                        {"details", std::move(details)}});
    return {};
  }

  Result<void> serve_watch(const HttpRequest& r, const ResourcePath& p, const TypePtr& type,
                           const HttpResponderPtr& out) {
    SL_TRY(w, watch_request(r, p, type));
    int64_t seconds = parse_int(r.query_value("timeoutSeconds")).value_or(0);
    if (seconds <= 0) seconds = 1800 + static_cast<int64_t>(fast_random() % 1800);
    auto tick = start_watch(api, std::move(w), out);
    loop.spawn(keep_watch(&loop, out, std::move(tick), seconds));
    return {};
  }

  // A bookmark each minute, and the end after the asked time.
  static net::Task<void> keep_watch(net::Loop* loop, HttpResponderPtr out, std::function<void(bool)> tick,
                                    int64_t seconds) {
    net::Timer timer(loop->io());
    while (!out->closed() && seconds > 0) {
      int64_t step = std::min<int64_t>(seconds, 60);
      timer.expires_after(std::chrono::seconds(step));
      auto [ec] = co_await timer.async_wait(net::use_task);
      if (ec) co_return;
      seconds -= step;
      tick(seconds <= 0);
    }
    if (!out->closed()) tick(true);
  }

  void serve_log(const HttpRequest& r, const ResourcePath& p, const TypePtr& type, const HttpResponderPtr& out) {
    auto pod = api.get(*type, p.ns, p.name);
    if (!pod) return refuse(out, pod.error(), {p.name, "", "pods"});
    std::string component = options.log_component ? options.log_component(p.ns, p.name) : "";
    auto told = stream_log(logs, component, **pod, r, out);
    if (!told) refuse(out, told.error(), {p.name, "", "pods"});
  }
};

net::ErrorBody render_error(int status, const Error& error) {
  Error said = error;
  said.causes.clear();
  if (status == 413) said.message = fmt::format("Request entity too large: limit is {}", kBodyMax);
  Value body = to_status(said);
  body.get_object()["code"] = status;
  return {"application/json", json::dump(body) + "\n"};
}

ApiServer::ApiServer(net::Loop& loop, Api& api, LogHub& logs, ApiServerOptions options)
    : impl_(std::make_shared<Impl>(loop, api, logs, std::move(options))) {}
ApiServer::~ApiServer() = default;

net::HttpHandler ApiServer::handler() {
  return
      [impl = impl_](HttpRequest request, HttpResponderPtr responder) { impl->handle(std::move(request), responder); };
}

}  // namespace sl::kube
