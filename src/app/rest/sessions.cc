#include "app/rest/sessions.h"

#include <fmt/format.h>

#include "a2a/wire/wire.h"
#include "agent/runtime/view.h"
#include "app/rest/queries.h"
#include "app/rest/resources.h"
#include "base/ids.h"
#include "base/strings.h"

namespace sl::rest {

using json::Array;
using json::Object;
using json::Value;

namespace {

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

}  // namespace

Result<Answer> Sessions::sessions(const net::HttpRequest& r, const Path& path) {
  bool of_agent = path.size() == 5 && path[2] == "agent";
  if (r.method == "GET" && (path.size() == 2 || of_agent)) return list(r, of_agent ? path[3] + "/" + path[4] : "");
  if (r.method == "POST" && path.size() == 2) return create(r);
  if (path.size() >= 3) return one(r, path);
  return fail(Code::MethodNotAllowed, "sessions take GET and POST");
}

Result<Answer> Sessions::list(const net::HttpRequest& r, const std::string& agent) {
  SL_TRY(query, session_query(r));
  query.agent = agent;
  query.user = agent::user_of(r);
  size_t limit = query.limit++;  // whether there are more
  SL_TRY(rows, runtime_.store().sessions(query));
  std::string said = "Successfully listed sessions";
  if (rows.size() > limit) {
    rows.pop_back();
    said = fmt::format("{} sessions; older ones with before={}-{}", limit, rows.back().updated_us, rows.back().id);
  }
  Array list;
  for (auto& s : rows)
    if (agent.empty() || s.source != "agent") list.push_back(session_json(s));
  return Answer{200, envelope(std::move(list), said)};
}

Result<Answer> Sessions::create(const net::HttpRequest& r) {
  auto& store = runtime_.store();
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

Result<Answer> Sessions::one(const net::HttpRequest& r, const Path& path) {
  SL_TRY(caller, agent::caller_of(r, runtime_.store()));
  SL_TRY(session, runtime_.store().session(path[2]));
  if (!caller.sees(session.user, session.id))
    return fail(Code::NotFound, fmt::format("session \"{}\" not found", path[2]));
  bool owner = session.user == caller.user;
  if (path.size() >= 4 && path.size() <= 5 && path[3] == "shares") {
    if (!owner) return fail(Code::PermissionDenied, "only whose session it is may share it");
    return shares(r, path, session);
  }
  if (path.size() == 4 && path[3] == "tasks" && r.method == "GET") return tasks_of(r, session);
  if (path.size() != 3) return fail(Code::NotFound, fmt::format("{} is not served", r.path));
  if (r.method == "GET") return events_of(r, session, caller);
  if (!caller.writes(session.user, session.id) || (r.method == "DELETE" && !owner))
    return fail(Code::PermissionDenied, "the session is shared, not given: only whose it is may do that");
  return change(r, std::move(session));
}

Result<Answer> Sessions::tasks_of(const net::HttpRequest& r, const agent::Session& session) {
  SL_TRY(version, a2a::parse_version(r.header("a2a-version")));
  SL_TRY(rows, runtime_.store().tasks_of(session.id));
  Array list;
  for (auto& row : rows) {
    SL_TRY(task, runtime_.task_json(row.id));  // with what it asks, if it waits
    list.push_back(version == a2a::Version::V10 ? *json::find(a2a::to_v1(task), "task") : std::move(task));
  }
  return Answer{200, envelope(std::move(list), "Successfully retrieved tasks")};
}

Result<Answer> Sessions::events_of(const net::HttpRequest& r, const agent::Session& session,
                                   const agent::Caller& caller) {
  SL_TRY(query, message_query(r));
  SL_TRY(messages, runtime_.store().messages_of_session(session.id, query));
  Array events;
  for (auto& m : messages)
    events.push_back(Object{{"id", m.id},
                            {"session_id", session.id},
                            {"created_at", rfc3339(m.at_us / 1000, true)},
                            {"data", json::dump(agent::adk_event(m, session.agent))}});
  Object data{{"session", session_json(session)}, {"events", std::move(events)}};
  if (session.user != caller.user) data["read_only"] = caller.share->read_only;
  return Answer{200, envelope(std::move(data), "Successfully retrieved session")};
}

Result<Answer> Sessions::change(const net::HttpRequest& r, agent::Session session) {
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
Result<Answer> Sessions::shares(const net::HttpRequest& r, const Path& path, const agent::Session& session) {
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
    a2a_.share_removed(path[4]);
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

Result<Answer> Sessions::tasks(const net::HttpRequest& r, const Path& path) {
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
  SL_TRY(version, a2a::parse_version(r.header("a2a-version")));
  SL_TRY(task, runtime_.task_json(path[2]));
  if (version == a2a::Version::V10) task = *json::find(a2a::to_v1(task), "task");
  return Answer{200, envelope(std::move(task), "Successfully retrieved task")};
}

}  // namespace sl::rest
