#include "kube/apiserver/watch.h"

#include <atomic>

#include "base/strings.h"
#include "kube/apiserver/table.h"

namespace sl::kube {
namespace {

class Watch : public std::enable_shared_from_this<Watch> {
 public:
  Watch(Api& api, WatchRequest request, net::HttpResponderPtr out)
      : api_(api), request_(std::move(request)), out_(std::move(out)) {}

  void start() {
    burst_ = true;  // all that is there already comes at once
    begin();
    burst_ = false;
  }
  void begin() {
    int64_t from = parse_int(request_.resource_version).value_or(0);
    bool from_now = request_.resource_version.empty() || from == 0;
    auto self = shared_from_this();
    if (from_now || request_.send_initial_events) {
      open_stream();
      id_ = api_.store().list_and_watch(
          request_.type->key(), [&](const Listing& all) { initial(all); },
          [self](const Change& change) { self->on_change(change); });
    } else {
      if (from > api_.store().version())
        return refuse(Error{Code::Timeout,
                            "Too large resource version",
                            {{"ResourceVersionTooLarge", "Too large resource version", ""}}});
      // The head goes out first; an expired version is an ERROR event, as clients expect after a 200.
      open_stream();
      auto id =
          api_.store().watch(request_.type->key(), from, [self](const Change& change) { self->on_change(change); });
      if (!id) {
        send("ERROR", to_status(id.error()));
        out_->end();
        return;
      }
      id_ = *id;
    }
    out_->on_close([self] { self->stop(); });
  }

  void tick(bool end) {
    if (out_->closed()) return;
    if (request_.bookmarks) api_.store().at_version([this](int64_t version) { bookmark(version, false); });
    if (!end) return;
    stop();
    out_->end();
  }

 private:
  void open_stream() {
    out_->start(200, net::Headers{{"Content-Type", "application/json"}, {"Cache-Control", "no-cache, private"}});
  }
  void refuse(const Error& e) {
    out_->respond(http_status(e.code), net::Headers{{"Content-Type", "application/json"}}, json::dump(to_status(e)));
  }
  void stop() {
    if (uint64_t id = std::exchange(id_, 0)) api_.store().unwatch(id);
  }

  bool selects(const Value& o) const {
    return (request_.ns.empty() || namespace_of(o) == request_.ns) && request_.labels.matches(o) &&
           request_.fields.matches(o);
  }

  void initial(const Listing& all) {
    for (auto& item : all.items)
      if (selects(*item)) send_object("ADDED", item);
    if (request_.send_initial_events && request_.bookmarks) bookmark(all.version, true);
  }

  // What leaves the selection is told as it was in it, at the version of the change.
  static ObjectPtr as_it_was(const Change& c) {
    Value out = *c.before;
    out.get_object()["metadata"].get_object()["resourceVersion"] = json::str(*c.object, "metadata", "resourceVersion");
    return std::make_shared<const Value>(std::move(out));
  }

  void on_change(const Change& c) {
    bool was = c.before && selects(*c.before);
    bool is = c.type != Change::Type::Deleted && selects(*c.object);
    if (is)
      send_object(was ? "MODIFIED" : "ADDED", c.object);
    else if (was && c.type == Change::Type::Deleted)
      send_object("DELETED", c.object);
    else if (was)
      send_object("DELETED", as_it_was(c));
  }

  void bookmark(int64_t version, bool initial_done) {
    json::Object meta{{"resourceVersion", std::to_string(version)}, {"creationTimestamp", nullptr}};
    if (initial_done) meta["annotations"] = json::Object{{"k8s.io/initial-events-end", "true"}};
    json::Object mark{{"kind", request_.type->kind},
                      {"apiVersion", request_.type->api_version(request_.version)},
                      {"metadata", std::move(meta)}};
    send("BOOKMARK", request_.as_metadata ? partial_object(mark) : Value(std::move(mark)));
  }

  void send_object(std::string_view type, const ObjectPtr& object) {
    if (request_.as_table) {
      auto include = request_.include_object ? IncludeObject::Object : IncludeObject::Metadata;
      send(type, make_table(*request_.type, request_.version, {object}, include, !columns_sent_));
      columns_sent_ = true;
    } else if (request_.as_metadata) {
      send(type, partial_object(*object));
    } else {
      send(type, Api::render(*object, *request_.type, request_.version));
    }
  }

  void send(std::string_view type, const Value& object) {
    std::string line = R"({"type":")";
    line += type;
    line += R"(","object":)";
    json::write(object, line);
    line += "}\n";
    out_->write(std::move(line), burst_);
  }

  Api& api_;
  WatchRequest request_;
  net::HttpResponderPtr out_;
  uint64_t id_ = 0;
  bool columns_sent_ = false;
  std::atomic<bool> burst_ = false;  // events may come from another thread before start() is through
};

}  // namespace

std::function<void(bool)> start_watch(Api& api, WatchRequest request, net::HttpResponderPtr responder) {
  auto watch = std::make_shared<Watch>(api, std::move(request), std::move(responder));
  watch->start();
  std::weak_ptr<Watch> weak = watch;
  return [weak](bool end) {
    if (auto w = weak.lock()) w->tick(end);
  };
}

}  // namespace sl::kube
