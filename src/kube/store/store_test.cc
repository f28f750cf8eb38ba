#include "kube/store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace sl::kube {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Directory {
 public:
  Directory() {
    std::string made = (std::filesystem::temp_directory_path() / "sl-store-XXXXXX").string();
    EXPECT_NE(mkdtemp(made.data()), nullptr);
    path_ = made;
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  std::string file(std::string_view name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

ObjectPtr object(std::string_view name, int size, std::string_view ns = "n") {
  return std::make_shared<const Value>(
      json::Object{{"metadata", json::Object{{"name", name}, {"namespace", ns}}}, {"size", size}});
}

Result<ObjectPtr> put(ObjectStore& s, std::string_view name, int size, std::string_view ns = "n",
                      const std::string& resource = "widgets") {
  return s.write(resource, {std::string(ns), std::string(name)},
                 [&](const ObjectPtr&) -> Result<ObjectPtr> { return object(name, size, ns); });
}

Result<ObjectPtr> erase(ObjectStore& s, std::string_view name, std::string_view ns = "n") {
  return s.write("widgets", {std::string(ns), std::string(name)},
                 [](const ObjectPtr&) -> Result<ObjectPtr> { return ObjectPtr(); });
}

// "TYPE RESOURCE NS/NAME VERSION"
std::string text_of(const Change& c) {
  static const char* kTypes[] = {"added", "modified", "deleted"};
  return std::string(kTypes[static_cast<int>(c.type)]) + " " + c.resource + " " + c.key.ns + "/" + c.key.name + " " +
         std::to_string(c.version);
}

std::vector<std::string> names(const Listing& l) {
  std::vector<std::string> out;
  for (auto& o : l.items) out.push_back(namespaced_name(*o));
  return out;
}

class Store : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(store.open(":memory:")); }
  ObjectStore store;
  std::vector<std::string> seen;
  ObjectStore::Watcher note = [this](const Change& c) { seen.push_back(text_of(c)); };
};

TEST_F(Store, EveryChangeGetsTheNextVersion) {
  int64_t v = store.version();
  for (int i = 1; i <= 3; ++i) {
    auto o = put(store, i == 2 ? "b" : "a", i);
    ASSERT_TRUE(o);
    EXPECT_EQ(resource_version_of(**o), v + i);
    EXPECT_EQ(store.version(), v + i);
  }
  EXPECT_EQ(resource_version_of(*store.get("widgets", {"n", "a"})), v + 3);
  EXPECT_EQ(json::num(*store.get("widgets", {"n", "a"}), 0, "size"), 3);
}

TEST_F(Store, TheWriterSeesTheCurrentForm) {
  ObjectPtr before;
  auto look = [&](const ObjectPtr& now) -> Result<ObjectPtr> {
    before = now;
    return object("a", 2);
  };
  ASSERT_TRUE(store.write("widgets", {"n", "a"}, look));
  EXPECT_EQ(before, nullptr);
  ASSERT_TRUE(store.write("widgets", {"n", "a"}, look));
  ASSERT_NE(before, nullptr);
  EXPECT_EQ(json::num(*before, 0, "size"), 2);
}

TEST_F(Store, AnUnchangedObjectKeepsItsVersion) {
  auto first = *put(store, "a", 1);
  ASSERT_TRUE(store.watch("", store.version(), note));
  int64_t v = store.version();
  auto same = store.write("widgets", {"n", "a"}, [](const ObjectPtr& now) -> Result<ObjectPtr> { return now; });
  ASSERT_TRUE(same);
  EXPECT_EQ(*same, first);
  EXPECT_EQ(store.version(), v);
  EXPECT_THAT(seen, IsEmpty());
}

TEST_F(Store, LeavingWhatIsNotThereAloneIsNoChange) {
  int64_t v = store.version();
  ASSERT_TRUE(store.watch("", v, note));
  auto none = erase(store, "nobody");
  ASSERT_TRUE(none);
  EXPECT_EQ(*none, nullptr);
  EXPECT_EQ(store.version(), v);
  EXPECT_THAT(seen, IsEmpty());
}

TEST_F(Store, ARefusedWriteChangesNothing) {
  ASSERT_TRUE(put(store, "a", 1));
  int64_t v = store.version();
  ASSERT_TRUE(store.watch("", v, note));
  auto refused = store.write("widgets", {"n", "a"},
                             [](const ObjectPtr&) -> Result<ObjectPtr> { return fail(Code::Conflict, "no"); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::Conflict);
  EXPECT_EQ(store.version(), v);
  EXPECT_EQ(json::num(*store.get("widgets", {"n", "a"}), 0, "size"), 1);
  EXPECT_THAT(seen, IsEmpty());
}

TEST_F(Store, RemovalReturnsTheLastFormWithItsOwnVersion) {
  ASSERT_TRUE(put(store, "a", 7));
  auto last = erase(store, "a");
  ASSERT_TRUE(last);
  EXPECT_EQ(json::num(**last, 0, "size"), 7);
  EXPECT_EQ(resource_version_of(**last), store.version());
  EXPECT_EQ(store.get("widgets", {"n", "a"}), nullptr);
  EXPECT_THAT(store.list("widgets").items, IsEmpty());
}

TEST_F(Store, ListsWhatWasThere) {
  for (auto name : {"a", "b", "c"}) ASSERT_TRUE(put(store, name, 1));
  ASSERT_TRUE(put(store, "z", 1, "other"));
  int64_t then = store.version();
  ASSERT_TRUE(put(store, "b", 2));
  ASSERT_TRUE(put(store, "b", 3));
  ASSERT_TRUE(erase(store, "a"));
  ASSERT_TRUE(put(store, "a", 9));  // another of the same name
  ASSERT_TRUE(erase(store, "c"));
  ASSERT_TRUE(put(store, "aa", 1));
  ASSERT_TRUE(put(store, "c", 1, "n", "gadgets"));
  auto at = [&](int64_t version, const std::string& ns) {
    auto list = store.list_at("widgets", ns, version);
    EXPECT_TRUE(list && list->version == version);
    std::vector<std::string> out;
    for (auto& o : list->items) out.push_back(namespaced_name(*o) + " " + std::to_string(json::num(*o, 0, "size")));
    return out;
  };
  EXPECT_THAT(at(then, "n"), ElementsAre("n/a 1", "n/b 1", "n/c 1"));
  EXPECT_THAT(at(then, ""), ElementsAre("n/a 1", "n/b 1", "n/c 1", "other/z 1"));
  EXPECT_THAT(at(then + 1, "n"), ElementsAre("n/a 1", "n/b 2", "n/c 1"));
  EXPECT_THAT(at(then + 3, "n"), ElementsAre("n/b 3", "n/c 1"));
  EXPECT_THAT(at(store.version(), "n"), ElementsAre("n/a 9", "n/aa 1", "n/b 3"));
  for (int64_t version : {int64_t{-1}, store.version() + 1}) {
    auto list = store.list_at("widgets", "n", version);
    ASSERT_FALSE(list);
    EXPECT_EQ(list.error().code, Code::Expired);
  }
}

TEST_F(Store, ListsByNamespaceThenName) {
  for (auto [ns, name] : {std::pair{"b", "y"}, {"a", "z"}, {"ab", "a"}, {"a", "x"}, {"b", "a"}})
    ASSERT_TRUE(put(store, name, 1, ns));
  ASSERT_TRUE(put(store, "other", 1, "a", "gadgets"));
  EXPECT_THAT(names(store.list("widgets")), ElementsAre("a/x", "a/z", "ab/a", "b/a", "b/y"));
  EXPECT_THAT(names(store.list("widgets", "a")), ElementsAre("a/x", "a/z"));
  EXPECT_THAT(names(store.list("widgets", "c")), IsEmpty());
  EXPECT_THAT(names(store.list("nothing")), IsEmpty());
  EXPECT_EQ(store.list("widgets").version, store.version());
}

TEST_F(Store, AReaderKeepsTheFormItGot) {
  ASSERT_TRUE(put(store, "a", 1));
  ObjectPtr held = store.get("widgets", {"n", "a"});
  ASSERT_TRUE(put(store, "a", 2));
  EXPECT_EQ(json::num(*held, 0, "size"), 1);
}

TEST_F(Store, AWatchTellsWhatWasMissedThenWhatComes) {
  ASSERT_TRUE(put(store, "a", 1));
  int64_t v = store.version();
  ASSERT_TRUE(put(store, "a", 2));
  ASSERT_TRUE(put(store, "g", 1, "n", "gadgets"));
  ASSERT_TRUE(store.watch("widgets", v, note));
  EXPECT_THAT(seen, ElementsAre("modified widgets n/a " + std::to_string(v + 1)));
  ASSERT_TRUE(put(store, "b", 1));
  ASSERT_TRUE(put(store, "g", 2, "n", "gadgets"));
  ASSERT_TRUE(erase(store, "a"));
  EXPECT_THAT(seen,
              ElementsAre("modified widgets n/a " + std::to_string(v + 1), "added widgets n/b " + std::to_string(v + 3),
                          "deleted widgets n/a " + std::to_string(v + 5)));
}

TEST_F(Store, AWatchOfEverything) {
  int64_t v = store.version();
  ASSERT_TRUE(store.watch("", v, note));
  ASSERT_TRUE(put(store, "a", 1));
  ASSERT_TRUE(put(store, "g", 1, "n", "gadgets"));
  EXPECT_THAT(seen, ElementsAre(HasSubstr("added widgets"), HasSubstr("added gadgets")));
}

TEST_F(Store, ChangesCarryBothForms) {
  std::vector<Change> changes;
  ASSERT_TRUE(store.watch("", store.version(), [&](const Change& c) { changes.push_back(c); }));
  ASSERT_TRUE(put(store, "a", 1));
  ASSERT_TRUE(put(store, "a", 2));
  ASSERT_TRUE(erase(store, "a"));
  ASSERT_THAT(changes, SizeIs(3));
  EXPECT_EQ(changes[0].before, nullptr);
  EXPECT_EQ(json::num(*changes[1].before, 0, "size"), 1);
  EXPECT_EQ(json::num(*changes[1].object, 0, "size"), 2);
  EXPECT_EQ(json::num(*changes[2].before, 0, "size"), 2);
  EXPECT_EQ(json::num(*changes[2].object, 0, "size"), 2);
  for (auto& c : changes) EXPECT_EQ(resource_version_of(*c.object), c.version);
}

TEST_F(Store, AListingAndItsWatchHaveNoGap) {
  ASSERT_TRUE(put(store, "a", 1));
  int64_t listed = 0;
  uint64_t id = store.list_and_watch(
      "widgets",
      [&](const Listing& l) {
        listed = l.version;
        EXPECT_THAT(names(l), ElementsAre("n/a"));
        EXPECT_THAT(seen, IsEmpty());
      },
      note);
  EXPECT_EQ(listed, store.version());
  ASSERT_TRUE(put(store, "b", 1));
  EXPECT_THAT(seen, ElementsAre("added widgets n/b " + std::to_string(listed + 1)));
  store.unwatch(id);
  ASSERT_TRUE(put(store, "c", 1));
  EXPECT_THAT(seen, SizeIs(1));
}

TEST_F(Store, WatchesEndOneByOne) {
  int other = 0;
  auto first = store.watch("widgets", store.version(), note);
  auto second = store.watch("widgets", store.version(), [&](const Change&) { ++other; });
  ASSERT_TRUE(first && second);
  store.unwatch(*first);
  ASSERT_TRUE(put(store, "a", 1));
  EXPECT_THAT(seen, IsEmpty());
  EXPECT_EQ(other, 1);
}

TEST_F(Store, HistoryIsBoundedAndTooOldVersionsAreExpired) {
  int64_t v = store.version();
  for (size_t i = 0; i < kHistoryMax; ++i) ASSERT_TRUE(put(store, "a", static_cast<int>(i)));
  ASSERT_TRUE(store.watch("", v, note));
  EXPECT_THAT(seen, SizeIs(kHistoryMax));
  seen.clear();
  ASSERT_TRUE(put(store, "a", -1));
  seen.clear();
  auto late = store.watch("", v, note);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::Expired);
  EXPECT_THAT(late.error().message, HasSubstr("too old resource version: " + std::to_string(v) + " ("));
  EXPECT_THAT(seen, IsEmpty());
  ASSERT_TRUE(store.watch("", v + 1, note));
  EXPECT_THAT(seen, SizeIs(kHistoryMax));
  EXPECT_THAT(seen.front(), HasSubstr(" " + std::to_string(v + 2)));
}

TEST(StoreFile, IsThereAgainAfterReopening) {
  Directory dir;
  int64_t version = 0;
  {
    ObjectStore s;
    ASSERT_TRUE(s.open(dir.file("state.db")));
    ASSERT_TRUE(put(s, "a", 1));
    ASSERT_TRUE(put(s, "b", 2));
    ASSERT_TRUE(put(s, "a", 3));
    ASSERT_TRUE(erase(s, "b"));
    version = s.version();
  }
  ObjectStore s;
  ASSERT_TRUE(s.open(dir.file("state.db")));
  EXPECT_EQ(s.version(), version);
  EXPECT_THAT(names(s.list("widgets")), ElementsAre("n/a"));
  EXPECT_EQ(json::num(*s.get("widgets", {"n", "a"}), 0, "size"), 3);
  EXPECT_EQ(resource_version_of(*s.get("widgets", {"n", "a"})), version - 1);
  ASSERT_TRUE(put(s, "c", 1));
  EXPECT_EQ(s.version(), version + 1);
}

TEST(StoreFile, AWatchFromBeforeARestartIsExpired) {
  Directory dir;
  int64_t version = 0;
  {
    ObjectStore s;
    ASSERT_TRUE(s.open(dir.file("state.db")));
    ASSERT_TRUE(put(s, "a", 1));
    version = s.version();
  }
  ObjectStore s;
  ASSERT_TRUE(s.open(dir.file("state.db")));
  auto late = s.watch("widgets", version - 1, [](const Change&) {});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::Expired);
  int seen = 0;
  ASSERT_TRUE(s.watch("widgets", version, [&](const Change&) { ++seen; }));
  ASSERT_TRUE(put(s, "a", 2));
  EXPECT_EQ(seen, 1);
}

TEST(StoreFile, ABadRowIsLeftOutAndNamed) {
  Directory dir;
  {
    ObjectStore s;
    ASSERT_TRUE(s.open(dir.file("state.db")));
    for (auto name : {"a", "b", "c"}) ASSERT_TRUE(put(s, name, 1));
  }
  {
    sqlite::Database db;
    ASSERT_TRUE(db.open(dir.file("state.db")));
    ASSERT_TRUE(db.exec("UPDATE objects SET data = '{\"metadata\":{' WHERE name = 'b'"));
  }
  ObjectStore s;
  ASSERT_TRUE(s.open(dir.file("state.db")));
  EXPECT_THAT(names(s.list("widgets")), ElementsAre("n/a", "n/c"));
  EXPECT_THAT(s.unreadable(), ElementsAre(AllOf(HasSubstr("widgets"), HasSubstr("n/b"))));
  EXPECT_TRUE(put(s, "b", 5));
  EXPECT_EQ(json::num(*s.get("widgets", {"n", "b"}), 0, "size"), 5);
}

TEST(StoreFile, AFailedDiskChangesNothingInMemory) {
  Directory dir;
  ObjectStore s;
  ASSERT_TRUE(s.open(dir.file("state.db")));
  ASSERT_TRUE(put(s, "a", 1));
  int64_t v = s.version();
  int seen = 0;
  ASSERT_TRUE(s.watch("", v, [&](const Change&) { ++seen; }));
  sqlite::Database other;
  ASSERT_TRUE(other.open(dir.file("state.db")));
  ASSERT_TRUE(other.exec("ALTER TABLE objects RENAME TO gone"));
  auto lost = put(s, "a", 2);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, Code::Io);
  EXPECT_EQ(s.version(), v);
  EXPECT_EQ(json::num(*s.get("widgets", {"n", "a"}), 0, "size"), 1);
  EXPECT_EQ(seen, 0);
  ASSERT_TRUE(other.exec("ALTER TABLE gone RENAME TO objects"));
  EXPECT_TRUE(put(s, "a", 3));
  EXPECT_EQ(s.version(), v + 1);
}

TEST(StoreFile, ACheckpointMakesTheFileWhole) {
  Directory dir;
  ObjectStore s;
  ASSERT_TRUE(s.open(dir.file("state.db")));
  ASSERT_TRUE(put(s, "a", 1));
  s.checkpoint();
  std::filesystem::copy_file(dir.file("state.db"), dir.file("copy.db"));
  ObjectStore copy;
  ASSERT_TRUE(copy.open(dir.file("copy.db")));
  EXPECT_THAT(names(copy.list("widgets")), ElementsAre("n/a"));
}

TEST(StoreFile, SaysWhichFileItCannotOpen) {
  Directory dir;
  ObjectStore s;
  auto opened = s.open(dir.file("no/such/state.db"));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::Io);
  EXPECT_THAT(opened.error().message, HasSubstr("no/such/state.db"));
}

}  // namespace
}  // namespace sl::kube
