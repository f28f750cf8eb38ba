// What ?parameters ask of the session store. Who calls: sessions. Thread: any. Errors: InvalidArgument, which names the
// parameter and what it takes.
#pragma once

#include "agent/sessions/store.h"
#include "net/http_server/server.h"

namespace sl::rest {

// ?order=asc|desc &after=RFC3339 &limit=N (-1: all)
Result<agent::MessageQuery> message_query(const net::HttpRequest& request);
// ?limit=N (to 10000) &before=TOKEN, as the page before told it: the change and id of its last session.
Result<agent::SessionQuery> session_query(const net::HttpRequest& request);

}  // namespace sl::rest
