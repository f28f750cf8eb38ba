// Snapshot: a RouteSpec compiled for matching: immutable, shared by every worker, replaced whole.
//
// Who calls: app builds it off to the side and hands it to workers; proxy reads it. Thread: built on one thread,
// then const everywhere. A broken route (bad regex) becomes a rule that answers 500 and is named in problems(); it
// never fails the whole.
#pragma once

#include <map>
#include <memory>
#include <unordered_map>

#include <re2/re2.h>

#include "route/spec/regex.h"
#include "route/spec/spec.h"

namespace sl::route {

struct CompiledBackend {
  Backend spec;
  size_t index = 0;  // in Snapshot::backends
  // Of each endpoint: "HOST:PORT", and what a kept connection to it is found by.
  std::vector<std::string> authorities, pool_keys;
};

CompiledBackend compile_backend(const Backend& backend, size_t index);

struct CompiledShare {
  const CompiledBackend* backend = nullptr;  // null: error
  int64_t weight = 1;
  Filters filters;
  // The rule's changes with the share's on top.
  std::optional<HeaderChange> request_headers, response_headers;
  std::string error;
};

struct CompiledRule {
  std::string route;  // NS/NAME
  const Rule* spec = nullptr;
  size_t index = 0;  // in the route
  std::vector<CompiledShare> shares;
  int64_t weight_total = 0;
  std::string error;
};

struct CompiledMatch {
  const CompiledRule* rule = nullptr;
  const Match* spec = nullptr;
  std::string path_value;  // prefix without trailing slash ("" is the root)
  std::unique_ptr<re2::RE2> path_regex;
  std::vector<std::unique_ptr<re2::RE2>> header_regex, query_regex;  // null where exact
  // Precedence inside one host: compared in this order, smaller first.
  int path_rank = 0;  // exact 0, prefix 1, regex 2
  int64_t created = 0;
  size_t order = 0;         // rule and match position in the route
  bool unreadable = false;  // its conditions: it takes all of its path and answers 500
};

// Candidates of one host name of their routes.
struct HostTable {
  std::string pattern;                                                        // "" all, "*.x", or exact
  std::unordered_map<std::string, std::vector<const CompiledMatch*>> exact;   // by path
  std::unordered_map<std::string, std::vector<const CompiledMatch*>> prefix;  // by prefix
  std::vector<const CompiledMatch*> regex;
  std::vector<std::unique_ptr<CompiledMatch>> owned;
};

struct CompiledListener {
  Listener spec;
  std::string key;  // NS/GATEWAY/NAME
  std::unordered_map<std::string, std::unique_ptr<HostTable>> hosts;
};

// Gateway API precedence among matches with the same path.
bool before(const CompiledMatch* a, const CompiledMatch* b);

class Snapshot {
 public:
  // Errors: only a spec that contradicts itself (duplicate names); single bad rules are problems().
  static Result<std::shared_ptr<const Snapshot>> build(RouteSpec spec, uint64_t generation);

  uint64_t generation() const { return generation_; }
  const RouteSpec& spec() const { return spec_; }
  // Listeners bound to an address ("IP:PORT" as in the spec), most specific host first.
  const std::vector<const CompiledListener*>* listeners_at(const std::string& bind) const;
  std::vector<std::string> binds() const;
  const CompiledListener* listener(std::string_view key) const;
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  void compile_rule(const Route& route, const Rule& rule);
  void break_match(CompiledMatch& match, const std::string& why);
  void add_matches(const Route& route, const CompiledRule& rule, size_t rule_index, CompiledListener& listener);

  uint64_t generation_ = 0;
  RouteSpec spec_;
  std::map<std::string, CompiledBackend> backends_;
  std::vector<std::unique_ptr<CompiledListener>> listeners_;
  std::map<std::string, std::vector<const CompiledListener*>> by_bind_;
  std::vector<std::unique_ptr<CompiledRule>> rules_;
  std::vector<std::string> problems_;
};

}  // namespace sl::route
