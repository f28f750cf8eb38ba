#include "net/dns/resolver.h"

#include "base/strings.h"

namespace sl::net {

Result<tcp::endpoint> parse_endpoint(std::string_view text) {
  size_t colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return fail(Code::InvalidArgument, fmt::format("address \"{}\" must be IP:PORT", text));
  std::string_view host = text.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  auto port = parse_uint(text.substr(colon + 1));
  boost::system::error_code ec;
  auto address = asio::ip::make_address(std::string(host == "localhost" ? "127.0.0.1" : host), ec);
  if (ec || !port || *port > 65535)
    return fail(Code::InvalidArgument, fmt::format("address \"{}\" must be IP:PORT", text));
  return tcp::endpoint(address, static_cast<uint16_t>(*port));
}

std::string format_endpoint(const tcp::endpoint& e) {
  return e.address().is_v6() ? fmt::format("[{}]:{}", e.address().to_string(), e.port())
                             : fmt::format("{}:{}", e.address().to_string(), e.port());
}

Result<ResolveOverride> parse_resolve_override(std::string_view text) {
  auto bad = [&] {
    return fail(Code::InvalidArgument, fmt::format("--resolve \"{}\" must be HOST:PORT:ADDR[:PORT2]", text));
  };
  size_t first = text.find(':');
  size_t second = first == std::string_view::npos ? first : text.find(':', first + 1);
  if (second == std::string_view::npos || first == 0) return bad();
  auto port = parse_uint(text.substr(first + 1, second - first - 1));
  if (!port || *port == 0 || *port > 65535) return bad();
  std::string_view address = text.substr(second + 1);
  uint64_t port2 = *port;
  size_t close = address.find(']');
  size_t colon = address.find(':', close == std::string_view::npos ? 0 : close);
  if (colon != std::string_view::npos) {
    auto p = parse_uint(address.substr(colon + 1));
    if (!p || *p == 0 || *p > 65535) return bad();
    port2 = *p;
    address = address.substr(0, colon);
  }
  auto target = parse_endpoint(fmt::format("{}:{}", address, port2));
  if (!target) return bad();
  return ResolveOverride{to_lower(text.substr(0, first)), static_cast<uint16_t>(*port), *target};
}

Task<Result<std::vector<tcp::endpoint>>> Resolver::resolve(std::string host, uint16_t port, int64_t timeout_ms) {
  for (auto& o : overrides_)
    if (o.port == port && iequals(o.host, host)) co_return std::vector<tcp::endpoint>{o.target};
  boost::system::error_code ec;
  std::string bare = host.size() > 2 && host[0] == '[' ? host.substr(1, host.size() - 2) : host;
  if (auto address = asio::ip::make_address(bare, ec); !ec)
    co_return std::vector<tcp::endpoint>{tcp::endpoint(address, port)};
  std::string key = fmt::format("{}:{}", host, port);
  if (auto it = cache_.find(key); it != cache_.end() && it->second.until_ms > loop_.now_ms())
    co_return it->second.endpoints;
  tcp::resolver resolver(loop_.io());
  std::string service = std::to_string(port);
  Deadline deadline(loop_, [&resolver] { resolver.cancel(); });
  deadline.expires_in(timeout_ms);
  auto [error, results] = co_await resolver.async_resolve(host, service, tcp::resolver::numeric_service, use_task);
  if (deadline.expired())
    co_return fail(Code::Timeout, fmt::format("resolving host \"{}\": no answer within {} ms", host, timeout_ms));
  if (error)
    co_return fail(Code::UpstreamRefused, fmt::format("cannot resolve host \"{}\": {}", host, error.message()));
  Entry entry;
  for (auto& r : results) entry.endpoints.push_back(r.endpoint());
  entry.until_ms = loop_.now_ms() + 30'000;
  if (cache_.size() > 1000) cache_.clear();
  cache_[key] = entry;
  co_return entry.endpoints;
}

Task<Result<tcp::socket>> Resolver::connect(std::string host, uint16_t port, int64_t timeout_ms, Cancel* cancel) {
  int64_t until_ms = loop_.now_ms() + timeout_ms;
  auto endpoints = co_await resolve(host, port, timeout_ms);
  if (!endpoints) co_return fail(std::move(endpoints).error());
  boost::system::error_code last = asio::error::host_not_found;
  bool timed_out = false;
  for (auto& endpoint : *endpoints) {
    tcp::socket socket(loop_.io());
    Deadline deadline(loop_, [&socket] {
      boost::system::error_code ignored;
      socket.close(ignored);
    });
    deadline.expires_in(std::max<int64_t>(1, until_ms - loop_.now_ms()));
    if (cancel && cancel->cancelled) break;
    if (cancel)
      cancel->end = [&socket] {
        boost::system::error_code ignored;
        socket.close(ignored);
      };
    auto [ec] = co_await socket.async_connect(endpoint, use_task);
    if (cancel) cancel->end = nullptr;
    if (cancel && cancel->cancelled) break;
    if (!ec) co_return std::move(socket);
    last = ec;
    timed_out = deadline.expired();
    if (timed_out) break;
  }
  if (cancel && cancel->cancelled)
    co_return fail(Code::Cancelled, fmt::format("connecting to {}:{}: cancelled", host, port));
  if (timed_out)
    co_return fail(Code::Timeout, fmt::format("connecting to {}:{}: no answer within {} ms", host, port, timeout_ms));
  co_return fail(Code::UpstreamRefused, fmt::format("connecting to {}:{}: {}", host, port, last.message()));
}

}  // namespace sl::net
