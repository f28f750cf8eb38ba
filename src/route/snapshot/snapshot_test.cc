#include "route/snapshot/snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sl::route {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::shared_ptr<const Snapshot> must(RouteSpec spec, uint64_t generation = 1) {
  auto s = Snapshot::build(std::move(spec), generation);
  EXPECT_TRUE(s) << s.error().message;
  return s ? *s : nullptr;
}

// One listener, one route "ns/r" with this rule.
RouteSpec with_rule(Rule rule) {
  RouteSpec spec;
  spec.listeners = {{"ns/gw", "http", "127.0.0.1", 80, "HTTP", ""}};
  spec.routes = {{"ns/r", {"ns/gw/http"}, {}, 0, {std::move(rule)}}};
  spec.backends = {{"ns/b", {{"b.example", 80}}, false, "", {}}, {"ns/c", {{"c.example", 80}}, false, "", {}}};
  return spec;
}

const CompiledRule& rule_of(const Snapshot& s) {
  return *s.listener("ns/gw/http")->hosts.at("")->owned.at(0)->rule;
}

TEST(Snapshot, KeepsSpecAndGeneration) {
  auto s = must(with_rule({}), 42);
  EXPECT_EQ(s->generation(), 42u);
  EXPECT_EQ(s->spec().routes.at(0).name, "ns/r");
  EXPECT_THAT(s->problems(), IsEmpty());
}

TEST(Snapshot, AnEmptySpecIsFine) {
  auto s = must({});
  EXPECT_THAT(s->binds(), IsEmpty());
  EXPECT_EQ(s->listeners_at("127.0.0.1:80"), nullptr);
  EXPECT_EQ(s->listener("ns/gw/http"), nullptr);
}

TEST(Snapshot, ListenersByBindMostSpecificFirst) {
  RouteSpec spec;
  spec.listeners = {{"ns/a", "any", "127.0.0.1", 80, "HTTP", ""},
                    {"ns/a", "wild", "127.0.0.1", 80, "HTTP", "*.example"},
                    {"ns/a", "longer", "127.0.0.1", 80, "HTTP", "*.longer.example"},
                    {"ns/a", "exact", "127.0.0.1", 80, "HTTP", "x.y"},
                    {"ns/a", "port", "127.0.0.1", 81, "HTTP", "z.example"},
                    {"ns/a", "address", "127.0.0.2", 80, "HTTP", ""}};
  auto s = must(spec);
  EXPECT_THAT(s->binds(), ElementsAre("127.0.0.1:80", "127.0.0.1:81", "127.0.0.2:80"));
  std::vector<std::string> order;
  for (auto* l : *s->listeners_at("127.0.0.1:80")) order.push_back(l->spec.name);
  EXPECT_THAT(order, ElementsAre("exact", "longer", "wild", "any"));
  ASSERT_NE(s->listener("ns/a/port"), nullptr);
  EXPECT_EQ(s->listener("ns/a/port")->spec.port, 81);
}

TEST(Snapshot, NamesDefinedTwiceAreRefused) {
  RouteSpec backends = with_rule({});
  backends.backends.push_back(backends.backends[0]);
  auto s = Snapshot::build(backends, 1);
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().code, Code::Invalid);
  EXPECT_THAT(s.error().message, HasSubstr("ns/b"));
  RouteSpec listeners = with_rule({});
  listeners.listeners.push_back(listeners.listeners[0]);
  s = Snapshot::build(listeners, 1);
  ASSERT_FALSE(s);
  EXPECT_THAT(s.error().message, HasSubstr("ns/gw/http"));
}

TEST(Snapshot, TheSameListenerNameInTwoGateways) {
  RouteSpec spec = with_rule({});
  spec.listeners.push_back({"ns/other", "http", "127.0.0.1", 81, "HTTP", ""});
  auto s = must(spec);
  EXPECT_EQ(s->listener("ns/other/http")->spec.port, 81);
  EXPECT_THAT(s->listener("ns/other/http")->hosts, IsEmpty());
}

TEST(Snapshot, AListenerThatDoesNotExistIsAProblemAndNoMore) {
  RouteSpec spec = with_rule({});
  spec.routes[0].listeners.push_back("ns/gw/absent");
  spec.routes[0].rules.push_back({});
  auto s = must(spec);
  EXPECT_THAT(s->problems(), ElementsAre(AllOf(HasSubstr("ns/r"), HasSubstr("ns/gw/absent"))));
  EXPECT_EQ(s->listener("ns/gw/http")->hosts.at("")->owned.size(), 2u);
}

TEST(Snapshot, SharesKeepTheirWeights) {
  Rule r;
  r.backends = {{"ns/b", 90, {}, ""}, {"ns/c", 0, {}, ""}, {"ns/absent", 9, {}, ""}, {"", 1, {}, "no such kind"}};
  auto s = must(with_rule(r));
  auto& rule = rule_of(*s);
  EXPECT_EQ(rule.route, "ns/r");
  EXPECT_EQ(rule.weight_total, 100);
  ASSERT_EQ(rule.shares.size(), 4u);
  ASSERT_NE(rule.shares[0].backend, nullptr);
  EXPECT_EQ(rule.shares[0].backend->spec.endpoints.at(0).host, "b.example");
  EXPECT_EQ(rule.shares[0].error, "");
  ASSERT_NE(rule.shares[1].backend, nullptr);
  EXPECT_EQ(rule.shares[1].weight, 0);
  EXPECT_EQ(rule.shares[2].backend, nullptr);
  EXPECT_THAT(rule.shares[2].error, HasSubstr("ns/absent"));
  EXPECT_EQ(rule.shares[2].weight, 9);
  EXPECT_EQ(rule.shares[3].backend, nullptr);
  EXPECT_EQ(rule.shares[3].error, "no such kind");
}

TEST(Snapshot, AnErrorOfAShareWinsOverItsBackend) {
  Rule r;
  r.backends = {{"ns/b", 1, {}, "cannot"}};
  auto s = must(with_rule(r));
  EXPECT_EQ(rule_of(*s).shares[0].backend, nullptr);
  EXPECT_EQ(rule_of(*s).shares[0].error, "cannot");
}

TEST(Snapshot, TheErrorOfARuleIsKept) {
  Rule r;
  r.error = "a filter that is not known";
  EXPECT_EQ(rule_of(*must(with_rule(r))).error, "a filter that is not known");
}

TEST(Snapshot, OneBrokenExpressionNeverFailsTheWhole) {
  Rule bad, good;
  bad.matches = {{{"regex", "/a("}, "", {}, {}}};
  good.matches = {{{"prefix", "/"}, "", {}, {}}};
  RouteSpec spec = with_rule(bad);
  spec.routes.push_back({"ns/good", {"ns/gw/http"}, {}, 0, {good}});
  auto s = must(spec);
  EXPECT_THAT(s->problems(), ElementsAre(AllOf(HasSubstr("ns/r"), HasSubstr("/a("))));
  EXPECT_EQ(s->listener("ns/gw/http")->hosts.at("")->prefix.size(), 1u);
}

// Header changes of a rule with those of a share on top.
HeaderChange merged(HeaderChange rule, HeaderChange share) {
  Rule r;
  r.filters.request_headers = std::move(rule);
  WeightedBackend b{"ns/b", 1, {}, ""};
  b.filters.request_headers = std::move(share);
  r.backends = {b};
  return *rule_of(*must(with_rule(r))).shares.at(0).request_headers;
}

std::vector<std::string> text(const std::vector<HeaderValue>& list) {
  std::vector<std::string> out;
  for (auto& h : list) out.push_back(h.name + "=" + h.value);
  return out;
}

TEST(SnapshotHeaders, OneSideAlone) {
  Rule r;
  r.filters.request_headers = HeaderChange{{{"A", "1"}}, {}, {}};
  WeightedBackend b{"ns/b", 1, {}, ""};
  b.filters.response_headers = HeaderChange{{}, {}, {"server"}};
  r.backends = {b};
  auto s = must(with_rule(r));
  auto& share = rule_of(*s).shares.at(0);
  ASSERT_TRUE(share.request_headers);
  EXPECT_THAT(text(share.request_headers->set), ElementsAre("A=1"));
  ASSERT_TRUE(share.response_headers);
  EXPECT_THAT(share.response_headers->remove, ElementsAre("server"));
}

TEST(SnapshotHeaders, BothSides) {
  auto m = merged({{{"A", "1"}}, {{"B", "1"}}, {"c"}}, {{{"D", "2"}}, {{"B", "2"}}, {"e"}});
  EXPECT_THAT(text(m.set), ElementsAre("A=1", "D=2"));
  EXPECT_THAT(text(m.add), ElementsAre("B=1", "B=2"));
  EXPECT_THAT(m.remove, ElementsAre("c", "e"));
}

TEST(SnapshotHeaders, TheShareSetsAndRemovesWhatTheRuleMade) {
  auto m = merged({{{"A", "1"}, {"K", "1"}}, {{"B", "1"}}, {}}, {{{"a", "2"}}, {}, {"b"}});
  EXPECT_THAT(text(m.set), ElementsAre("K=1", "a=2"));
  EXPECT_THAT(m.add, IsEmpty());
  EXPECT_THAT(m.remove, ElementsAre("b"));
}

TEST(SnapshotHosts, TheRoutesNamesThatMeetTheListenersInLowerCase) {
  RouteSpec spec = with_rule({});
  spec.listeners[0].hostname = "*.Example.com";
  spec.routes[0].hostnames = {"A.example.com", "*.com", "b.org"};
  auto s = must(spec);
  std::vector<std::string> hosts;
  for (auto& [host, table] : s->listener("ns/gw/http")->hosts) hosts.push_back(host);
  EXPECT_THAT(hosts, ::testing::UnorderedElementsAre("a.example.com", "*.com"));
}

}  // namespace
}  // namespace sl::route
