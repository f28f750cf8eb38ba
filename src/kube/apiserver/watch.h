// One client's watch: store changes in, newline-separated watch events out.
// Who calls: apiserver. Thread: starts on the server's loop; events come from whichever thread writes and go
// to the responder, which is thread-safe and bounded (a slow reader is cut off and lists again).
// Source: Kubernetes API concepts, watch.
#pragma once

#include "kube/api/api.h"
#include "net/http_server/server.h"

namespace sl::kube {

struct WatchRequest {
  TypePtr type;
  std::string version;
  std::string ns;
  LabelSelector labels;
  FieldSelector fields;
  std::string resource_version;
  bool bookmarks = false;
  bool send_initial_events = false;
  bool as_table = false, as_metadata = false;
  bool include_object = false;  // table rows carry the whole object
};

// Answers on the responder: the stream, or an error Status. Returns a function that sends a bookmark and, if
// asked to, ends the stream (for the timeout); safe to call after the client left.
std::function<void(bool end)> start_watch(Api& api, WatchRequest request, net::HttpResponderPtr responder);

}  // namespace sl::kube
