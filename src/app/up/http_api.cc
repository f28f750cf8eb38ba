#include "app/up/http_api.h"

#include <fmt/format.h>

#include "a2a/wire/wire.h"
#include "agent/runtime/view.h"
#include "app/up/assets.h"
#include "base/ids.h"
#include "base/strings.h"
#include "kube/object/redact.h"

namespace sl::up {

using json::Array;
using json::Object;
using json::Value;
using net::Headers;

namespace {

// Nothing from outside, no inline script: what the page loads is what this program serves.
constexpr char kPolicy[] =
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; object-src "
    "'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

Value envelope(Value data, std::string_view message) {
  return Object{{"error", false}, {"data", std::move(data)}, {"message", message}};
}

std::vector<std::string> pieces(std::string_view path) {
  std::vector<std::string> out;
  for (auto p : split(path, '/'))
    if (!p.empty()) out.emplace_back(p);
  return out;
}

std::string agent_id(const std::string& agent) {
  return replace_all(replace_all(agent, "/", "__NS__"), "-", "_");
}

// "NS/NAME" from either form of an agent reference.
std::string agent_key(std::string_view ref, const agent::Runtime& runtime) {
  for (auto* a : runtime.agents())
    if (a->key() == ref || agent_id(a->key()) == ref) return a->key();
  return std::string(ref);
}

Object session_json(const agent::Session& s) {
  return Object{{"id", s.id},
                {"name", s.name},
                {"user_id", s.user},
                {"agent_id", agent_id(s.agent)},
                {"agent_ref", s.agent},
                {"source", s.source},
                {"created_at", rfc3339(s.created_us / 1000)},
                {"updated_at", rfc3339(s.updated_us / 1000, true)}};
}

// ?order=asc|desc &after=RFC3339 &limit=N (-1: all)
Result<agent::MessageQuery> message_query(const net::HttpRequest& r) {
  agent::MessageQuery out;
  if (auto order = r.query_value("order"); !order.empty() && order != "asc" && order != "desc")
    return fail(Code::InvalidArgument, fmt::format("order is asc or desc, not \"{}\"", order));
  else
    out.newest_first = order == "desc";
  if (auto after = r.query_value("after"); !after.empty()) {
    auto ms = parse_rfc3339(after);
    if (!ms) return fail(Code::InvalidArgument, fmt::format("after is a time of RFC 3339, not \"{}\"", after));
    out.after_us = *ms * 1000 + 999;  // times are told in milliseconds: what was told is not told again
  }
  if (auto limit = r.query_value("limit"); !limit.empty()) {
    auto n = parse_int(limit);
    if (!n || *n < -1 || *n == 0)
      return fail(Code::InvalidArgument, fmt::format("limit is a number from 1, or -1 for all, not \"{}\"", limit));
    out.limit = *n;
  }
  return out;
}

// ?limit=N (to 10000) &before=TOKEN, as the page before told it: the change and id of its last session.
Result<agent::SessionQuery> session_query(const net::HttpRequest& r) {
  agent::SessionQuery out;
  if (auto text = r.query_value("limit"); !text.empty()) {
    auto n = parse_uint(text);
    if (!n || *n == 0 || *n > out.limit)
      return fail(Code::InvalidArgument, fmt::format("limit is a number from 1 to {}, not \"{}\"", out.limit, text));
    out.limit = *n;
  }
  if (auto text = r.query_value("before"); !text.empty()) {
    size_t dash = text.find('-');
    auto us = parse_int(text.substr(0, dash));
    if (!us || *us <= 0 || dash == std::string::npos)
      return fail(Code::InvalidArgument, fmt::format("before is what the page before it told, not \"{}\"", text));
    out.before_us = *us;
    out.after_id = text.substr(dash + 1);
  }
  return out;
}

// A page of another site must not be able to drive this API through the user's browser.
bool foreign_origin(const net::HttpRequest& r) {
  std::string_view origin = r.header("origin");
  if (origin.empty()) return false;
  size_t at = origin.find("://");
  return at == std::string_view::npos || origin.substr(at + 3) != r.header("host");
}

}  // namespace

// The Host must be an address or a local name: a name that an attacker's DNS points here is refused (DNS rebinding).
bool foreign_host(const net::HttpRequest& r) {
  std::string host = to_lower(r.header("host"));
  if (host.starts_with('[')) return false;
  host = host.substr(0, host.find(':'));
  if (host == "localhost" || host.ends_with(".localhost")) return false;
  return host.find_first_not_of("0123456789.") != std::string::npos;
}

void HttpApi::handle(net::HttpRequest r, const net::HttpResponderPtr& out) {
  if (foreign_host(r) || foreign_origin(r))
    return out->respond(
        403, Headers{{"Content-Type", "application/json"}},
        R"({"error":"this address answers only pages it served itself; use its IP address or localhost"})");
  if (r.path.starts_with("/api/a2a/")) {
    if (!a2a_.handle(r, out))
      out->respond(404, Headers{{"Content-Type", "application/json"}},
                   R"({"error":"A2A paths are /api/a2a/NAMESPACE/NAME/"})");
    return;
  }
  if (r.path == "/health") return out->respond(200, Headers{{"Content-Type", "text/plain"}}, "OK");
  if (r.path == "/version")
    return out->respond(
        200, Headers{{"Content-Type", "application/json"}},
        json::dump(
            Object{{"kagent_version", "0.10.0+sightline." SIGHTLINE_VERSION}, {"git_commit", ""}, {"build_date", ""}}));
  auto path = pieces(r.path);
  if (path.empty() || path[0] != "api") return asset(r, out);
  auto answer = route(r, path);
  Headers headers{{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
  if (answer)
    out->respond(answer->status, std::move(headers), json::dump(answer->body));
  else
    out->respond(http_status(answer.error().code), std::move(headers),
                 json::dump(Object{{"error", answer.error().message}}));
}

Result<HttpApi::Answer> HttpApi::route(const net::HttpRequest& r, const std::vector<std::string>& path) {
  const std::string& what = path.size() > 1 ? path[1] : path[0];
  if (what == "me" && r.method == "GET") return Answer{200, Object{{"sub", agent::user_of(r)}}};
  if (what == "agents") return agents(r, path);
  if (what == "modelconfigs") return model_configs(r, path);
  if (what == "sessions") return sessions(r, path);
  if (what == "tasks") return tasks(r, path);
  if (what == "records" || what == "traces") return records(r, path);
  if (what == "namespaces" && r.method == "GET") {
    Array list;
    for (auto& ns : api_.store().list("namespaces").items)
      list.push_back(Object{{"name", kube::name_of(*ns)}, {"status", json::str(*ns, "status", "phase")}});
    return Answer{200, envelope(std::move(list), "Successfully listed namespaces")};
  }
  if ((what == "tools" || what == "toolservers") && r.method == "GET")
    return Answer{200, envelope(Array{}, "Successfully listed " + what)};
  for (auto name : {"me", "namespaces", "tools", "toolservers"})
    if (what == name) return fail(Code::MethodNotAllowed, fmt::format("/api/{} takes GET", name));
  return fail(Code::NotFound, fmt::format("{} is not served", r.path));
}

Object HttpApi::agent_item(const Value& object) {
  std::string key = kube::namespaced_name(object), ns(kube::namespace_of(object));
  std::string model_ref = ns + "/" + std::string(json::str(object, "spec", "declarative", "modelConfig"));
  auto model = api_.store().get("modelconfigs.kagent.dev",
                                {ns, std::string(json::str(object, "spec", "declarative", "modelConfig"))});
  auto* tools = json::arr(object, "spec", "declarative", "tools");
  Value shown = object;
  kube::hide_secrets(shown);  // nobody has logged in here
  return Object{{"id", agent_id(key)},
                {"agent", std::move(shown)},
                {"modelProvider", model ? json::str(*model, "spec", "provider") : std::string_view()},
                {"model", model ? json::str(*model, "spec", "model") : std::string_view()},
                {"modelConfigRef", model_ref},
                {"memoryRefs", Array{}},
                {"tools", tools ? *tools : Array{}},
                {"deploymentReady", kube::condition_holds(object, "Ready")},
                {"accepted", kube::condition_holds(object, "Accepted")},
                {"workloadMode", "deployment"}};
}

// Whoever saves has seen no version: what the controller writes meanwhile is no conflict.
Result<kube::WriteResult> HttpApi::replace_spec(const kube::ResourceType& type, const std::string& ns,
                                                const std::string& name, const Value& body,
                                                const kube::WriteOptions& options) {
  for (int tries = 1;; ++tries) {
    SL_TRY(now, api_.get(type, ns, name));
    Value next = kube::Api::render(*now, type, "");
    if (auto* spec = json::find(body, "spec")) {
      Value wanted = *spec;
      if (!kube::keep_hidden(wanted, json::find(*now, "spec")))
        return fail(Code::InvalidArgument, "a value shown as [hidden] has another place now: give it anew");
      next.get_object()["spec"] = std::move(wanted);
    }
    auto done = api_.update(type, ns, name, std::move(next), options);
    if (done || done.error().code != Code::Conflict || tries == 5) return done;
  }
}

Result<HttpApi::Answer> HttpApi::agents(const net::HttpRequest& r, const std::vector<std::string>& path) {
  auto type = api_.registry().find("kagent.dev", "agents");
  if (path.size() == 2 && r.method == "GET") {
    Array list;
    for (auto& a : api_.store().list("agents.kagent.dev", r.query_value("namespace")).items)
      list.push_back(agent_item(*a));
    return Answer{200, envelope(std::move(list), "Successfully listed agents")};
  }
  if (path.size() == 4 && r.method == "GET") {
    SL_TRY(found, api_.get(*type, path[2], path[3]));
    return Answer{200, envelope(agent_item(*found), "Successfully retrieved agent")};
  }
  if (path.size() == 4 && r.method == "DELETE") {
    SL_CHECK(api_.remove(*type, path[2], path[3], {}));
    return Answer{200, envelope(nullptr, "Successfully deleted agent")};
  }
  if (path.size() == 2 && (r.method == "POST" || r.method == "PUT")) {
    SL_TRY(body, json::parse(r.body));
    kube::WriteOptions options;
    options.manager = "kagent-ui";
    options.validation = kube::FieldValidation::Strict;
    // As kagent: its own namespace unless another is named, and what is saved replaces the whole specification.
    std::string ns(kube::namespace_of(body).empty() ? "kagent" : kube::namespace_of(body)), name(kube::name_of(body));
    auto done = r.method == "POST" ? api_.create(*type, ns, std::move(body), options)
                                   : replace_spec(*type, ns, name, body, options);
    if (!done) return fail(std::move(done).error());
    return Answer{r.method == "POST" ? 201 : 200,
                  envelope(kube::Api::render(*done->object, *type, ""), "Successfully saved agent")};
  }
  return fail(Code::MethodNotAllowed, "agents take GET, POST, PUT and DELETE");
}

Result<HttpApi::Answer> HttpApi::model_configs(const net::HttpRequest& r, const std::vector<std::string>& path) {
  if (r.method != "GET")
    return fail(Code::MethodNotAllowed, "model configurations are changed through the Kubernetes API");
  auto item = [](Value m) {
    kube::hide_secrets(m);
    auto *spec = json::find(m, "spec"), *status = json::find(m, "status");
    return Object{{"ref", kube::namespaced_name(m)},
                  {"spec", spec ? *spec : Value(Object{})},
                  {"status", status ? *status : Value(Object{})}};
  };
  if (path.size() == 4) {
    SL_TRY(found, api_.get(*api_.registry().find("kagent.dev", "modelconfigs"), path[2], path[3]));
    return Answer{200, envelope(item(*found), "Successfully retrieved model config")};
  }
  Array list;
  for (auto& m : api_.store().list("modelconfigs.kagent.dev").items) list.push_back(item(*m));
  return Answer{200, envelope(std::move(list), "Successfully listed model configs")};
}

Result<HttpApi::Answer> HttpApi::sessions(const net::HttpRequest& r, const std::vector<std::string>& path) {
  auto& store = runtime_.store();
  bool of_agent = path.size() == 5 && path[2] == "agent";
  if (r.method == "GET" && (path.size() == 2 || of_agent)) {
    SL_TRY(query, session_query(r));
    if (of_agent) query.agent = path[3] + "/" + path[4];
    query.user = agent::user_of(r);
    size_t limit = query.limit++;  // whether there are more
    SL_TRY(rows, store.sessions(query));
    std::string said = "Successfully listed sessions";
    if (rows.size() > limit) {
      rows.pop_back();
      said = fmt::format("{} sessions; older ones with before={}-{}", limit, rows.back().updated_us, rows.back().id);
    }
    Array list;
    for (auto& s : rows)
      if (!of_agent || s.source != "agent") list.push_back(session_json(s));
    return Answer{200, envelope(std::move(list), said)};
  }
  if (r.method == "POST" && path.size() == 2) {
    SL_TRY(body, json::parse(r.body));
    agent::Session s;
    s.id = json::str(body, "id").empty() ? uuid4() : std::string(json::str(body, "id"));
    s.agent = agent_key(json::str(body, "agent_ref"), runtime_);
    if (s.agent.empty()) return fail(Code::InvalidArgument, "agent_ref is required: NAMESPACE/NAME");
    if (!runtime_.find(s.agent))
      return fail(Code::NotFound, fmt::format("agent \"{}\" does not exist or is not ready", s.agent));
    if (!agent::valid_session_id(s.id))
      return fail(Code::InvalidArgument, "id may have 128 letters, digits and -_.: at most");
    if (auto known = store.session(s.id)) return fail(Code::AlreadyExists, fmt::format("session \"{}\" exists", s.id));
    s.user = agent::user_of(r);
    s.name = json::str(body, "name");
    s.source = json::str(body, "source").empty() ? "user" : std::string(json::str(body, "source"));
    s.created_us = s.updated_us = unix_us();
    SL_CHECK(store.create_session(s));
    return Answer{201, envelope(session_json(s), "Successfully created session")};
  }
  if (path.size() >= 3) return one_session(r, path);
  return fail(Code::MethodNotAllowed, "sessions take GET and POST");
}

Result<HttpApi::Answer> HttpApi::one_session(const net::HttpRequest& r, const std::vector<std::string>& path) {
  auto& store = runtime_.store();
  SL_TRY(caller, agent::caller_of(r, store));
  SL_TRY(session, store.session(path[2]));
  if (!caller.sees(session.user, session.id))
    return fail(Code::NotFound, fmt::format("session \"{}\" not found", path[2]));
  bool owner = session.user == caller.user;
  if (path.size() >= 4 && path.size() <= 5 && path[3] == "shares") {
    if (!owner) return fail(Code::PermissionDenied, "only whose session it is may share it");
    return shares(r, path, session);
  }
  if (path.size() == 4 && path[3] == "tasks" && r.method == "GET") {
    SL_TRY(version, a2a::parse_version(r.header("a2a-version")));
    SL_TRY(rows, store.tasks_of(path[2]));
    Array list;
    for (auto& row : rows) {
      SL_TRY(task, runtime_.task_json(row.id));  // with what it asks, if it waits
      list.push_back(version == a2a::Version::V10 ? *json::find(a2a::to_v1(task), "task") : std::move(task));
    }
    return Answer{200, envelope(std::move(list), "Successfully retrieved tasks")};
  }
  if (path.size() != 3) return fail(Code::NotFound, fmt::format("{} is not served", r.path));
  if (r.method == "GET") {
    SL_TRY(query, message_query(r));
    SL_TRY(messages, store.messages_of_session(path[2], query));
    Array events;
    for (auto& m : messages)
      events.push_back(Object{{"id", m.id},
                              {"session_id", path[2]},
                              {"created_at", rfc3339(m.at_us / 1000, true)},
                              {"data", json::dump(agent::adk_event(m, session.agent))}});
    Object data{{"session", session_json(session)}, {"events", std::move(events)}};
    if (!owner) data["read_only"] = caller.share->read_only;
    return Answer{200, envelope(std::move(data), "Successfully retrieved session")};
  }
  if (!caller.writes(session.user, session.id) || (r.method == "DELETE" && !owner))
    return fail(Code::PermissionDenied, "the session is shared, not given: only whose it is may do that");
  return change_session(r, std::move(session));
}

Result<HttpApi::Answer> HttpApi::change_session(const net::HttpRequest& r, agent::Session session) {
  auto& store = runtime_.store();
  if (r.method == "PUT" || r.method == "PATCH") {
    SL_TRY(body, json::parse(r.body));
    if (auto ref = json::str(body, "agent_ref"); !ref.empty() && agent_key(ref, runtime_) != session.agent)
      return fail(Code::InvalidArgument,
                  fmt::format("agent_ref: a session stays with its agent, {}; make another session", session.agent));
    if (auto* name = json::find(body, "name")) {
      if (!name->is_string()) return fail(Code::InvalidArgument, "name must be a string");
      session.name = json::view(name->get_string());
      SL_CHECK(store.rename_session(session.id, session.name));
    }
    return Answer{200, envelope(session_json(session), "Successfully updated session")};
  }
  if (r.method == "DELETE") {
    SL_TRY(rows, store.tasks_of(session.id));
    for (auto& row : rows)
      if (!agent::is_final(row.state)) (void)runtime_.cancel(row.id);
    SL_CHECK(store.delete_session(session.id));
    return Answer{200, envelope(nullptr, "Successfully deleted session")};
  }
  return fail(Code::MethodNotAllowed, "a session takes GET, PATCH and DELETE");
}

// Links to the session: whoever sends the token of one as X-Share-Token may read it or, if it says so, talk in it.
Result<HttpApi::Answer> HttpApi::shares(const net::HttpRequest& r, const std::vector<std::string>& path,
                                        const agent::Session& session) {
  auto& store = runtime_.store();
  auto item = [](const agent::Share& s) {
    return Object{{"token", s.token},
                  {"session_id", s.session},
                  {"user_id", s.user},
                  {"read_only", s.read_only},
                  {"created_at", rfc3339(s.created_us / 1000, true)}};
  };
  if (path.size() == 5 && r.method == "DELETE") {
    SL_CHECK(store.remove_share(session.id, path[4]));
    return Answer{200, envelope(Object{}, "Successfully removed share")};
  }
  if (path.size() == 4 && r.method == "GET") {
    SL_TRY(all, store.shares_of(session.id));
    Array list;
    for (auto& s : all) list.push_back(item(s));
    return Answer{200, envelope(std::move(list), "Successfully listed shares")};
  }
  if (path.size() != 4 || r.method != "POST")
    return fail(Code::MethodNotAllowed, "shares take GET and POST, one of them DELETE");
  agent::Share made{random_hex(24), session.id, session.user, true, unix_us()};
  if (!r.body.empty()) {
    SL_TRY(body, json::parse(r.body));
    auto* read_only = json::find(body, "read_only");
    if (read_only && !read_only->is_bool()) return fail(Code::InvalidArgument, "read_only must be true or false");
    if (read_only) made.read_only = read_only->get_bool();
  }
  SL_CHECK(store.add_share(made));
  return Answer{201, envelope(item(made), "Successfully created share")};
}

Result<HttpApi::Answer> HttpApi::tasks(const net::HttpRequest& r, const std::vector<std::string>& path) {
  if (path.size() != 3 || (r.method != "GET" && r.method != "DELETE"))
    return fail(Code::MethodNotAllowed, "/api/tasks/ID takes GET and DELETE; tasks are made through A2A");
  SL_TRY(caller, agent::caller_of(r, runtime_.store()));
  SL_TRY(row, runtime_.store().task(path[2]));
  if (!caller.sees(row.user, row.session)) return fail(Code::NotFound, fmt::format("task \"{}\" not found", path[2]));
  if (r.method == "DELETE") {
    if (row.user != caller.user) return fail(Code::PermissionDenied, "only whose task it is may delete it");
    if (!agent::is_final(row.state)) (void)runtime_.cancel(row.id);
    SL_CHECK(runtime_.store().delete_task(row.id));
    return Answer{200, envelope(nullptr, "Successfully deleted task")};
  }
  SL_TRY(task, runtime_.task_json(path[2]));
  return Answer{200, envelope(std::move(task), "Successfully retrieved task")};
}

Result<HttpApi::Answer> HttpApi::records(const net::HttpRequest& r, const std::vector<std::string>& path) {
  flush_();
  recorder_.flush();
  if (path[1] == "traces") {
    if (path.size() != 3) return fail(Code::NotFound, "traces are read with GET /api/traces/ID");
    SL_TRY(found, ledger_.trace_of(path[2]));
    return Answer{200, envelope(std::move(found), "")};
  }
  observe::LedgerQuery q;
  q.agent = r.query_value("agent");
  q.session = r.query_value("session");
  q.turn = r.query_value("turn");
  q.trace = r.query_value("trace");
  q.since_us = parse_int(r.query_value("since_us")).value_or(0);
  q.after_id = parse_int(r.query_value("after")).value_or(0);
  q.limit = std::min<uint64_t>(10'000, parse_uint(r.query_value("limit")).value_or(1000));
  SL_TRY(found, ledger_.find(q));
  std::string said;
  if (auto n = recorder_.metrics().ledger_skipped())
    said = fmt::format("of plain requests above 100 a second, {} since the start are in the access log only", n);
  return Answer{200, envelope(std::move(found), said)};
}

// RFC 9110 12.5.3; who says nothing of gzip gets the files as they are.
static bool takes_gzip(std::string_view accepted) {
  for (auto one : split(accepted, ',')) {
    auto parts = split(one, ';');
    auto coding = trim(parts[0]);
    if (!iequals(coding, "gzip") && coding != "*") continue;
    std::string_view weight = parts.size() > 1 ? trim(parts[1]) : "q=1";
    return !weight.starts_with("q=") || weight.substr(2).find_first_not_of("0.") != std::string_view::npos;
  }
  return false;
}

void HttpApi::asset(const net::HttpRequest& r, const net::HttpResponderPtr& out) {
  const Asset *found = nullptr, *index = nullptr;
  for (auto& a : assets()) {
    if (a.path == r.path) found = &a;
    if (a.path == "/index.html") index = &a;
  }
  if (!found && r.path.find('.') == std::string::npos) found = index;  // a path of the page's own router
  if (!found || (r.method != "GET" && r.method != "HEAD"))
    return out->respond(found ? 405 : 404, Headers{{"Content-Type", "text/plain"}}, "not found\n");
  bool gzip = takes_gzip(r.header("accept-encoding"));
  std::string etag = fmt::format("\"{}{}\"", found->etag, gzip ? "-gzip" : "");
  Headers headers{{"Content-Type", std::string(found->type)}, {"ETag", etag},
                  {"Content-Security-Policy", kPolicy},       {"X-Content-Type-Options", "nosniff"},
                  {"Referrer-Policy", "no-referrer"},         {"Vary", "Accept-Encoding"}};
  if (gzip) headers.emplace_back("Content-Encoding", "gzip");
  bool hashed = found->path.starts_with("/assets/");
  headers.emplace_back("Cache-Control", hashed ? "public, max-age=31536000, immutable" : "no-cache");
  if (r.header("if-none-match") == etag) return out->respond(304, std::move(headers), "");
  out->respond(200, std::move(headers), std::string(gzip ? found->gzip : found->plain));
}

}  // namespace sl::up
