// ask_user: a task waits for a person, and goes on with the answer.
#include <fmt/format.h>

#include <algorithm>

#include "agent/loop/history.h"
#include "agent/runtime/run.h"
#include "observe/record/trace_context.h"

namespace sl::agent {

using json::Array;
using json::Object;
using json::Value;

namespace {

Value arguments_of(const Value& call) {
  auto parsed = json::parse(json::str(call, "function", "arguments"));
  return parsed && parsed->is_object() ? std::move(*parsed) : Value(Object{});
}

size_t questions_in(const Value& call) {
  Value arguments = arguments_of(call);
  auto* questions = json::arr(arguments, "questions");
  return questions && !questions->empty() ? questions->size() : 1;
}

// The questions of one call in words, with their choices.
std::string words_of(const Value& arguments) {
  std::string words;
  if (auto* questions = json::arr(arguments, "questions"))
    for (auto& q : *questions) {
      words += (words.empty() ? "" : "\n") + std::string(json::str(q, "question"));
      if (auto* choices = json::arr(q, "choices"))
        for (auto& c : *choices)
          if (c.is_string()) words += "\n- " + std::string(json::view(c.get_string()));
    }
  return words.empty() ? "The agent asks for your input." : words;
}

std::vector<Value> questions_among(const Array& calls) {
  std::vector<Value> out;
  for (auto& call : calls)
    if (json::str(call, "function", "name") == "ask_user") out.push_back(call);
  return out;
}

}  // namespace

// Of the message whose calls ask: the calls' own ids are the model's, which uses them again.
static std::string request_id(const std::string& task, const std::vector<LogMessage>& messages) {
  for (auto m = messages.rbegin(); m != messages.rend(); ++m)
    if (m->task == task && json::str(m->message, "role") == "assistant") return m->id;
  return task;
}

// kagent's extension: the questions as metadata of the status message, under its URI. All of them are one request, by
// the id of the message that asks. Source: kagent's HITL extension v1.
static Object extension_request(const std::string& request, const std::vector<Value>& calls) {
  Array questions;
  for (auto& call : calls) {
    Value arguments = arguments_of(call);
    auto* asked = json::arr(arguments, "questions");
    if (!asked || asked->empty()) {
      questions.push_back(Object{{"question", words_of(arguments)}});
      continue;
    }
    for (auto& q : *asked) {
      Object one{{"question", q.is_string() ? json::view(q.get_string()) : json::str(q, "question")},
                 {"multiple", json::flag(q, "multiple")}};
      if (auto* choices = json::arr(q, "choices")) one["choices"] = *choices;
      questions.push_back(std::move(one));
    }
  }
  return Object{{"type", "ask_user_request"}, {"id", request}, {"questions", std::move(questions)}};
}

// One for each question that is asked: {"answer": [strings]}.
static Result<Value> checked_answers(const Array* answers, const std::vector<Value>& calls, const std::string& where) {
  size_t asked = 0;
  for (auto& call : calls) asked += questions_in(call);
  if (!answers || answers->size() != asked)
    return fail(Code::InvalidArgument,
                fmt::format("{} has {} answers to {} questions", where, answers ? answers->size() : 0, asked));
  for (auto& a : *answers) {
    auto* list = json::arr(a, "answer");
    if (!list || !std::all_of(list->begin(), list->end(), [](auto& v) { return v.is_string(); }))
      return fail(Code::InvalidArgument, fmt::format("{}: each must be {{\"answer\": [strings]}}", where));
  }
  return Value(*answers);
}

// Its answers, in the order of the questions; null where the message does not speak the extension.
static Result<Value> extension_answers(const Value& message, const std::string& request,
                                       const std::vector<Value>& calls) {
  auto* spoken = json::arr(message, "extensions");
  auto* given = json::find(message, "metadata", kHitlExtension);
  if (!given || !spoken || std::find(spoken->begin(), spoken->end(), Value(kHitlExtension)) == spoken->end())
    return Value(nullptr);
  if (json::str(*given, "type") != "ask_user_response")
    return fail(Code::InvalidArgument, fmt::format("metadata[\"{}\"].type must be ask_user_response", kHitlExtension));
  if (json::str(*given, "id") != request)
    return fail(Code::InvalidArgument,
                fmt::format("metadata[\"{}\"].id must be \"{}\", that of the request", kHitlExtension, request));
  return checked_answers(json::arr(*given, "answers"), calls, fmt::format("metadata[\"{}\"].answers", kHitlExtension));
}

// What a person who refuses lets the model know of this call; "" where it is not refused.
static std::string rejection_of(const Value& data, std::string_view call) {
  std::string_view type = json::str(data, "decision_type");
  if (type != "reject" && (type != "batch" || json::str(data, "decisions", call) != "reject")) return "";
  std::string_view reason = json::str(data, "rejection_reasons", call);
  return "The user rejected the question." + (reason.empty() ? "" : fmt::format(" Reason: {}", reason));
}

// The answer becomes the result of every call that asked: a list of answers in the order of the questions, each call
// its own; one text is the answer to all of them, which were put together.
Result<std::string> Runtime::answer(const route::AgentSpec& spec, const TaskRow& row, Submission& s) {
  SL_TRY(messages, store_.messages_of_task(row.id));
  auto calls = questions_among(open_calls(row.id, messages));
  if (calls.empty()) return fail(Code::Conflict, fmt::format("task {} asks nothing", row.id));
  SL_TRY(extended, extension_answers(s.message, request_id(row.id, messages), calls));
  Value data = a2a::data_of(s.message), answers = std::move(extended);
  if (auto* given = json::find(data, "ask_user_answers"); given && answers.is_null()) {
    SL_TRY(checked, checked_answers(given->if_array(), calls, "ask_user_answers"));
    answers = std::move(checked);
  }
  std::string text = a2a::text_of(s.message);
  auto refused = [&data](const Value& call) { return rejection_of(data, json::str(call, "id")); };
  bool all_refused = std::none_of(calls.begin(), calls.end(), [&](auto& call) { return refused(call).empty(); });
  if (answers.is_null() && text.empty() && !all_refused)
    return fail(Code::InvalidArgument, "the message has no answer: send a text part");
  std::vector<LogMessage> results;
  size_t next = 0;
  for (auto& call : calls) {
    std::string content = text;
    if (answers.is_array()) {
      Array mine;
      for (size_t n = questions_in(call); n > 0; --n) mine.push_back(answers.get_array()[next++]);
      content = json::dump(mine);
    }
    if (auto words = refused(call); !words.empty()) content = words;
    results.push_back(new_message(row.id, said_by(s.initiated_by, {{"role", "tool"},
                                                                   {"tool_call_id", json::str(call, "id")},
                                                                   {"name", "ask_user"},
                                                                   {"content", content}})));
  }
  SL_CHECK(store_.advance(row.id, results, kWorking, ""));
  record_questions(row, messages);
  TaskRow now = row;
  now.state = kWorking;
  now.streaming = s.streaming;
  begin_turn(now);
  start_run(now, spec, std::move(s));
  return row.id;
}

// All that is asked is put to the person together: the words, and each call as a confirmation.
static Array question_parts(const std::vector<Value>& calls, std::string& words) {
  Array parts{Value()};
  for (auto& call : calls) {
    Value arguments = arguments_of(call);
    std::string mine = words_of(arguments);
    words += (words.empty() ? "" : "\n\n") + mine;
    Object original{{"name", "ask_user"}, {"id", json::str(call, "id")}, {"args", std::move(arguments)}};
    Object confirmation{{"hint", mine}, {"confirmed", false}};
    Object args{{"originalFunctionCall", std::move(original)}, {"toolConfirmation", std::move(confirmation)}};
    Object request{{"name", "adk_request_confirmation"}, {"id", json::str(call, "id")}, {"args", std::move(args)}};
    Object part = a2a::data_part(std::move(request), "function_call");
    for (auto key : {"adk_is_long_running", "kagent_is_long_running"})  // by which kagent's page knows a question
      part["metadata"].get_object()[key] = true;
    parts.push_back(std::move(part));
  }
  parts[0] = a2a::text_part(words);
  return parts;
}

static void add_extension(Object& message, const std::string& request, const std::vector<Value>& calls) {
  message["extensions"] = Array{kHitlExtension};
  message["metadata"] = Object{{kHitlExtension, extension_request(request, calls)}};
}

void Runtime::add_questions(Object& message, const std::string& task, const std::vector<LogMessage>& messages) {
  std::string words;
  auto calls = questions_among(open_calls(task, messages));
  message["parts"] = question_parts(calls, words);
  if (calls.empty()) return;
  std::string request = request_id(task, messages);
  message["messageId"] = request + "-question";
  add_extension(message, request, calls);
}

Result<void> Runtime::wait_for_person(const RunPtr& run, const std::vector<Value>& calls) {
  std::string words, request = request_id(run->row.id, run->messages);
  Array parts = question_parts(calls, words);
  SL_CHECK(store_step(run, {}, kInputRequired, words));
  run->waiting = true;
  Object question = a2a::message("agent", std::move(parts), request + "-question", run->row.session, run->row.id);
  add_extension(question, request, calls);
  run->emit_status(kInputRequired, std::move(question), true);
  return {};
}

}  // namespace sl::agent
