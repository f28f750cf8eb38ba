// The one wrapper over SQLite: prepared statements whose errors are values.
// Who calls: kube/store, agent/sessions, observe/ledger. Thread: a Database belongs to one thread at a time
// (its owner locks). Journal WAL; synchronous FULL unless the owner asks for less (a committed transaction survives
// kill -9 and power loss; without it, kill -9 only).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace sl::sqlite {

class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* s) : stmt_(s) {}
  Statement(Statement&& o) noexcept : stmt_(std::exchange(o.stmt_, nullptr)) {}
  Statement& operator=(Statement&& o) noexcept {
    std::swap(stmt_, o.stmt_);
    return *this;
  }
  ~Statement();

  Statement& bind(int index, std::string_view text);  // 1-based; kept until reset
  Statement& bind(int index, int64_t value);
  Statement& bind_null(int index);
  // True while there is a row. Always call reset() after the last row.
  Result<bool> step();
  // Runs to the end and resets.
  Result<void> run();
  void reset();
  std::string_view text(int column) const;  // lives until the next step
  int64_t integer(int column) const;
  bool is_null(int column) const;

 private:
  sqlite3_stmt* stmt_ = nullptr;
};

class Database {
 public:
  Database() = default;
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Result<void> open(const std::string& path, bool full_sync = true);
  // Brings everything into the database file itself and empties the write-ahead log: a copy of the file is then whole.
  void checkpoint();
  Result<void> exec(const std::string& sql);
  Result<Statement> prepare(std::string_view sql);
  // BEGIN IMMEDIATE .. COMMIT around fn; rolls back when fn fails.
  Result<void> transaction(const std::function<Result<void>()>& fn);
  int64_t last_insert_id() const;

 private:
  sqlite3* db_ = nullptr;
};

}  // namespace sl::sqlite
