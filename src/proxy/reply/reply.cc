#include "proxy/reply/reply.h"

namespace sl::proxy {

Reply error_reply(int status, std::string_view message, const llm::Dialect* dialect) {
  Reply out;
  out.status = status;
  if (dialect) {
    out.content_type = "application/json";
    out.body = dialect->encode(llm::ProviderError{status, "", std::string(message)});
  } else {
    out.content_type = "text/plain; charset=utf-8";
    out.body = std::string(message) + "\n";
  }
  return out;
}

Reply error_reply(const Error& error, const llm::Dialect* dialect) {
  int status = http_status(error.code);
  if (error.code == Code::Invalid) status = 400;
  return error_reply(status, error.message, dialect);
}

}  // namespace sl::proxy
