// The request to a language model: its body from the client, the credential, the head for the provider.
// Who calls: model.cc. Thread: the exchange's worker. Limits: WorkerOptions.llm_body_bytes_max; 600 s, or the route's
// own, for the body to arrive. Errors, as the client is told: TooLarge, Timeout, Unauthenticated, InvalidArgument of
// the body's framing, Io of its connection.
#pragma once

#include "llm/exchange/exchange.h"
#include "proxy/pipeline/exchange.h"

namespace sl::proxy {

// What of the request body came with the head: a view of it, or of `store` if it came in pieces.
Result<std::string_view> arrived_request(Exchange& x, std::string& store);
// Reads the rest of it behind what `store` holds: the caller has put there what arrived.
net::Task<Result<std::string_view>> read_rest(Exchange& x, std::string& store);

// The credential header to send, if there is one: views of the backend or of the client's head.
struct Credential {
  std::string_view name, prefix, key;
};

// Notes in the record whose credential it is.
Result<Credential> choose_credential(Exchange& x, const llm::Provider& provider);

// The head for the provider, in the client's scratch.
std::string_view model_request_head(Exchange& x, const llm::Provider& provider, const llm::Exchange& call,
                                    const Credential& credential, size_t body_size);

// Other APIs of model providers: taken for a chat they would only earn a misleading error. Under any prefix, with /v1
// in it or not: base URLs of clients have both forms. `prefix`: what of the path the route matched, which says nothing.
bool asks_another_api(std::string_view path, std::string_view prefix);

}  // namespace sl::proxy
