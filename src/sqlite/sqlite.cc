#include "sqlite/sqlite.h"

#include <fmt/format.h>
#include <sqlite3.h>

namespace sl::sqlite {
namespace {

Error error_of(sqlite3* db, int rc, std::string_view what) {
  std::string text = db ? sqlite3_errmsg(db) : sqlite3_errstr(rc);
  const char* file = db ? sqlite3_db_filename(db, "main") : nullptr;
  if (file && *file) text = fmt::format("{} ({})", text, file);
  if (rc == SQLITE_FULL) text = "the disk is full; free space and try again";
  return {Code::Io, fmt::format("{}: {}", what, text), {}};
}

}  // namespace

Statement::~Statement() {
  sqlite3_finalize(stmt_);
}

Statement& Statement::bind(int index, std::string_view text) {
  sqlite3_bind_text64(stmt_, index, text.data() ? text.data() : "", text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}
Statement& Statement::bind(int index, int64_t value) {
  sqlite3_bind_int64(stmt_, index, value);
  return *this;
}
Statement& Statement::bind_null(int index) {
  sqlite3_bind_null(stmt_, index);
  return *this;
}

Result<bool> Statement::step() {
  int rc = sqlite3_step(stmt_);
  if (rc == SQLITE_ROW) return true;
  if (rc == SQLITE_DONE) return false;
  auto error = error_of(sqlite3_db_handle(stmt_), rc, "state database");
  sqlite3_reset(stmt_);
  return fail(std::move(error));
}

Result<void> Statement::run() {
  for (;;) {
    SL_TRY(row, step());
    if (!row) break;
  }
  reset();
  return {};
}

void Statement::reset() {
  sqlite3_reset(stmt_);
  sqlite3_clear_bindings(stmt_);
}

std::string_view Statement::text(int column) const {
  auto* p = reinterpret_cast<const char*>(sqlite3_column_text(stmt_, column));
  return p ? std::string_view(p, static_cast<size_t>(sqlite3_column_bytes(stmt_, column))) : std::string_view();
}
int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(stmt_, column);
}
bool Statement::is_null(int column) const {
  return sqlite3_column_type(stmt_, column) == SQLITE_NULL;
}

Database::~Database() {
  sqlite3_close_v2(db_);
}

Result<void> Database::open(const std::string& path, bool full_sync) {
  int rc =
      sqlite3_open_v2(path.c_str(), &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  if (rc != SQLITE_OK) return fail(error_of(db_, rc, fmt::format("opening {}", path)));
  sqlite3_busy_timeout(db_, 5000);
  SL_CHECK(exec("PRAGMA journal_mode=WAL"));
  SL_CHECK(exec(full_sync ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL"));
  SL_CHECK(exec("PRAGMA cache_size=-2000"));
  return {};
}

void Database::checkpoint() {
  if (db_) sqlite3_wal_checkpoint_v2(db_, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
}

Result<void> Database::exec(const std::string& sql) {
  char* message = nullptr;
  int rc = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, &message);
  sqlite3_free(message);
  if (rc != SQLITE_OK) return fail(error_of(db_, rc, "state database"));
  return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* stmt = nullptr;
  int rc = sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &stmt, nullptr);
  if (rc != SQLITE_OK) return fail(error_of(db_, rc, fmt::format("preparing \"{}\"", sql)));
  return Statement(stmt);
}

Result<void> Database::transaction(const std::function<Result<void>()>& fn) {
  SL_CHECK(exec("BEGIN IMMEDIATE"));
  auto done = fn();
  if (done) done = exec("COMMIT");
  if (!done) (void)exec("ROLLBACK");
  return done;
}

int64_t Database::last_insert_id() const {
  return sqlite3_last_insert_rowid(db_);
}

}  // namespace sl::sqlite
