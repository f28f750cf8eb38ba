// The one place where an Error becomes an HTTP answer of the data path, in the client's own dialect.
// Who calls: proxy/pipeline. Thread: plain function.
#pragma once

#include <string>

#include "base/error.h"
#include "llm/dialect/dialect.h"

namespace sl::proxy {

struct Reply {
  int status = 500;
  std::string content_type;
  std::string body;
};

// `dialect` null: plain text.
Reply error_reply(const Error& error, const llm::Dialect* dialect);
Reply error_reply(int status, std::string_view message, const llm::Dialect* dialect);

}  // namespace sl::proxy
