// SessionStore: sessions, tasks and their messages, durable before anything is acknowledged.
//
// A task's messages are an append-only log in the form the model is called with, so a task can be taken up again from
// what is stored. Who calls: agent/runtime and app's REST. Thread: its owner's loop. SQLite, WAL, synchronous FULL.
// Errors: Io when the disk fails (the task then fails visibly), NotFound.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "json/value.h"
#include "sqlite/sqlite.h"

namespace sl::agent {

struct Session {
  std::string id, agent, user, name, source;
  int64_t created_us = 0, updated_us = 0;
};

// A link to a session for those whose it is not: whoever has the token may read it, or also talk in it.
struct Share {
  std::string token, session, user;  // user: whose session it is
  bool read_only = true;
  int64_t created_us = 0;
};

// A2A task states, by their 0.3 names.
inline constexpr char kSubmitted[] = "submitted";
inline constexpr char kWorking[] = "working";
inline constexpr char kInputRequired[] = "input-required";
inline constexpr char kCompleted[] = "completed";
inline constexpr char kFailed[] = "failed";
inline constexpr char kCanceled[] = "canceled";
bool is_final(std::string_view state);

struct TaskRow {
  std::string id, session, agent, user, state, detail;  // detail: error or question, in words
  std::string trace_id, span_id, parent_span_id;
  bool streaming = false;
  int64_t created_us = 0, updated_us = 0;
};

// Members of a stored message that are not for the model: who wrote it in somebody else's session; parts and metadata
// of one that was more than a text; why an answer ended before it was whole ("length", "content_filter").
inline constexpr char kInitiatedBy[] = "initiated_by", kAsSent[] = "as_sent", kEndedEarly[] = "ended_early";

// One message of the log: {role, content, tool_calls?, tool_call_id?, ...} as OpenAI chat has it.
struct LogMessage {
  int64_t seq = 0;
  std::string id, task;
  int64_t at_us = 0;
  json::Value message;
  json::Value usage;  // of the model call that made it, or null
};

// Which tasks: an empty string stands for any.
struct TaskQuery {
  std::string agent, session, state, user;
  int64_t changed_after_us = -1;
  size_t limit = 50;
  // The page after a task, which need not be there any more: its change and id; 0 for the first page.
  int64_t before_us = 0;
  std::string after_id;
};

// Which sessions: an empty string stands for any.
struct SessionQuery {
  std::string agent, user;
  size_t limit = 10'000;
  // The page after a session, which need not be there any more: its change and id; 0 for the first page.
  int64_t before_us = 0;
  std::string after_id;
};

// Which messages of a session, and in which order.
struct MessageQuery {
  int64_t after_us = -1;  // later than this
  bool newest_first = false;
  int64_t limit = -1;  // -1: all
};

class SessionStore {
 public:
  Result<void> open(const std::string& path);
  void checkpoint() { db_.checkpoint(); }  // when nothing else uses it any more

  // Makes the session if it is new, the task and its first message, in one transaction.
  Result<void> begin_task(const Session& session, const TaskRow& task, const LogMessage& first);
  // Appends messages and sets the state in one transaction.
  Result<void> advance(const std::string& task, const std::vector<LogMessage>& messages, std::string_view state,
                       std::string_view detail);

  // As advance, for a task that has ended and whose listeners are told so whatever the disk says: what cannot be stored
  // is kept (every reader sees it) until save_ends() can.
  Result<void> end(const std::string& task, std::vector<LogMessage> messages, std::string_view state,
                   std::string_view detail);
  Result<void> save_ends();

  // A task goes on after an answer or a crash: its span and that span's parent are those of the turn that begins.
  Result<void> begin_turn(const TaskRow& task, int64_t start_us);
  Result<int64_t> turn_start(const TaskRow& task);  // of the last turn begun

  Result<TaskRow> task(const std::string& id);
  Result<std::vector<TaskRow>> tasks_of(const std::string& session);
  // One page, the latest changed first. `total`: how many tasks match without the page.
  Result<std::vector<TaskRow>> find_tasks(const TaskQuery& query, size_t* total);
  Result<std::vector<TaskRow>> unfinished();  // submitted or working
  Result<std::vector<LogMessage>> messages_of_task(const std::string& task);
  Result<std::vector<LogMessage>> messages_of_session(const std::string& session, const MessageQuery& query = {});
  // The task and what was said in it.
  Result<void> delete_task(const std::string& id);

  Result<void> create_session(const Session& session);
  Result<Session> session(const std::string& id);
  Result<std::vector<Session>> sessions(const SessionQuery& query);  // the latest changed first
  Result<void> rename_session(const std::string& id, const std::string& name);
  Result<void> delete_session(const std::string& id);  // and its shares

  Result<void> add_share(const Share& share);  // TooLarge above kSharesMax of a session
  Result<Share> share(const std::string& token);
  Result<std::vector<Share>> shares_of(const std::string& session);  // the oldest first
  Result<void> remove_share(const std::string& session, const std::string& token);

  static constexpr size_t kSharesMax = 100;

 private:
  Result<void> insert_message(const LogMessage& m, const std::string& session);
  Result<std::vector<TaskRow>> read_tasks(sqlite::Statement& s);
  Result<std::vector<LogMessage>> read_messages(sqlite::Statement& s);

  struct End {
    std::vector<LogMessage> messages;
    std::string state, detail;
  };

  sqlite::Database db_;
  std::map<std::string, End> unsaved_;  // by task
};

}  // namespace sl::agent
