// Ledger: the queryable store of records behind `sightline traffic`, `sightline explain` and the page's trails.
//
// Who calls: observe/pipeline writes, app's HTTP API reads. Thread: any; one mutex. Limits: kRowsMax records, the
// oldest go first. The file is SQLite in WAL mode, written in batches; a crash loses at most the last batch of traffic
// records, never agent state.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "observe/record/record.h"
#include "sqlite/sqlite.h"

namespace sl::observe {

inline constexpr int64_t kRowsMax = 200'000;

struct LedgerQuery {
  std::string agent, session, turn, trace;
  int64_t since_us = 0;
  int64_t after_id = 0;
  size_t limit = 1000;
};

class Ledger {
 public:
  Result<void> open(const std::string& path);
  void checkpoint() { db_.checkpoint(); }  // when nothing else uses it any more
  Result<void> add(const std::vector<const Record*>& records);
  // To be called after add: the oldest above kRowsMax go, once in 10,000 records. What cannot go is tried again with
  // the 1,000th record after it. Says whether it was time.
  Result<bool> trim();
  // Newest `limit` that fit, oldest first; each with its "id".
  Result<json::Array> find(const LedgerQuery& query);
  // By record id, trace id or a prefix of at least 6 digits of one, turn (task) or session: every record of that trace,
  // or of each of them, the earliest first.
  Result<json::Array> trace_of(const std::string& id);

 private:
  Result<json::Array> rows(sqlite::Statement& statement);
  Result<std::vector<std::string>> traces_of(const std::string& id);  // under the mutex

  std::mutex mutex_;
  sqlite::Database db_;
  sqlite::Statement insert_;
  int64_t since_trim_ = 0;
};

}  // namespace sl::observe
