// The phases of a request, in order:
//   pin the snapshot     one configuration from beginning to end
//   identify             trace context, and who calls if it is one of our agents
//   match                listener, rule (Gateway API precedence); none is 404
//   redirect             answered here
//   choose a backend     by weight; a broken share is 500
//   rewrite              path and host towards the backend
//   forward              plain.cc or model.cc
//   record               finished once
#include "proxy/pipeline/exchange.h"

#include "base/ids.h"
#include "base/strings.h"
#include "observe/record/trace_context.h"
#include "proxy/pipeline/fields.h"
#include "proxy/pipeline/rewrite.h"

namespace sl::proxy {
namespace {

// "token;agent=NS/NAME;session=S;turn=T": accepted only with this process's token.
void identify_agent(Exchange& x) {
  const std::string& token = x.client.worker().options().identity_token;
  if (token.empty()) return;
  auto field = x.client.head().field("x-sightline-identity");
  if (!field) return;
  auto pieces = split(*field, ';');
  if (!same_secret(pieces[0], token)) return;
  for (auto piece : pieces) {
    size_t eq = piece.find('=');
    if (eq == std::string_view::npos) continue;
    std::string_view key = piece.substr(0, eq), value = piece.substr(eq + 1);
    if (key == "agent" && x.record.agent.empty())
      x.record.agent = value;
    else if (key == "session")
      x.record.session = value;
    else if (key == "turn")
      x.record.turn = value;
  }
}

// Continues the caller's W3C trace or starts one; the upstream gets our span as parent.
void take_trace(Exchange& x) {
  auto& r = x.record;
  auto field = x.client.head().field("traceparent");
  auto parent = field ? observe::parse_traceparent(*field) : std::nullopt;
  x.own_trace = !parent;
  if (parent) {
    r.trace_id = parent->trace_id;
    r.parent_span_id = parent->span_id;
  } else {
    observe::new_trace_id(r.trace_id);
  }
  observe::new_span_id(r.span_id);
  x.traceparent.reserve(55);
  x.traceparent.append("00-").append(r.trace_id).append("-").append(r.span_id);
  x.traceparent.append(!parent || parent->sampled ? "-01" : "-00");
}

void begin_record(Exchange& x) {
  auto& head = x.client.head();
  auto& r = x.record;
  x.start_us = monotonic_us();
  r.start_unix_us = x.client.worker().unix_us_of(x.start_us);
  r.src_addr = x.client.stream().peer();
  r.method = head.method;
  r.host = head.host;
  r.path = head.target.substr(0, head.target.find('?'));
  r.version = head.minor_version ? observe::Literal("HTTP/1.1") : observe::Literal("HTTP/1.0");
  r.protocol = "http";
  take_trace(x);
  identify_agent(x);
}

// Whose address this is, before a listener is chosen: a refused request is its gateway's too.
void note_gateway(const std::vector<const route::CompiledListener*>& listeners, observe::Record& r) {
  r.gateway = listeners.front()->spec.gateway;
  if (listeners.size() == 1) r.listener = listeners.front()->spec.name;
}

Result<void> find_rule(Exchange& x) {
  auto* listeners = x.snapshot ? x.snapshot->listeners_at(x.client.bind()) : nullptr;
  if (!listeners || listeners->empty()) return fail(Code::NotFound, "no listener is configured here");
  auto& head = x.client.head();
  route::RequestView view;
  view.method = head.method;
  view.host = head.host;
  size_t question = head.target.find('?');
  view.path = head.target.substr(0, question);
  if (route::has_dot_segment(view.path)) {
    note_gateway(*listeners, x.record);
    return fail(Code::InvalidArgument, std::string(route::kDotSegment));
  }
  if (question != std::string_view::npos) view.query = head.target.substr(question + 1);
  view.header = [&head](std::string_view name) { return head.field(name); };
  x.match = route::match_request(*listeners, view);
  if (x.match.listener) {
    x.record.gateway = x.match.listener->spec.gateway;
    x.record.listener = x.match.listener->spec.name;
  } else {
    note_gateway(*listeners, x.record);
  }
  if (!x.match.match)
    return fail(Code::NotFound, fmt::format("no route of this gateway matches {} {} for host \"{}\"", head.method,
                                            view.path, head.host));
  x.record.route = x.match.match->rule->route;
  return {};
}

// A gateway may stand before another of this program; one before itself would go on for ever.
Result<void> count_hop(Exchange& x) {
  constexpr uint64_t kHopsMax = 5;
  x.hops = parse_uint(x.client.head().field(kHopsField).value_or("0")).value_or(kHopsMax) + 1;
  if (x.hops <= kHopsMax) return {};
  return fail(Code::UpstreamProtocol,
              fmt::format("the request has passed this program's gateways {} times: route {} leads back to them",
                          kHopsMax, x.match.match->rule->route));
}

Result<void> choose_backend(Exchange& x) {
  auto& rule = *x.match.match->rule;
  if (!rule.error.empty()) return fail(Code::Internal, rule.error);
  if (rule.weight_total <= 0)
    return fail(Code::Internal, fmt::format("route {} has no backend with a weight above 0", rule.route));
  int64_t pick =
      rule.shares.size() == 1 ? 0 : static_cast<int64_t>(fast_random() % static_cast<uint64_t>(rule.weight_total));
  for (auto& share : rule.shares) {
    if (share.weight <= 0) continue;
    if (pick < share.weight) {
      x.share = &share;
      break;
    }
    pick -= share.weight;
  }
  if (!x.share->backend) return fail(Code::Internal, x.share->error);
  x.compiled = x.share->backend;
  x.backend = &x.compiled->spec;
  if (x.backend->endpoints.empty())
    return fail(Code::Unavailable, fmt::format("backend {} has no endpoint", x.backend->name));
  x.endpoint = x.backend->endpoints.size() == 1 ? 0 : fast_random() % x.backend->endpoints.size();
  if (x.backend->own_gateway || x.client.worker().leads_back(x.compiled->pool_keys[x.endpoint])) return count_hop(x);
  return {};
}

enum class Course { Redirect, Model, Plain };

// The phases up to the forwarding.
Result<Course> choose_course(Exchange& x) {
  if (x.client.head().method == "CONNECT") {
    x.keep_alive = false;
    return fail(Code::MethodNotAllowed, "this gateway makes no tunnels: CONNECT is not supported");
  }
  SL_CHECK(find_rule(x));
  auto& rule = *x.match.match->rule;
  int64_t request_ms = rule.spec->request_timeout_ms;
  if (request_ms) x.deadline_ms = x.client.worker().loop().now_ms() + request_ms;
  if (rule.error.empty() && rule.spec->filters.redirect) return Course::Redirect;
  SL_CHECK(choose_backend(x));
  rewrite_request(x);
  return x.backend->ai ? Course::Model : Course::Plain;
}

net::Task<void> send_redirect(Exchange& x) {
  Reply reply{static_cast<int>(x.match.match->rule->spec->filters.redirect->status), "", ""};
  std::string fields;
  append_line("Location", redirect_location(x), fields);
  co_await send_reply(x, std::move(reply), std::move(fields));
}

}  // namespace

void record_refused(Connection& client, int status, const std::string& why) {
  auto owned = client.worker().new_record();
  observe::Record& r = *owned;
  r.start_unix_us = unix_us();
  r.src_addr = client.stream().peer();
  r.trace_id = observe::new_trace_id();
  r.span_id = observe::new_span_id();
  r.protocol = "http";
  r.status = status;
  r.failed(Code::InvalidArgument, why);
  auto snapshot = client.worker().snapshot();
  auto* listeners = snapshot ? snapshot->listeners_at(client.bind()) : nullptr;
  if (listeners && !listeners->empty()) note_gateway(*listeners, r);
  client.worker().finish(std::move(owned));
}

net::Task<bool> serve_request(Connection& client) {
  Exchange x(client);
  x.snapshot = client.worker().snapshot();
  x.keep_alive = client.head().keep_alive;
  begin_record(x);
  auto course = choose_course(x);
  if (!course)
    co_await send_error(x, course.error());
  else if (*course == Course::Redirect)
    co_await send_redirect(x);
  else if (*course == Course::Model)
    co_await forward_model(x);
  else
    co_await forward_plain(x);
  client.watch_upstream(nullptr);
  x.record.duration_us = monotonic_us() - x.start_us;
  if (client.left()) {
    if (!x.head_sent) x.record.status = 499;
    // What its leaving cut off is no fault of the backend.
    if (x.record.error_code == Code::Cancelled) x.record.error.clear();
    x.record.failed(Code::Cancelled, "the client went away");
  }
  client.worker().finish(std::move(x.owned_record));
  // A body that nobody read would be taken for the next request.
  co_return x.keep_alive&& client.body().done() && client.stream().is_open() && !client.left();
}

}  // namespace sl::proxy
