// ObjectStore: versioned objects, durable before a write returns, with a watchable history.
//
// One global resourceVersion grows by one with every change. Objects are kept in memory as immutable shared
// values (reads touch no disk) and in SQLite (WAL). The history of changes lives in memory: a watch from a version
// older than it, or from before a restart, is Code::Expired, and the client lists again.
// Who calls: kube/api and kube/apiserver; control and app read it. Thread: any; one mutex. Callbacks run on the writing
// thread under that mutex and must only hand the event on. Limits: kHistoryMax changes, kHistoryBytesMax. Errors: Io
// when the disk fails: nothing is then changed in memory either.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "kube/object/meta.h"
#include "sqlite/sqlite.h"

namespace sl::kube {

inline constexpr size_t kHistoryMax = 20'000;
inline constexpr size_t kHistoryBytesMax = 64u << 20;  // of the objects' texts

struct StoreKey {
  std::string ns;
  std::string name;
  auto operator<=>(const StoreKey&) const = default;
};

struct Change {
  enum class Type { Added, Modified, Deleted };
  Type type = Type::Added;
  std::string resource;  // resource_key()
  StoreKey key;
  int64_t version = 0;
  ObjectPtr object;  // new form; for Deleted the last form with the deletion's version
  ObjectPtr before;  // null when Added
  size_t bytes = 0;  // of the object as text
};

struct Listing {
  std::vector<ObjectPtr> items;  // ordered by namespace, then name
  int64_t version = 0;
};

class ObjectStore {
 public:
  // Opens or makes the database file. ":memory:" for tests.
  Result<void> open(const std::string& path);
  void checkpoint() { db_.checkpoint(); }  // when nothing else uses it any more
  // Rows that open() could not read and left out, in words.
  const std::vector<std::string>& unreadable() const { return unreadable_; }

  ObjectPtr get(const std::string& resource, const StoreKey& key);
  // All of a resource, or one namespace of it.
  Listing list(const std::string& resource, const std::string& ns = {});
  // The same as it was at a version. Expired when history does not reach back that far, or not there yet.
  Result<Listing> list_at(const std::string& resource, const std::string& ns, int64_t version);
  int64_t version();
  // Calls fn with the version while no change can come in between.
  void at_version(const std::function<void(int64_t)>& fn);

  // `make` gets the current form (null if absent) and returns the next one, null to remove, or the same pointer to
  // leave it; it runs under the store's lock, so read-modify-write is atomic. The store sets
  // metadata.resourceVersion. Returns what is stored afterwards (for a removal its last form).
  Result<ObjectPtr> write(const std::string& resource, const StoreKey& key,
                          const std::function<Result<ObjectPtr>(const ObjectPtr&)>& make);

  using Watcher = std::function<void(const Change&)>;
  // Changes of a resource ("" for all) after `from_version`, then live ones, in order and each once. Expired when
  // history does not reach back that far.
  Result<uint64_t> watch(const std::string& resource, int64_t from_version, Watcher watcher);
  // As watch, from the present; `snapshot` gets the current listing before any change, atomically.
  uint64_t list_and_watch(const std::string& resource, const std::function<void(const Listing&)>& snapshot,
                          Watcher watcher);
  void unwatch(uint64_t id);  // no callback is running or will run once it returned

 private:
  Result<size_t> persist(const std::string& resource, const StoreKey& key, int64_t version, const ObjectPtr& object);
  void publish(Change change);
  Listing list_locked(const std::string& resource, const std::string& ns);

  struct Watch {
    std::string resource;
    Watcher fn;
  };
  std::recursive_mutex mutex_;
  sqlite::Database db_;
  sqlite::Statement put_, remove_, set_version_;
  int64_t version_ = 0;
  int64_t history_from_ = 0;  // changes after this version are in history_
  std::map<std::string, std::map<StoreKey, ObjectPtr>> objects_;
  std::deque<Change> history_;
  size_t history_bytes_ = 0;
  std::map<uint64_t, Watch> watches_;
  uint64_t next_watch_ = 1;
  std::vector<std::string> unreadable_;
};

}  // namespace sl::kube
