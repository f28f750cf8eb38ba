// Tool: something an agent's model may call. One file each in this folder, listed in tools.cc.
// Who calls: agent/runtime. Thread: the agents' loop. Errors are told to the model as text; they never end a turn.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "json/value.h"
#include "net/http_client/client.h"

namespace sl::agent {

// One call under way: what cancels it, and where it went, for its record.
struct ToolCall {
  std::function<void()> abort;  // set by the tool
  net::Peer peer;               // empty where nothing left the program
  std::string auth;             // "own": this program's own credential
};

class Tool {
 public:
  virtual ~Tool() = default;
  virtual std::string name() const = 0;
  virtual std::string description() const = 0;
  virtual json::Value parameters() const = 0;  // JSON Schema
  // True for ask_user: the turn stops until a person answers.
  virtual bool needs_person() const { return false; }
  // What is wrong with the arguments of such a tool, in words for the model; "" when nothing is. Others say so in
  // run().
  virtual std::string wrong_arguments(const json::Value&) const { return ""; }
  virtual net::Task<Result<std::string>> run(json::Value arguments, ToolCall* call) = 0;
};

using ToolMap = std::map<std::string, std::shared_ptr<Tool>>;

// How the Kubernetes tools reach the API.
struct KubeAccess {
  net::HttpClient* client = nullptr;
  std::string url;  // https://IP:PORT
  std::string token;
};

ToolMap built_in_tools(const KubeAccess& kube);

std::shared_ptr<Tool> make_ask_user();
std::vector<std::shared_ptr<Tool>> make_kube_tools(const KubeAccess& kube);

}  // namespace sl::agent
