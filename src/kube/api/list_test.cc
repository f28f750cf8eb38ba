#include "kube/api/api_test_kit.h"

namespace sl::kube {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class List : public ApiTest {
 protected:
  std::vector<std::string> list(const ListOptions& o, const std::string& ns = "n") {
    auto r = api.list(*widgets, ns, o);
    EXPECT_TRUE(r) << error_of(r);
    std::vector<std::string> out;
    if (!r) return out;
    for (auto& i : r->items) out.push_back(namespaced_name(*i));
    page = *r;
    return out;
  }
  static ListOptions limit(size_t n, std::string token = {}) {
    ListOptions o;
    o.limit = n;
    o.continue_token = std::move(token);
    return o;
  }
  ListResult page;
};

TEST_F(List, OneNamespaceOrAll) {
  add_namespace("m");
  created("b");
  created("a");
  ASSERT_TRUE(api.create(*widgets, "m", widget("z", R"({"size":1})"), {}));
  EXPECT_THAT(list({}), ElementsAre("n/a", "n/b"));
  EXPECT_EQ(page.version, store.version());
  EXPECT_EQ(page.continue_token, "");
  EXPECT_THAT(list({}, ""), ElementsAre("m/z", "n/a", "n/b"));
  EXPECT_THAT(list({}, "nowhere"), IsEmpty());
}

TEST_F(List, BySelectors) {
  created_with("a", R"("labels":{"t":"x"})");
  created_with("b", R"("labels":{"t":"y"})");
  created("c", R"({"size":1,"color":"blue"})");
  ListOptions o;
  o.labels = *LabelSelector::parse("t in (x,y),t!=y");
  EXPECT_THAT(list(o), ElementsAre("n/a"));
  ListOptions f;
  f.fields = *FieldSelector::parse("spec.color=red", widgets->selectable_fields);
  EXPECT_THAT(list(f), ElementsAre("n/a", "n/b"));
  f.fields = *FieldSelector::parse("metadata.name=c", {});
  EXPECT_THAT(list(f), ElementsAre("n/c"));
}

TEST_F(List, InPages) {
  for (auto name : {"a", "b", "c", "d", "e"}) created(name);
  EXPECT_THAT(list(limit(2)), ElementsAre("n/a", "n/b"));
  EXPECT_EQ(page.remaining, 3u);
  int64_t version = page.version;
  EXPECT_THAT(list(limit(2, page.continue_token)), ElementsAre("n/c", "n/d"));
  EXPECT_EQ(page.remaining, 1u);
  EXPECT_EQ(page.version, version);
  EXPECT_THAT(list(limit(2, page.continue_token)), ElementsAre("n/e"));
  EXPECT_EQ(page.remaining, 0u);
  EXPECT_EQ(page.continue_token, "");
}

TEST_F(List, ExactlyOnePageHasNoMore) {
  created("a");
  created("b");
  EXPECT_THAT(list(limit(2)), ElementsAre("n/a", "n/b"));
  EXPECT_EQ(page.continue_token, "");
}

TEST_F(List, PagesGoOnAfterTheirLastNameIsRemoved) {
  for (auto name : {"a", "b", "c"}) created(name);
  EXPECT_THAT(list(limit(2)), ElementsAre("n/a", "n/b"));
  ASSERT_TRUE(api.remove(*widgets, "n", "b", {}));
  EXPECT_THAT(list(limit(2, page.continue_token)), ElementsAre("n/c"));
}

TEST_F(List, PagesShowWhatWasThereAtTheFirst) {
  for (auto name : {"a", "b", "c", "d"}) created(name);
  EXPECT_THAT(list(limit(1)), ElementsAre("n/a"));
  int64_t version = page.version;
  created("bb");
  ASSERT_TRUE(api.remove(*widgets, "n", "c", {}));
  EXPECT_THAT(list(limit(2, page.continue_token)), ElementsAre("n/b", "n/c"));
  created("e");
  EXPECT_THAT(list(limit(2, page.continue_token)), ElementsAre("n/d"));
  EXPECT_EQ(page.version, version);
  EXPECT_THAT(list({}), ElementsAre("n/a", "n/b", "n/bb", "n/d", "n/e"));
}

TEST_F(List, AsItWas) {
  created("a");
  ListOptions then;
  then.at_version = store.version();
  created("b");
  EXPECT_THAT(list(then), ElementsAre("n/a"));
  EXPECT_EQ(page.version, then.at_version);
}

TEST_F(List, APageThatIsNoLongerKeptIsExpired) {
  for (auto name : {"a", "b"}) created(name);
  list(limit(1));
  for (size_t i = 0; i <= kHistoryMax; ++i)
    ASSERT_TRUE(store.write("others", {"n", "x"}, [&](const ObjectPtr&) -> Result<ObjectPtr> {
      return std::make_shared<const Value>(json::Object{{"metadata", json::Object{{"name", "x"}}}, {"i", i}});
    }));
  auto r = api.list(*widgets, "n", limit(1, page.continue_token));
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::Expired);
  EXPECT_THAT(r.error().message, ::testing::HasSubstr("start a new list without the continue parameter"));
}

TEST_F(List, PagesCrossNamespaces) {
  add_namespace("m");
  created("a");
  for (auto name : {"y", "z"}) ASSERT_TRUE(api.create(*widgets, "m", widget(name, R"({"size":1})"), {}));
  EXPECT_THAT(list(limit(1), ""), ElementsAre("m/y"));
  EXPECT_THAT(list(limit(1, page.continue_token), ""), ElementsAre("m/z"));
  EXPECT_THAT(list(limit(1, page.continue_token), ""), ElementsAre("n/a"));
  EXPECT_EQ(page.continue_token, "");
}

TEST_F(List, PagesOfASelection) {
  for (auto name : {"a", "b", "c", "d"}) created_with(name, name[0] % 2 ? R"("labels":{"odd":""})" : R"("labels":{})");
  ListOptions o = limit(1);
  o.labels = *LabelSelector::parse("odd");
  EXPECT_THAT(list(o), ElementsAre("n/a"));
  o.continue_token = page.continue_token;
  EXPECT_THAT(list(o), ElementsAre("n/c"));
  EXPECT_EQ(page.continue_token, "");
}

TEST_F(List, RefusesATokenThatItDidNotMake) {
  for (auto token : {"x", "djE6", "!!", "djE6YTpiL2M="}) {
    auto r = api.list(*widgets, "n", limit(1, token));
    ASSERT_FALSE(r) << token;
    EXPECT_EQ(r.error().code, Code::InvalidArgument);
  }
}

TEST_F(List, GetFindsOneOrSaysSo) {
  created("a");
  auto found = api.get(*widgets, "n", "a");
  ASSERT_TRUE(found);
  EXPECT_EQ(name_of(**found), "a");
  EXPECT_EQ(error_of(api.get(*widgets, "n", "b")), "NotFound: widgets.example.com \"b\" not found");
  EXPECT_FALSE(api.get(*widgets, "m", "a"));
}

TEST_F(List, TypesAreFoundByGroupAndKind) {
  EXPECT_NE(registry.find_kind("example.com", "Widget"), nullptr);
  EXPECT_EQ(registry.find_kind("", "Widget"), nullptr);
  EXPECT_TRUE(widgets->serves("v1beta1"));
  EXPECT_FALSE(widgets->serves("v2"));
}

TEST_F(List, TheRegistryCountsItsChanges) {
  uint64_t before = registry.revision();
  registry.add(config_map_type());
  EXPECT_GT(registry.revision(), before);
  before = registry.revision();
  registry.remove("configmaps");
  EXPECT_GT(registry.revision(), before);
  EXPECT_EQ(registry.find("", "configmaps"), nullptr);
  std::vector<std::string> keys;
  for (auto& t : registry.all()) keys.push_back(t->key());
  EXPECT_THAT(keys, ElementsAre("namespaces", "customresourcedefinitions.apiextensions.k8s.io", "widgets.example.com"));
}

}  // namespace
}  // namespace sl::kube
