#include "agent/sessions/store.h"

#include <fmt/format.h>

#include "base/ids.h"

namespace sl::agent {

static constexpr size_t kMessageMax = 64u << 20;  // what was stored can be read: above all that is let in

bool is_final(std::string_view state) {
  return state == kCompleted || state == kFailed || state == kCanceled;
}

Result<void> SessionStore::open(const std::string& path) {
  SL_CHECK(db_.open(path));
  return db_.exec(
      "CREATE TABLE IF NOT EXISTS sessions(id TEXT PRIMARY KEY, agent TEXT NOT NULL, user TEXT NOT NULL, name TEXT NOT "
      "NULL,"
      " source TEXT NOT NULL, created_us INTEGER NOT NULL, updated_us INTEGER NOT NULL);"
      "CREATE INDEX IF NOT EXISTS sessions_agent ON sessions(agent, updated_us);"
      "CREATE TABLE IF NOT EXISTS tasks(id TEXT PRIMARY KEY, session TEXT NOT NULL, agent TEXT NOT NULL, user TEXT NOT "
      "NULL,"
      " state TEXT NOT NULL, detail TEXT NOT NULL, trace TEXT NOT NULL, span TEXT NOT NULL, parent TEXT NOT NULL,"
      " streaming INTEGER NOT NULL, created_us INTEGER NOT NULL, updated_us INTEGER NOT NULL);"
      "CREATE INDEX IF NOT EXISTS tasks_session ON tasks(session, created_us);"
      "CREATE INDEX IF NOT EXISTS tasks_agent ON tasks(agent, updated_us DESC);"
      "CREATE INDEX IF NOT EXISTS tasks_state ON tasks(state) WHERE state IN ('submitted','working');"
      "CREATE TABLE IF NOT EXISTS messages(seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, task TEXT NOT NULL,"
      " session TEXT NOT NULL, at_us INTEGER NOT NULL, message TEXT NOT NULL, usage TEXT NOT NULL);"
      "CREATE INDEX IF NOT EXISTS messages_session ON messages(session, seq);"
      "CREATE INDEX IF NOT EXISTS messages_task ON messages(task, seq);"
      "CREATE TABLE IF NOT EXISTS shares(token TEXT PRIMARY KEY, session TEXT NOT NULL, user TEXT NOT NULL,"
      " read_only INTEGER NOT NULL, created_us INTEGER NOT NULL);"
      "CREATE INDEX IF NOT EXISTS shares_session ON shares(session);"
      "CREATE TABLE IF NOT EXISTS turns(task TEXT PRIMARY KEY, start_us INTEGER NOT NULL);");  // but the first
}

Result<void> SessionStore::begin_turn(const TaskRow& task, int64_t start_us) {
  return db_.transaction([&]() -> Result<void> {
    SL_TRY(s, db_.prepare("UPDATE tasks SET span = ?, parent = ? WHERE id = ?"));
    SL_CHECK(s.bind(1, task.span_id).bind(2, task.parent_span_id).bind(3, task.id).run());
    SL_TRY(t, db_.prepare("INSERT OR REPLACE INTO turns VALUES(?,?)"));
    return t.bind(1, task.id).bind(2, start_us).run();
  });
}

Result<int64_t> SessionStore::turn_start(const TaskRow& task) {
  SL_TRY(s, db_.prepare("SELECT start_us FROM turns WHERE task = ?"));
  SL_TRY(row, s.bind(1, task.id).step());
  return row ? s.integer(0) : task.created_us;
}

Result<void> SessionStore::insert_message(const LogMessage& m, const std::string& session) {
  SL_TRY(s, db_.prepare("INSERT INTO messages(id, task, session, at_us, message, usage) VALUES(?,?,?,?,?,?)"));
  std::string message = json::dump(m.message), usage = json::dump(m.usage);
  return s.bind(1, m.id).bind(2, m.task).bind(3, session).bind(4, m.at_us).bind(5, message).bind(6, usage).run();
}

Result<void> SessionStore::create_session(const Session& n) {
  SL_TRY(s, db_.prepare("INSERT OR IGNORE INTO sessions VALUES(?,?,?,?,?,?,?)"));
  return s.bind(1, n.id)
      .bind(2, n.agent)
      .bind(3, n.user)
      .bind(4, n.name)
      .bind(5, n.source)
      .bind(6, n.created_us)
      .bind(7, n.updated_us)
      .run();
}

Result<void> SessionStore::begin_task(const Session& session, const TaskRow& t, const LogMessage& first) {
  return db_.transaction([&]() -> Result<void> {
    SL_CHECK(create_session(session));
    SL_TRY(touch, db_.prepare("UPDATE sessions SET updated_us = ? WHERE id = ?"));
    SL_CHECK(touch.bind(1, t.created_us).bind(2, t.session).run());
    SL_TRY(s, db_.prepare("INSERT INTO tasks VALUES(?,?,?,?,?,?,?,?,?,?,?,?)"));
    s.bind(1, t.id)
        .bind(2, t.session)
        .bind(3, t.agent)
        .bind(4, t.user)
        .bind(5, t.state)
        .bind(6, t.detail)
        .bind(7, t.trace_id);
    s.bind(8, t.span_id)
        .bind(9, t.parent_span_id)
        .bind(10, int64_t{t.streaming})
        .bind(11, t.created_us)
        .bind(12, t.updated_us);
    SL_CHECK(s.run());
    return insert_message(first, t.session);
  });
}

Result<void> SessionStore::advance(const std::string& task_id, const std::vector<LogMessage>& messages,
                                   std::string_view state, std::string_view detail) {
  return db_.transaction([&]() -> Result<void> {
    SL_TRY(row, task(task_id));
    if (is_final(row.state)) return fail(Code::Conflict, fmt::format("task {} is already {}", task_id, row.state));
    for (auto& m : messages) SL_CHECK(insert_message(m, row.session));
    SL_TRY(s, db_.prepare("UPDATE tasks SET state = ?, detail = ?, updated_us = ? WHERE id = ?"));
    return s.bind(1, state).bind(2, detail).bind(3, unix_us()).bind(4, task_id).run();
  });
}

Result<void> SessionStore::end(const std::string& task, std::vector<LogMessage> messages, std::string_view state,
                               std::string_view detail) {
  auto stored = advance(task, messages, state, detail);
  if (!stored && stored.error().code == Code::Io)
    unsaved_[task] = {std::move(messages), std::string(state), std::string(detail)};
  return stored;
}

Result<void> SessionStore::save_ends() {
  while (!unsaved_.empty()) {
    auto node = unsaved_.extract(unsaved_.begin());
    auto& end = node.mapped();
    auto stored = advance(node.key(), end.messages, end.state, end.detail);
    if (stored || stored.error().code != Code::Io) continue;
    unsaved_.insert(std::move(node));
    return stored;
  }
  return {};
}

Result<std::vector<TaskRow>> SessionStore::read_tasks(sqlite::Statement& s) {
  std::vector<TaskRow> out;
  for (;;) {
    SL_TRY(row, s.step());
    if (!row) return out;
    TaskRow t;
    std::string* text[] = {&t.id,     &t.session,  &t.agent,   &t.user,          &t.state,
                           &t.detail, &t.trace_id, &t.span_id, &t.parent_span_id};
    for (int i = 0; i < 9; ++i) *text[i] = s.text(i);
    t.streaming = s.integer(9) != 0;
    t.created_us = s.integer(10);
    t.updated_us = s.integer(11);
    if (auto it = unsaved_.find(t.id); it != unsaved_.end()) {
      t.state = it->second.state;
      t.detail = it->second.detail;
    }
    out.push_back(std::move(t));
  }
}

Result<TaskRow> SessionStore::task(const std::string& id) {
  SL_TRY(s, db_.prepare("SELECT * FROM tasks WHERE id = ?"));
  s.bind(1, id);
  SL_TRY(rows, read_tasks(s));
  if (rows.empty()) return fail(Code::NotFound, fmt::format("task \"{}\" not found", id));
  return rows[0];
}

Result<std::vector<TaskRow>> SessionStore::tasks_of(const std::string& session) {
  SL_TRY(s, db_.prepare("SELECT * FROM tasks WHERE session = ? ORDER BY created_us"));
  s.bind(1, session);
  return read_tasks(s);
}

Result<std::vector<TaskRow>> SessionStore::find_tasks(const TaskQuery& q, size_t* total) {
  std::string where = " FROM tasks WHERE updated_us > ?5";
  if (!q.agent.empty()) where += " AND agent = ?1";  // each only if asked: so its index serves
  if (!q.session.empty()) where += " AND session = ?2";
  if (!q.state.empty()) where += " AND state = ?3";
  if (!q.user.empty()) where += " AND user = ?4";
  auto bind = [&q](sqlite::Statement& s) {
    if (!q.agent.empty()) s.bind(1, q.agent);
    if (!q.session.empty()) s.bind(2, q.session);
    if (!q.state.empty()) s.bind(3, q.state);
    if (!q.user.empty()) s.bind(4, q.user);
    s.bind(5, q.changed_after_us);
  };
  SL_TRY(count, db_.prepare("SELECT count(*)" + where));
  bind(count);
  SL_CHECK(count.step());
  *total = static_cast<size_t>(count.integer(0));
  SL_TRY(s,
         db_.prepare("SELECT *" + where +
                     " AND (?6 = 0 OR updated_us < ?6 OR (updated_us = ?6 AND id > ?7)) ORDER BY updated_us DESC, id "
                     "LIMIT ?8"));
  bind(s);
  s.bind(6, q.before_us).bind(7, q.after_id).bind(8, static_cast<int64_t>(q.limit));
  return read_tasks(s);
}

Result<std::vector<TaskRow>> SessionStore::unfinished() {
  SL_TRY(s, db_.prepare("SELECT * FROM tasks WHERE state IN ('submitted','working') ORDER BY created_us"));
  return read_tasks(s);
}

Result<std::vector<LogMessage>> SessionStore::read_messages(sqlite::Statement& s) {
  std::vector<LogMessage> out;
  for (;;) {
    SL_TRY(row, s.step());
    if (!row) return out;
    LogMessage m;
    m.seq = s.integer(0);
    m.id = s.text(1);
    m.task = s.text(2);
    m.at_us = s.integer(3);
    SL_TRY(message, json::parse(s.text(4), {.bytes_max = kMessageMax}));
    SL_TRY(usage, json::parse(s.text(5)));
    m.message = std::move(message);
    m.usage = std::move(usage);
    out.push_back(std::move(m));
  }
}

Result<std::vector<LogMessage>> SessionStore::messages_of_task(const std::string& task) {
  SL_TRY(s, db_.prepare("SELECT seq, id, task, at_us, message, usage FROM messages WHERE task = ? ORDER BY seq"));
  s.bind(1, task);
  return read_messages(s);
}

Result<std::vector<LogMessage>> SessionStore::messages_of_session(const std::string& session, const MessageQuery& q) {
  SL_TRY(s, db_.prepare(fmt::format("SELECT seq, id, task, at_us, message, usage FROM messages WHERE session = ? AND "
                                    "at_us > ? ORDER BY seq {} LIMIT ?",
                                    q.newest_first ? "DESC" : "ASC")));
  s.bind(1, session).bind(2, q.after_us).bind(3, q.limit);
  return read_messages(s);
}

Result<void> SessionStore::delete_task(const std::string& id) {
  return db_.transaction([&]() -> Result<void> {
    for (auto sql : {"DELETE FROM turns WHERE task = ?", "DELETE FROM messages WHERE task = ?",
                     "DELETE FROM tasks WHERE id = ?"}) {
      SL_TRY(s, db_.prepare(sql));
      SL_CHECK(s.bind(1, id).run());
    }
    return {};
  });
}

static Session read_session(const sqlite::Statement& s) {
  return {std::string(s.text(0)),
          std::string(s.text(1)),
          std::string(s.text(2)),
          std::string(s.text(3)),
          std::string(s.text(4)),
          s.integer(5),
          s.integer(6)};
}

Result<Session> SessionStore::session(const std::string& id) {
  SL_TRY(s, db_.prepare("SELECT * FROM sessions WHERE id = ?"));
  SL_TRY(row, s.bind(1, id).step());
  if (!row) return fail(Code::NotFound, fmt::format("session \"{}\" not found", id));
  return read_session(s);
}

Result<std::vector<Session>> SessionStore::sessions(const SessionQuery& q) {
  SL_TRY(s,
         db_.prepare("SELECT * FROM sessions WHERE (?1 = '' OR agent = ?1) AND (?2 = '' OR user = ?2) AND (?3 = 0 OR "
                     "updated_us < ?3 OR (updated_us = ?3 AND id > ?4)) ORDER BY updated_us DESC, id LIMIT ?5"));
  s.bind(1, q.agent).bind(2, q.user).bind(3, q.before_us).bind(4, q.after_id).bind(5, static_cast<int64_t>(q.limit));
  std::vector<Session> out;
  for (;;) {
    SL_TRY(row, s.step());
    if (!row) return out;
    out.push_back(read_session(s));
  }
}

Result<void> SessionStore::rename_session(const std::string& id, const std::string& name) {
  SL_TRY(s, db_.prepare("UPDATE sessions SET name = ? WHERE id = ?"));
  return s.bind(1, name).bind(2, id).run();
}

Result<void> SessionStore::delete_session(const std::string& id) {
  return db_.transaction([&]() -> Result<void> {
    for (auto sql : {"DELETE FROM turns WHERE task IN (SELECT id FROM tasks WHERE session = ?)",
                     "DELETE FROM messages WHERE session = ?", "DELETE FROM tasks WHERE session = ?",
                     "DELETE FROM shares WHERE session = ?", "DELETE FROM sessions WHERE id = ?"}) {
      SL_TRY(s, db_.prepare(sql));
      SL_CHECK(s.bind(1, id).run());
    }
    return {};
  });
}

Result<void> SessionStore::add_share(const Share& n) {
  SL_TRY(known, shares_of(n.session));
  if (known.size() >= kSharesMax)
    return fail(Code::TooLarge, fmt::format("a session has at most {} shares: remove one", kSharesMax));
  SL_TRY(s, db_.prepare("INSERT INTO shares VALUES(?,?,?,?,?)"));
  return s.bind(1, n.token)
      .bind(2, n.session)
      .bind(3, n.user)
      .bind(4, int64_t{n.read_only})
      .bind(5, n.created_us)
      .run();
}

static Share read_share(const sqlite::Statement& s) {
  return {std::string(s.text(0)), std::string(s.text(1)), std::string(s.text(2)), s.integer(3) != 0, s.integer(4)};
}

Result<Share> SessionStore::share(const std::string& token) {
  SL_TRY(s, db_.prepare("SELECT * FROM shares WHERE token = ?"));
  SL_TRY(row, s.bind(1, token).step());
  if (!row) return fail(Code::NotFound, "there is no such share");
  return read_share(s);
}

Result<std::vector<Share>> SessionStore::shares_of(const std::string& session) {
  SL_TRY(s, db_.prepare("SELECT * FROM shares WHERE session = ? ORDER BY created_us, token"));
  s.bind(1, session);
  std::vector<Share> out;
  for (;;) {
    SL_TRY(row, s.step());
    if (!row) return out;
    out.push_back(read_share(s));
  }
}

Result<void> SessionStore::remove_share(const std::string& session, const std::string& token) {
  SL_TRY(known, share(token));
  if (known.session != session) return fail(Code::NotFound, "there is no such share");
  SL_TRY(s, db_.prepare("DELETE FROM shares WHERE token = ?"));
  return s.bind(1, token).run();
}

}  // namespace sl::agent
