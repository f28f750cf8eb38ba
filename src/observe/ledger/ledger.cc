#include "observe/ledger/ledger.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace sl::observe {

static constexpr int64_t kTrimEvery = 10'000;
static constexpr int64_t kTrimAgain = 1'000;

Result<void> Ledger::open(const std::string& path) {
  std::lock_guard lock(mutex_);
  SL_CHECK(db_.open(path, false));
  SL_CHECK(
      db_.exec("CREATE TABLE IF NOT EXISTS records(id INTEGER PRIMARY KEY AUTOINCREMENT, start_us INTEGER NOT NULL, "
               "trace TEXT NOT NULL,"
               " agent TEXT NOT NULL, session TEXT NOT NULL, turn TEXT NOT NULL, data TEXT NOT NULL);"
               "CREATE INDEX IF NOT EXISTS records_trace ON records(trace);"
               "CREATE INDEX IF NOT EXISTS records_session ON records(session) WHERE session <> '';"
               "CREATE INDEX IF NOT EXISTS records_turn ON records(turn) WHERE turn <> '';"
               "CREATE INDEX IF NOT EXISTS records_agent ON records(agent) WHERE agent <> '';"));
  SL_TRY(insert, db_.prepare("INSERT INTO records(start_us, trace, agent, session, turn, data) VALUES(?,?,?,?,?,?)"));
  insert_ = std::move(insert);
  since_trim_ = kTrimEvery;  // however short the runs are
  return {};
}

Result<void> Ledger::add(const std::vector<const Record*>& records) {
  std::lock_guard lock(mutex_);
  SL_CHECK(db_.transaction([&]() -> Result<void> {
    for (const Record* r : records) {
      std::string data = json::dump(to_json(*r));
      insert_.bind(1, r->start_unix_us)
          .bind(2, r->trace_id)
          .bind(3, r->agent)
          .bind(4, r->session)
          .bind(5, r->turn)
          .bind(6, data);
      SL_CHECK(insert_.run());
    }
    return {};
  }));
  since_trim_ += static_cast<int64_t>(records.size());
  return {};
}

Result<bool> Ledger::trim() {
  std::lock_guard lock(mutex_);
  if (since_trim_ < kTrimEvery) return false;
  auto done = db_.exec(fmt::format("DELETE FROM records WHERE id <= (SELECT MAX(id) FROM records) - {}", kRowsMax));
  since_trim_ = done ? 0 : kTrimEvery - kTrimAgain;
  if (!done) return fail(std::move(done).error());
  return true;
}

Result<json::Array> Ledger::rows(sqlite::Statement& s) {
  json::Array out;
  for (;;) {
    SL_TRY(row, s.step());
    if (!row) break;
    auto parsed = json::parse(s.text(1));
    if (!parsed || !parsed->is_object()) continue;  // one bad row must not hide the others
    json::Value value = std::move(*parsed);
    json::Object with_id{{"id", s.integer(0)}};
    for (auto& [key, v] : value.get_object()) with_id[key] = v;
    out.push_back(std::move(with_id));
  }
  return out;
}

Result<json::Array> Ledger::find(const LedgerQuery& q) {
  std::lock_guard lock(mutex_);
  std::string where = "start_us >= ?1 AND id > ?2";
  // Said again for the partial indexes, which SQLite would not use otherwise.
  if (!q.agent.empty()) where += " AND agent = ?3 AND agent <> ''";
  if (!q.session.empty()) where += " AND session = ?4 AND session <> ''";
  if (!q.turn.empty()) where += " AND turn = ?5 AND turn <> ''";
  if (!q.trace.empty()) where += " AND trace = ?6";
  // The newest, or what follows after_id; oldest first either way.
  SL_TRY(s,
         db_.prepare(fmt::format("SELECT id, data FROM (SELECT id, data FROM records WHERE {} ORDER BY id {} LIMIT {}) "
                                 "ORDER BY id",
                                 where, q.after_id > 0 ? "ASC" : "DESC", std::min<size_t>(q.limit, INT32_MAX))));
  s.bind(1, q.since_us).bind(2, q.after_id);
  if (!q.agent.empty()) s.bind(3, q.agent);
  if (!q.session.empty()) s.bind(4, q.session);
  if (!q.turn.empty()) s.bind(5, q.turn);
  if (!q.trace.empty()) s.bind(6, q.trace);
  return rows(s);
}

// The traces that `id` names: as a record, a trace or the beginning of one, a turn, or a session with all its turns.
Result<std::vector<std::string>> Ledger::traces_of(const std::string& id) {
  std::vector<std::string> out;
  auto ask = [&](const char* sql, auto value) -> Result<void> {
    if (!out.empty()) return {};
    SL_TRY(s, db_.prepare(sql));
    s.bind(1, value);
    for (;;) {
      SL_TRY(row, s.step());
      if (!row) return {};
      out.emplace_back(s.text(0));
    }
  };
  if (auto n = parse_uint(id); n && id.size() < 16)
    SL_CHECK(ask("SELECT trace FROM records WHERE id = ?", static_cast<int64_t>(*n)));
  SL_CHECK(ask("SELECT trace FROM records WHERE trace = ? LIMIT 1", id));
  SL_CHECK(ask("SELECT trace FROM records WHERE turn = ?1 AND turn <> '' GROUP BY trace ORDER BY min(start_us)", id));
  SL_CHECK(
      ask("SELECT trace FROM records WHERE session = ?1 AND session <> '' GROUP BY trace ORDER BY min(start_us)", id));
  if (id.size() < 32 && id.size() >= 6)
    SL_CHECK(ask("SELECT trace FROM records WHERE trace >= ?1 AND trace < ?1 || 'g' ORDER BY id DESC LIMIT 1", id));
  return out;
}

Result<json::Array> Ledger::trace_of(const std::string& id) {
  std::lock_guard lock(mutex_);
  SL_TRY(traces, traces_of(id));
  json::Array out;
  for (auto& trace : traces) {
    SL_TRY(s, db_.prepare("SELECT id, data FROM records WHERE trace = ? ORDER BY start_us, id"));
    s.bind(1, trace);
    SL_TRY(found, rows(s));
    for (auto& r : found) out.push_back(std::move(r));
  }
  if (out.empty())
    return fail(Code::NotFound,
                fmt::format("no record, trace, turn or session \"{}\"; `sightline traffic` lists what there is", id));
  return out;
}

}  // namespace sl::observe
