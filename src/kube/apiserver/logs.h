// GET .../pods/P/log: the kept lines of a part of this program, and with follow=true the coming ones.
// Who calls: apiserver. Thread: the server's loop; lines arrive from any thread. Source: Kubernetes pod log
// subresource. Errors: InvalidArgument for a container that the pod has not, for an earlier instance (there is none),
// and for numbers that are none.
#pragma once

#include "base/log.h"
#include "kube/object/meta.h"
#include "net/http_server/server.h"

namespace sl::kube {

// Answers on `out` unless it returns an error.
Result<void> stream_log(LogHub& logs, const std::string& component, const Value& pod, const net::HttpRequest& request,
                        net::HttpResponderPtr out);

}  // namespace sl::kube
