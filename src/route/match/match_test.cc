// Gateway API precedence, as the specification of HTTPRoute orders it. Rules are told apart by their names.
#include "route/match/match.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/strings.h"

namespace sl::route {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kBind[] = "127.0.0.1:80";

Match prefix(std::string value) {
  return {{"prefix", std::move(value)}, "", {}, {}};
}
Match exact(std::string value) {
  return {{"exact", std::move(value)}, "", {}, {}};
}
Match regex(std::string value) {
  return {{"regex", std::move(value)}, "", {}, {}};
}

Rule rule(std::string name, std::vector<Match> matches) {
  Rule r;
  r.name = std::move(name);
  r.matches = std::move(matches);
  return r;
}

Route route(std::string name, std::vector<Rule> rules, std::vector<std::string> hostnames = {}, int64_t created = 0) {
  return {std::move(name), {"ns/gw/http"}, std::move(hostnames), created, std::move(rules)};
}

struct Request {
  std::string method = "GET", host = "a.example", path = "/", query;
  std::map<std::string, std::string> headers;  // names in lower case
};

class Table {
 public:
  // Routes at one listener that takes every host.
  explicit Table(std::vector<Route> routes, size_t problems = 0) : problems_(problems) {
    spec_.listeners.push_back({"ns/gw", "http", "127.0.0.1", 80, "HTTP", ""});
    spec_.routes = std::move(routes);
    build();
  }
  explicit Table(RouteSpec spec) : spec_(std::move(spec)) { build(); }

  // Name of the rule taken, "404" when none is, "no listener" when no listener takes the host.
  std::string take(const Request& r, std::vector<std::string>* why = nullptr) {
    RequestView view{r.method, r.host, r.path, r.query, [&](std::string_view name) -> std::optional<std::string_view> {
                       auto it = r.headers.find(to_lower(name));
                       if (it == r.headers.end()) return std::nullopt;
                       return it->second;
                     }};
    auto found = match_request(*snapshot_->listeners_at(kBind), view);
    if (why) *why = explain_others(*snapshot_->listeners_at(kBind), view, found);
    if (!found.listener) return "no listener";
    return found.match ? found.match->rule->spec->name : "404";
  }
  std::string take(std::string path) {
    Request r;
    r.path = std::move(path);
    return take(r);
  }
  std::string at(std::string host, std::string path = "/") {
    Request r;
    r.host = std::move(host);
    r.path = std::move(path);
    return take(r);
  }

 private:
  void build() {
    auto made = Snapshot::build(spec_, 1);
    ASSERT_TRUE(made) << made.error().message;
    snapshot_ = *made;
    EXPECT_THAT(snapshot_->problems(), ::testing::SizeIs(problems_));
  }
  RouteSpec spec_;
  size_t problems_ = 0;
  std::shared_ptr<const Snapshot> snapshot_;
};

// ---- paths

TEST(MatchPath, ExactIsExact) {
  Table t({route("ns/r", {rule("one", {exact("/one")}), rule("slash", {exact("/two/")})})});
  EXPECT_EQ(t.take("/one"), "one");
  for (auto path : {"/one/", "/one/x", "/on", "/One", "/onex", "/"}) EXPECT_EQ(t.take(path), "404") << path;
  EXPECT_EQ(t.take("/two/"), "slash");
  EXPECT_EQ(t.take("/two"), "404");
}

TEST(MatchPath, PrefixGoesByElements) {
  Table t({route("ns/r", {rule("abc", {prefix("/abc")})})});
  for (auto path : {"/abc", "/abc/", "/abc/def", "/abc//def", "/abc/def/", "/abc//"})
    EXPECT_EQ(t.take(path), "abc") << path;
  for (auto path : {"/abcd", "/ab", "/abc.d", "/ABC", "/x/abc", "/"}) EXPECT_EQ(t.take(path), "404") << path;
}

TEST(MatchPath, TrailingSlashOfAPrefixIsIgnored) {
  Table t({route("ns/r", {rule("abc", {prefix("/abc/")})})});
  for (auto path : {"/abc", "/abc/", "/abc/def"}) EXPECT_EQ(t.take(path), "abc") << path;
  EXPECT_EQ(t.take("/abcd"), "404");
}

TEST(MatchPath, TheRootPrefixTakesEverything) {
  Table t({route("ns/r", {rule("root", {prefix("/")})})});
  for (auto path : {"/", "/a", "/a/b/c", "//", "*"}) EXPECT_EQ(t.take(path), "root") << path;
}

TEST(MatchPath, RegexMatchesTheWholePath) {
  Table t({route("ns/r", {rule("digits", {regex("/v[0-9]+/x")})})});
  EXPECT_EQ(t.take("/v12/x"), "digits");
  for (auto path : {"/v12/xx", "/a/v12/x", "/v/x"}) EXPECT_EQ(t.take(path), "404") << path;
}

TEST(MatchPath, ARuleWithoutMatchesTakesEverything) {
  Table t({route("ns/r", {rule("all", {})})});
  EXPECT_EQ(t.take("/any/thing"), "all");
  Request post;
  post.method = "POST";
  EXPECT_EQ(t.take(post), "all");
}

TEST(MatchPath, MatchesOfARuleAreAlternatives) {
  Table t({route("ns/r", {rule("either", {exact("/a"), prefix("/b")})})});
  EXPECT_EQ(t.take("/a"), "either");
  EXPECT_EQ(t.take("/b/c"), "either");
  EXPECT_EQ(t.take("/a/c"), "404");
}

// ---- the other conditions

TEST(MatchConditions, Method) {
  Match m = prefix("/");
  m.method = "POST";
  Table t({route("ns/r", {rule("post", {m})})});
  Request r;
  EXPECT_EQ(t.take(r), "404");
  r.method = "POST";
  EXPECT_EQ(t.take(r), "post");
  r.method = "post";  // methods are case-sensitive
  EXPECT_EQ(t.take(r), "404");
}

TEST(MatchConditions, AllHeadersMustHold) {
  Match m = prefix("/");
  m.headers = {{"Version", "one", false}, {"color", "blu.*", true}};
  Table t({route("ns/r", {rule("both", {m})})});
  Request r;
  r.headers = {{"version", "one"}, {"color", "bluish"}};
  EXPECT_EQ(t.take(r), "both") << "names are case-insensitive";
  for (auto [version, color] : {std::pair{"ONE", "blue"}, {"one", "dark blue"}, {"two", "blue"}, {"one", ""}}) {
    r.headers = {{"version", version}, {"color", color}};
    EXPECT_EQ(t.take(r), "404") << version << " " << color;
  }
  r.headers = {{"version", "one"}};
  EXPECT_EQ(t.take(r), "404") << "an absent header does not match";
}

TEST(MatchConditions, AnEmptyExpressionNeedsTheHeader) {
  Match m = prefix("/");
  m.headers = {{"x", ".*", true}};
  Table t({route("ns/r", {rule("any", {m})})});
  Request r;
  EXPECT_EQ(t.take(r), "404");
  r.headers = {{"x", ""}};
  EXPECT_EQ(t.take(r), "any");
}

TEST(MatchConditions, QueryParameters) {
  Match m = prefix("/");
  m.query = {{"animal", "whale", false}, {"size", "[0-9]+", true}};
  Table t({route("ns/r", {rule("whale", {m})})});
  Request r;
  for (auto query : {"animal=whale&size=3", "size=12&x&animal=whale", "an%69mal=wh%61le&size=1"}) {
    r.query = query;
    EXPECT_EQ(t.take(r), "whale") << query;
  }
  for (auto query : {"", "animal=whale", "animal=Whale&size=1", "Animal=whale&size=1", "animal=whale&size=1x",
                     "animal=whales&size=1", "animal&size=1"}) {
    r.query = query;
    EXPECT_EQ(t.take(r), "404") << query;
  }
}

TEST(MatchConditions, QueryValuesAreDecoded) {
  Match m = prefix("/");
  m.query = {{"q", "a b&c", false}};
  Table t({route("ns/r", {rule("q", {m})})});
  Request r;
  for (auto query : {"q=a+b%26c", "q=a%20b%26c"}) {
    r.query = query;
    EXPECT_EQ(t.take(r), "q") << query;
  }
}

// ---- precedence of paths and conditions

TEST(Precedence, ExactThenLongestPrefixThenRegex) {
  Table t({route("ns/r", {rule("regex", {regex("/a/.*")}), rule("root", {prefix("/x")}), rule("a", {prefix("/a/b")}),
                          rule("longer", {prefix("/a/b/c")}), rule("exact", {exact("/a/b/c")})})});
  EXPECT_EQ(t.take("/a/b/c"), "exact");
  EXPECT_EQ(t.take("/a/b/c/d"), "longer");
  EXPECT_EQ(t.take("/a/b/cc"), "a");
  EXPECT_EQ(t.take("/a/z"), "regex");
}

TEST(Precedence, ARuleWhoseConditionsFailLeavesItToALessSpecificPath) {
  Match m = exact("/a/b");
  m.method = "POST";
  Table t({route("ns/r", {rule("root", {prefix("/")}), rule("a", {prefix("/a")}), rule("post", {m})})});
  EXPECT_EQ(t.take("/a/b"), "a");
  EXPECT_EQ(t.take("/b"), "root");
}

TEST(Precedence, AMethodBeforeHeadersBeforeQueryParameters) {
  Match method = prefix("/"), one = prefix("/"), two = prefix("/"), query = prefix("/");
  method.method = "GET";
  one.headers = {{"a", "1", false}};
  two.headers = {{"a", "1", false}, {"b", "2", false}};
  query.query = {{"x", "1", false}, {"y", "1", false}, {"z", "1", false}};
  Table t({route("ns/r", {rule("none", {prefix("/")}), rule("query", {query}), rule("one", {one}), rule("two", {two}),
                          rule("method", {method})})});
  Request r;
  r.query = "x=1&y=1&z=1";
  r.headers = {{"a", "1"}, {"b", "2"}};
  EXPECT_EQ(t.take(r), "method");
  r.method = "PUT";
  EXPECT_EQ(t.take(r), "two");
  r.headers.erase("b");
  EXPECT_EQ(t.take(r), "one");
  r.headers.clear();
  EXPECT_EQ(t.take(r), "query");
  r.query.clear();
  EXPECT_EQ(t.take(r), "none");
}

TEST(Precedence, MoreQueryParametersFirst) {
  Match one = prefix("/"), two = prefix("/");
  one.query = {{"x", "1", false}};
  two.query = {{"x", "1", false}, {"y", "1", false}};
  Table t({route("ns/r", {rule("one", {one}), rule("two", {two})})});
  Request r;
  r.query = "x=1&y=1";
  EXPECT_EQ(t.take(r), "two");
}

TEST(Precedence, ALongerPathBeatsMoreConditions) {
  Match conditions = prefix("/a");
  conditions.method = "GET";
  conditions.headers = {{"a", "1", false}};
  Table t({route("ns/r", {rule("conditions", {conditions}), rule("longer", {prefix("/a/b")})})});
  Request r;
  r.path = "/a/b";
  r.headers = {{"a", "1"}};
  EXPECT_EQ(t.take(r), "longer");
}

TEST(Precedence, ALongerExpressionFirst) {
  Table t({route("ns/r", {rule("short", {regex("/a.*")}), rule("long", {regex("/a[a-z]*")})})});
  EXPECT_EQ(t.take("/ab"), "long");
  EXPECT_EQ(t.take("/a1"), "short");
}

TEST(Precedence, TheOldestRouteThenTheName) {
  auto one = [](std::string name, int64_t created) {
    return route("ns/" + name, {rule(name, {prefix("/")})}, {}, created);
  };
  EXPECT_EQ(Table({one("a", 200), one("b", 100), one("c", 150)}).take("/"), "b");
  EXPECT_EQ(Table({one("c", 100), one("b", 100), one("d", 100)}).take("/"), "b");
  EXPECT_EQ(Table({one("d", 100), one("b", 100), one("c", 99)}).take("/"), "c");
}

TEST(Precedence, NamespaceComesBeforeName) {
  Table t({route("b/a", {rule("b/a", {prefix("/")})}), route("a/z", {rule("a/z", {prefix("/")})})});
  EXPECT_EQ(t.take("/"), "a/z");
}

TEST(Precedence, AConditionThatCannotBeReadKeepsItsPlace) {
  auto broken = prefix("/a");
  broken.headers = {{"x", "(", true}};
  // The plain rule is older, but less specific: what the condition was to hold back must not fall through to it.
  Table t({route("ns/new", {rule("broken", {broken})}, {}, 2),
           route("ns/old", {rule("plain", {prefix("/")}), rule("same", {prefix("/a")})}, {}, 1)},
          1);
  EXPECT_EQ(t.take("/a"), "broken");
  EXPECT_EQ(t.take("/b"), "plain");
}

TEST(Precedence, TheFirstRuleWithinARoute) {
  Match other = prefix("/");
  other.method = "GET";
  Table t({route("ns/r", {rule("first", {prefix("/x"), prefix("/")}), rule("second", {prefix("/")})})});
  EXPECT_EQ(t.take("/"), "first");
  Table u({route("ns/r", {rule("first", {prefix("/")}), rule("second", {other})})});
  EXPECT_EQ(u.take("/"), "second") << "a method counts for more than the order";
}

TEST(Precedence, SpecificityBeatsAge) {
  Table t(
      {route("ns/old", {rule("old", {prefix("/")})}, {}, 1), route("ns/new", {rule("new", {prefix("/a")})}, {}, 9)});
  EXPECT_EQ(t.take("/a/b"), "new");
  EXPECT_EQ(t.take("/b"), "old");
}

// ---- host names

TEST(MatchHost, ExactThenLongestWildcardThenNone) {
  Table t({route("ns/none", {rule("none", {prefix("/")})}),
           route("ns/short", {rule("short", {prefix("/")})}, {"*.example"}),
           route("ns/long", {rule("long", {prefix("/")})}, {"*.a.example"}),
           route("ns/exact", {rule("exact", {prefix("/")})}, {"x.a.example"})});
  EXPECT_EQ(t.at("x.a.example"), "exact");
  EXPECT_EQ(t.at("y.a.example"), "long");
  EXPECT_EQ(t.at("z.y.a.example"), "long");
  EXPECT_EQ(t.at("a.example"), "short");
  EXPECT_EQ(t.at("example"), "none");
  EXPECT_EQ(t.at(""), "none");
}

TEST(MatchHost, CaseAndPortDoNotCount) {
  Table t({route("ns/r", {rule("r", {prefix("/")})}, {"Foo.Example", "*.Bar.example"})});
  for (auto host : {"foo.example", "FOO.example:8080", "foo.example:80", "X.bar.EXAMPLE"}) EXPECT_EQ(t.at(host), "r");
  EXPECT_EQ(t.at("foo.example.org"), "404");
}

TEST(MatchHost, AWildcardCoversAnyDepthButNotItsOwnName) {
  Table t({route("ns/r", {rule("r", {prefix("/")})}, {"*.example.com"})});
  EXPECT_EQ(t.at("a.example.com"), "r");
  EXPECT_EQ(t.at("a.b.example.com"), "r");
  for (auto host : {"example.com", "badexample.com", "example.com.evil.org"}) EXPECT_EQ(t.at(host), "404") << host;
}

TEST(MatchHost, HostBeforePath) {
  Table t({route("ns/exact-path", {rule("exact-path", {exact("/a")})}, {"*.example"}),
           route("ns/host", {rule("host", {prefix("/")})}, {"x.example"})});
  EXPECT_EQ(t.at("x.example", "/a"), "host");
  EXPECT_EQ(t.at("y.example", "/a"), "exact-path");
}

TEST(MatchHost, AHostWithoutAMatchLeavesItToAWiderOne) {
  Table t({route("ns/wide", {rule("wide", {prefix("/")})}, {"*.example"}),
           route("ns/none", {rule("none", {prefix("/only-here")})}),
           route("ns/exact", {rule("exact", {prefix("/a")})}, {"x.example"})});
  EXPECT_EQ(t.at("x.example", "/b"), "wide");
  EXPECT_EQ(t.at("other", "/only-here"), "none");
  EXPECT_EQ(t.at("other", "/b"), "404");
}

TEST(MatchHost, HostWithoutPort) {
  EXPECT_EQ(host_without_port("a.example"), "a.example");
  EXPECT_EQ(host_without_port("a.example:80"), "a.example");
  EXPECT_EQ(host_without_port("[::1]:80"), "[::1]");
  EXPECT_EQ(host_without_port("[::1]"), "[::1]");
  EXPECT_EQ(host_without_port("[::1"), "[::1");
  EXPECT_EQ(host_without_port(""), "");
}

// ---- listeners

RouteSpec listeners(std::vector<std::pair<std::string, std::string>> names_and_hosts) {
  RouteSpec spec;
  for (auto& [name, host] : names_and_hosts) {
    spec.listeners.push_back({"ns/gw", name, "127.0.0.1", 80, "HTTP", host});
    Route r = route("ns/" + name, {rule(name, {prefix("/" + name)})});
    r.listeners = {"ns/gw/" + name};
    spec.routes.push_back(r);
  }
  return spec;
}

TEST(MatchListener, TheMostSpecificHostTakesTheRequest) {
  Table t(listeners(
      {{"any", ""}, {"wild", "*.example.com"}, {"deep", "*.foo.example.com"}, {"exact", "abc.foo.example.com"}}));
  EXPECT_EQ(t.at("bar.com", "/any"), "any");
  EXPECT_EQ(t.at("bar.example.com", "/wild"), "wild");
  EXPECT_EQ(t.at("bar.foo.example.com", "/deep"), "deep");
  EXPECT_EQ(t.at("abc.foo.example.com", "/exact"), "exact");
  EXPECT_EQ(t.at("ABC.foo.example.com:80", "/exact"), "exact");
}

TEST(MatchListener, ListenersAreIsolated) {
  Table t(listeners(
      {{"any", ""}, {"wild", "*.example.com"}, {"deep", "*.foo.example.com"}, {"exact", "abc.foo.example.com"}}));
  for (auto path : {"/wild", "/deep", "/exact"}) EXPECT_EQ(t.at("bar.com", path), "404") << path;
  for (auto path : {"/any", "/deep", "/exact"}) EXPECT_EQ(t.at("bar.example.com", path), "404") << path;
  for (auto path : {"/any", "/wild", "/exact"}) EXPECT_EQ(t.at("bar.foo.example.com", path), "404") << path;
  for (auto path : {"/any", "/wild", "/deep"}) EXPECT_EQ(t.at("abc.foo.example.com", path), "404") << path;
}

TEST(MatchListener, ARouteOfTheWiderListenerServesNoHostOfTheNarrowerOne) {
  RouteSpec spec;
  spec.listeners = {{"ns/gw", "any", "127.0.0.1", 80, "HTTP", ""},
                    {"ns/gw", "own", "127.0.0.1", 80, "HTTP", "own.example"}};
  Route r = route("ns/r", {rule("r", {prefix("/")})});
  r.listeners = {"ns/gw/any"};
  spec.routes = {r};
  Table t(spec);
  EXPECT_EQ(t.at("x.example"), "r");
  EXPECT_EQ(t.at("own.example"), "404");
}

TEST(MatchListener, NoneTakesTheHost) {
  Table t(listeners({{"wild", "*.example.com"}, {"exact", "example.org"}}));
  EXPECT_EQ(t.at("example.com", "/wild"), "no listener");
  EXPECT_EQ(t.at("other.org", "/exact"), "no listener");
}

TEST(MatchListener, TheRouteServesTheIntersectionOnly) {
  RouteSpec spec;
  spec.listeners = {{"ns/gw", "http", "127.0.0.1", 80, "HTTP", "*.example.com"}};
  spec.routes = {route("ns/r", {rule("r", {prefix("/")})}, {"a.example.com", "other.org", "*.wide.com"}),
                 route("ns/w", {rule("w", {prefix("/")})}, {"*.deep.example.com"})};
  Table t(spec);
  EXPECT_EQ(t.at("a.example.com"), "r");
  EXPECT_EQ(t.at("b.example.com"), "404");
  EXPECT_EQ(t.at("x.deep.example.com"), "w");
  EXPECT_EQ(t.at("other.org"), "no listener");
}

TEST(MatchListener, AWiderRouteServesTheListenersHosts) {
  RouteSpec spec;
  spec.listeners = {{"ns/gw", "http", "127.0.0.1", 80, "HTTP", "very.example.com"},
                    {"ns/gw", "wild", "127.0.0.1", 80, "HTTP", "*.other.com"}};
  Route r = route("ns/r", {rule("r", {prefix("/")})}, {"*.com"});
  r.listeners = {"ns/gw/http", "ns/gw/wild"};
  spec.routes = {r};
  Table t(spec);
  EXPECT_EQ(t.at("very.example.com"), "r");
  EXPECT_EQ(t.at("x.other.com"), "r");
  EXPECT_EQ(t.at("x.example.com"), "no listener");
}

// Upstream: "the largest number of characters in a matching hostname" is counted in the route's.
TEST(MatchListener, TheRoutesOwnNameDecidesAtAListenerThatIsNarrower) {
  for (auto listener : {"a.example.com", "*.example.com", ""}) {
    RouteSpec spec;
    spec.listeners = {{"ns/gw", "http", "127.0.0.1", 80, "HTTP", listener}};
    spec.routes = {route("ns/none", {rule("none", {exact("/x"), prefix("/")})}, {}, 1),
                   route("ns/com", {rule("com", {exact("/x"), prefix("/y")})}, {"*.com"}, 2),
                   route("ns/wild", {rule("wild", {exact("/x")})}, {"*.example.com"}, 3),
                   route("ns/own", {rule("own", {prefix("/x")})}, {"a.example.com"}, 4)};
    Table t(spec);
    EXPECT_EQ(t.at("a.example.com", "/x"), "own") << listener;
    EXPECT_EQ(t.at("a.example.com", "/y"), "com") << listener;
    EXPECT_EQ(t.at("a.example.com", "/z"), "none") << listener;
    spec.routes.pop_back();
    EXPECT_EQ(Table(spec).at("a.example.com", "/x"), "wild") << listener;
  }
}

// ---- why not

TEST(Why, NamesWhatDidNotMatch) {
  Match m = exact("/a");
  m.method = "POST";
  Match header = prefix("/a");
  header.headers = {{"x-env", "canary", false}};
  Table t({route("ns/method", {rule("m", {m})}), route("ns/header", {rule("h", {header})}),
           route("ns/path", {rule("p", {exact("/b")})}), route("ns/host", {rule("o", {})}, {"other.example"})});
  std::vector<std::string> why;
  Request r;
  r.path = "/a";
  r.headers = {{"x-env", "prod"}};
  EXPECT_EQ(t.take(r, &why), "404");
  EXPECT_THAT(why, Contains(AllOf(HasSubstr("ns/method"), HasSubstr("method is GET, not POST"))));
  EXPECT_THAT(why, Contains(AllOf(HasSubstr("ns/header"), HasSubstr("header x-env is \"prod\", not \"canary\""))));
  EXPECT_THAT(why, Contains(AllOf(HasSubstr("ns/path"), HasSubstr("/b"))));
  EXPECT_THAT(why, Contains(HasSubstr("other.example")));
}

TEST(Why, NoListener) {
  Table t(listeners({{"exact", "example.org"}}));
  std::vector<std::string> why;
  Request r;
  r.host = "x.example:99";
  EXPECT_EQ(t.take(r, &why), "no listener");
  EXPECT_THAT(why, Contains(HasSubstr("no listener serves host \"x.example\"")));
}

}  // namespace
}  // namespace sl::route
