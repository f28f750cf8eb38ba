#include "agent/tools/tool.h"

namespace sl::agent {

using json::Array;
using json::Object;
using json::Value;

namespace {

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
  net::Task<Result<std::string>> run(Value, ToolCall*) override {
    co_return fail(Code::Internal, "ask_user is answered by a person");
  }
};

}  // namespace

std::shared_ptr<Tool> make_ask_user() {
  return std::make_shared<AskUser>();
}

}  // namespace sl::agent
