#include "kube/store/store.h"

#include <fmt/format.h>

namespace sl::kube {

Result<void> ObjectStore::open(const std::string& path) {
  SL_CHECK(db_.open(path));
  SL_CHECK(
      db_.exec("CREATE TABLE IF NOT EXISTS objects(resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,"
               " version INTEGER NOT NULL, data TEXT NOT NULL, PRIMARY KEY(resource, namespace, name)) WITHOUT ROWID;"
               "CREATE TABLE IF NOT EXISTS counters(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
               "INSERT OR IGNORE INTO counters VALUES('version', 1);"));
  SL_TRY(all, db_.prepare("SELECT resource, namespace, name, data FROM objects"));
  for (;;) {
    SL_TRY(row, all.step());
    if (!row) break;
    auto value = json::parse(all.text(3), {64u << 20, 400});
    if (!value || !value->is_object()) {  // one bad row must not keep the rest from serving
      unreadable_.push_back(fmt::format("{} {}/{}: {}", all.text(0), all.text(1), all.text(2),
                                        value ? "not an object" : value.error().message));
      continue;
    }
    objects_[std::string(all.text(0))][{std::string(all.text(1)), std::string(all.text(2))}] =
        std::make_shared<const Value>(std::move(*value));
  }
  SL_TRY(counter, db_.prepare("SELECT value FROM counters WHERE name='version'"));
  SL_TRY(there, counter.step());
  if (there) version_ = counter.integer(0);
  history_from_ = version_;
  SL_TRY(put, db_.prepare("INSERT OR REPLACE INTO objects VALUES(?,?,?,?,?)"));
  SL_TRY(remove, db_.prepare("DELETE FROM objects WHERE resource=? AND namespace=? AND name=?"));
  SL_TRY(set_version, db_.prepare("UPDATE counters SET value=? WHERE name='version'"));
  put_ = std::move(put);
  remove_ = std::move(remove);
  set_version_ = std::move(set_version);
  return {};
}

ObjectPtr ObjectStore::get(const std::string& resource, const StoreKey& key) {
  std::lock_guard lock(mutex_);
  auto it = objects_.find(resource);
  if (it == objects_.end()) return nullptr;
  auto at = it->second.find(key);
  return at == it->second.end() ? nullptr : at->second;
}

Listing ObjectStore::list_locked(const std::string& resource, const std::string& ns) {
  Listing out;
  out.version = version_;
  auto it = objects_.find(resource);
  if (it == objects_.end()) return out;
  auto at = ns.empty() ? it->second.begin() : it->second.lower_bound({ns, ""});
  for (; at != it->second.end() && (ns.empty() || at->first.ns == ns); ++at) out.items.push_back(at->second);
  return out;
}

Listing ObjectStore::list(const std::string& resource, const std::string& ns) {
  std::lock_guard lock(mutex_);
  return list_locked(resource, ns);
}

Result<Listing> ObjectStore::list_at(const std::string& resource, const std::string& ns, int64_t version) {
  std::lock_guard lock(mutex_);
  if (version < history_from_ || version > version_)
    return fail(Code::Expired, fmt::format("version {} is not kept: {} to {} are", version, history_from_, version_));
  if (version == version_) return list_locked(resource, ns);
  // What it was before each change since, the first of them last.
  std::map<StoreKey, ObjectPtr> then;
  for (auto& item : list_locked(resource, ns).items)
    then[{std::string(namespace_of(*item)), std::string(name_of(*item))}] = item;
  for (auto change = history_.rbegin(); change != history_.rend() && change->version > version; ++change) {
    if (change->resource != resource || (!ns.empty() && change->key.ns != ns)) continue;
    if (change->before)
      then[change->key] = change->before;
    else
      then.erase(change->key);
  }
  Listing out;
  out.version = version;
  for (auto& [key, object] : then) out.items.push_back(std::move(object));
  return out;
}

int64_t ObjectStore::version() {
  std::lock_guard lock(mutex_);
  return version_;
}

void ObjectStore::at_version(const std::function<void(int64_t)>& fn) {
  std::lock_guard lock(mutex_);
  fn(version_);
}

Result<size_t> ObjectStore::persist(const std::string& resource, const StoreKey& key, int64_t version,
                                    const ObjectPtr& object) {
  size_t bytes = 0;
  SL_CHECK(db_.transaction([&]() -> Result<void> {
    if (object) {
      std::string data = json::dump(*object);
      bytes = data.size();
      put_.bind(1, resource).bind(2, key.ns).bind(3, key.name).bind(4, version).bind(5, data);
      SL_CHECK(put_.run());
    } else {
      remove_.bind(1, resource).bind(2, key.ns).bind(3, key.name);
      SL_CHECK(remove_.run());
    }
    return set_version_.bind(1, version).run();
  }));
  return bytes;
}

static ObjectPtr with_version(const Value& object, int64_t version) {
  auto out = std::make_shared<Value>(object);
  metadata_of(*out)["resourceVersion"] = std::to_string(version);
  return out;
}

Result<ObjectPtr> ObjectStore::write(const std::string& resource, const StoreKey& key,
                                     const std::function<Result<ObjectPtr>(const ObjectPtr&)>& make) {
  std::lock_guard lock(mutex_);
  ObjectPtr before = get(resource, key);
  SL_TRY(next, make(before));
  if (next == before) return before;
  Change change;
  change.resource = resource;
  change.key = key;
  change.version = version_ + 1;
  change.before = before;
  change.type = !next ? Change::Type::Deleted : before ? Change::Type::Modified : Change::Type::Added;
  change.object = with_version(next ? *next : *before, change.version);
  SL_TRY(bytes, persist(resource, key, change.version, next ? change.object : nullptr));
  change.bytes = bytes;
  version_ = change.version;
  if (next)
    objects_[resource][key] = change.object;
  else
    objects_[resource].erase(key);
  ObjectPtr out = change.object;
  publish(std::move(change));
  return out;
}

void ObjectStore::publish(Change change) {
  history_bytes_ += change.bytes;
  history_.push_back(std::move(change));
  while (history_.size() > 1 && (history_.size() > kHistoryMax || history_bytes_ > kHistoryBytesMax)) {
    history_from_ = history_.front().version;
    history_bytes_ -= history_.front().bytes;
    history_.pop_front();
  }
  Change last = history_.back();  // a callback may write and so grow the history
  for (auto it = watches_.begin(); it != watches_.end();) {
    uint64_t id = it->first;  // a callback may end its own watch
    if (it->second.resource.empty() || it->second.resource == last.resource) it->second.fn(last);
    it = watches_.upper_bound(id);
  }
}

Result<uint64_t> ObjectStore::watch(const std::string& resource, int64_t from_version, Watcher watcher) {
  std::lock_guard lock(mutex_);
  if (from_version < history_from_)
    return fail(Code::Expired, fmt::format("too old resource version: {} ({})", from_version, history_from_));
  for (auto& change : history_)
    if (change.version > from_version && (resource.empty() || resource == change.resource)) watcher(change);
  watches_[next_watch_] = {resource, std::move(watcher)};
  return next_watch_++;
}

uint64_t ObjectStore::list_and_watch(const std::string& resource, const std::function<void(const Listing&)>& snapshot,
                                     Watcher watcher) {
  std::lock_guard lock(mutex_);
  snapshot(list_locked(resource, ""));
  watches_[next_watch_] = {resource, std::move(watcher)};
  return next_watch_++;
}

void ObjectStore::unwatch(uint64_t id) {
  std::lock_guard lock(mutex_);
  watches_.erase(id);
}

}  // namespace sl::kube
