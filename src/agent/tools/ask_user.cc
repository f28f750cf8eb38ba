#include <fmt/format.h>

#include <algorithm>

#include "agent/tools/tool.h"
#include "base/strings.h"

namespace sl::agent {

using json::Array;
using json::Object;
using json::Value;

namespace {

std::string wrong_question(const Value& q) {
  if (!q.is_object()) return " must be an object with \"question\"";
  if (trim(json::str(q, "question")).empty()) return ".question must be a text";
  if (auto* choices = json::find(q, "choices"); choices && !choices->is_null()) {
    auto* list = choices->if_array();
    if (!list || !std::all_of(list->begin(), list->end(), [](auto& c) { return c.is_string(); }))
      return ".choices must be an array of strings";
  }
  if (auto* multiple = json::find(q, "multiple"); multiple && !multiple->is_bool() && !multiple->is_null())
    return ".multiple must be true or false";
  return "";
}

class AskUser : public Tool {
 public:
  std::string name() const override { return "ask_user"; }
  std::string description() const override {
    return "Ask the user one or more questions and wait for the answers. Use it when the request is unclear or a "
           "decision is theirs.";
  }
  Value parameters() const override {
    Object question{
        {"type", "object"},
        {"properties",
         Object{{"question", Object{{"type", "string"}, {"description", "The question."}}},
                {"choices", Object{{"type", "array"},
                                   {"items", Object{{"type", "string"}}},
                                   {"description", "Answers to choose from."}}},
                {"multiple", Object{{"type", "boolean"}, {"description", "Whether several may be chosen."}}}}},
        {"required", Array{"question"}}};
    return Object{{"type", "object"},
                  {"properties", Object{{"questions", Object{{"type", "array"}, {"items", std::move(question)}}}}},
                  {"required", Array{"questions"}}};
  }
  bool needs_person() const override { return true; }
  std::string wrong_arguments(const Value& arguments) const override {
    auto* questions = json::arr(arguments, "questions");
    if (!questions || questions->empty()) return "questions must be an array of at least one";
    for (size_t i = 0; i < questions->size(); ++i)
      if (auto wrong = wrong_question((*questions)[i]); !wrong.empty()) return fmt::format("questions[{}]{}", i, wrong);
    return "";
  }
  net::Task<Result<std::string>> run(Value, ToolCall*) override {
    co_return fail(Code::Internal, "ask_user is answered by a person");
  }
};

}  // namespace

std::shared_ptr<Tool> make_ask_user() {
  return std::make_shared<AskUser>();
}

}  // namespace sl::agent
