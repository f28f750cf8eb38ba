// How tasks end: done, failed, cancelled, or left by the end of the program for its next start.
#include <algorithm>

#include "agent/runtime/run.h"
#include "agent/runtime/view.h"
#include "base/strings.h"

namespace sl::agent {

using json::Array;
using json::Object;

static constexpr char kStopping[] = "The server is stopping; the task goes on when it has started again.";

// What a person has read of an answer that was cut short stays in the history.
static std::vector<LogMessage> cut_short(Runtime::Run& run) {
  std::vector<LogMessage> out;
  if (run.partial.empty()) return out;
  out.push_back(new_message(run.row.id, Object{{"role", "assistant"}, {"content", clean_utf8(run.partial)}}));
  out.back().id = run.partial_id;
  run.partial.clear();
  return out;
}

void Runtime::finish(const RunPtr& run, const Result<void>& outcome) {
  if (stopping_ && !is_final(run->row.state) && !run->waiting) {
    // Taken up again at the next start, which takes the time of the last change for the end of this turn.
    (void)store_.advance(run->row.id, {}, run->row.state, run->row.detail);
    return;
  }
  runs_.erase(run->row.id);
  if (run->cancelled) return;  // cancel() has stored and told it
  if (run->waiting) return record_turn(*run, run->elapsed_us());
  if (!outcome) {
    std::string words = outcome.error().message;
    auto stored = store_.end(run->row.id, cut_short(*run), kFailed, words);
    if (!stored) {
      options_.log.error("task {}: {}; its end is stored as soon as that is possible", run->row.id,
                         stored.error().message);
      if (!std::exchange(saving_, true)) loop_.spawn(keep_saving(this));
    }
    run->row.state = kFailed;
    run->emit_status(kFailed,
                     a2a::message("agent", Array{a2a::text_part(words)}, status_message_id(run->row.id),
                                  run->row.session, run->row.id),
                     true);
    return record_turn(*run, run->elapsed_us(), &outcome.error());
  }
  std::string answer = last_answer(run->messages);
  run->emit(a2a::artifact_event(
                run->row.id, run->row.session,
                Object{{"artifactId", run->row.id + "-answer"}, {"parts", Array{a2a::text_part(answer)}}}, true),
            false);
  run->emit_status(kCompleted, nullptr, true);
  record_turn(*run, run->elapsed_us());
}

// What has been told and could not be stored is tried again until it is.
net::Task<void> Runtime::keep_saving(Runtime* self) {
  net::Timer timer(self->loop_.io());
  do {
    timer.expires_after(std::chrono::seconds(1));
    auto [ec] = co_await timer.async_wait(net::use_task);
    if (ec) co_return;
  } while (!self->store_.save_ends());
  self->saving_ = false;
}

void Runtime::stop() {
  stopping_ = true;
  for (auto& [id, run] : runs_) {
    if (run->cancelled || run->waiting) continue;
    if (run->abort) run->abort();
    run->emit_status(
        run->row.state,
        a2a::message("agent", Array{a2a::text_part(kStopping)}, status_message_id(id), run->row.session, id), false, {},
        true);
  }
  if (auto saved = store_.save_ends(); !saved)
    options_.log.error("the ends of tasks are not stored: {}", saved.error().message);
}

size_t Runtime::under_way() const {
  return static_cast<size_t>(
      std::count_if(runs_.begin(), runs_.end(), [](auto& r) { return !r.second->waiting && !r.second->cancelled; }));
}

Result<void> Runtime::cancel(const std::string& task) {
  SL_TRY(row, store_.task(task));
  if (is_final(row.state)) return fail(Code::Conflict, fmt::format("task {} is already {}", task, row.state));
  auto it = runs_.find(task);
  std::vector<LogMessage> read;
  if (it != runs_.end()) read = cut_short(*it->second);
  bool waited = row.state == kInputRequired;
  std::vector<LogMessage> said;
  if (waited) {
    SL_TRY(messages, store_.messages_of_task(task));
    said = std::move(messages);
  }
  SL_CHECK(store_.advance(task, read, kCanceled, "cancelled by the caller"));
  Error unanswered{Code::Cancelled, "cancelled before it was answered", {}};
  if (waited) record_questions(row, said, &unanswered);
  if (it == runs_.end()) return {};
  RunPtr run = it->second;
  run->cancelled = true;
  run->row.state = kCanceled;
  if (run->abort) run->abort();
  run->emit_status(kCanceled, nullptr, true);
  Error cancelled{Code::Cancelled, "cancelled", {}};
  record_turn(*run, run->elapsed_us(), &cancelled);
  return {};
}

}  // namespace sl::agent
