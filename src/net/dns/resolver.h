// Resolver: host names to addresses, with curl's --resolve overrides in front.
//
// Who calls: net/http_client, proxy/upstream. Thread: its loop's. Answers are kept 30 s (the system resolver
// gives no TTL), failures not at all. Limit: 1,000 names are kept.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "net/loop/loop.h"

namespace sl::net {

// "HOST:PORT:ADDR[:PORT2]": connections to HOST:PORT go to ADDR:PORT2 (PORT2 defaults to PORT). An IPv6 ADDR
// stands in brackets.
struct ResolveOverride {
  std::string host;
  uint16_t port = 0;
  tcp::endpoint target;
};
Result<ResolveOverride> parse_resolve_override(std::string_view text);

// "IP:PORT", "[IPv6]:PORT", with a port of 0 allowed.
Result<tcp::endpoint> parse_endpoint(std::string_view text);
std::string format_endpoint(const tcp::endpoint& endpoint);

class Resolver {
 public:
  Resolver(Loop& loop, std::vector<ResolveOverride> overrides) : loop_(loop), overrides_(std::move(overrides)) {}

  Task<Result<std::vector<tcp::endpoint>>> resolve(std::string host, uint16_t port, int64_t timeout_ms);
  // Resolves and connects, trying each address in turn, all within the timeout. `cancel`, if not null, ends it early.
  // Errors: Timeout, UpstreamRefused (also for a name that is not known), Cancelled; they name host and port.
  Task<Result<tcp::socket>> connect(std::string host, uint16_t port, int64_t timeout_ms, Cancel* cancel = nullptr);

 private:
  struct Entry {
    std::vector<tcp::endpoint> endpoints;
    int64_t until_ms = 0;
  };
  Loop& loop_;
  std::vector<ResolveOverride> overrides_;
  std::map<std::string, Entry> cache_;
};

}  // namespace sl::net
