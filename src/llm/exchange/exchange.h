// Exchange: one model call between a client's dialect and a provider, translated or passed through.
//
// Who calls: proxy for a request to an LLM backend, `sightline translate`. Thread: one request's.
// Bytes may arrive split anywhere; output is the same. Limits: the caller's on the request, 16 MiB on a whole
// answer, 4 MiB on one streamed event.
#pragma once

#include <memory>

#include "codec/sse/sse.h"
#include "llm/dialect/dialect.h"
#include "llm/provider.h"

namespace sl::llm {

class Exchange {
 public:
  Exchange(const Dialect& dialect, const Provider& provider);

  // The client's body as the provider's. `model` replaces the client's unless empty.
  Result<std::string> request(std::string_view body, std::string_view model);

  bool pass_through() const { return pass_through_; }
  bool streamed() const { return stream_; }
  const std::string& model() const { return model_; }  // asked of the provider
  // What of the request and the answer could not be carried over, by the client's names.
  const std::vector<std::string>& dropped() const { return dropped_; }
  // `translate --response` has no request: it acts as if the client had asked for this.
  void assume(std::string_view model, bool stream, bool include_usage);

  // A whole successful answer.
  Result<std::string> response(std::string_view body);
  // A whole error answer. *status in: the provider's, 0 if it is not known; out: the client's.
  std::string error_response(int* status, std::string_view body);

  // A streamed answer: feed bytes as they come, then finish once.
  void feed(std::string_view bytes, std::string& out);
  // The provider's stream ended. False: it was cut, and an error event has been appended. `status`: what that would be
  // as a whole answer.
  bool finish(std::string& out, std::string_view why = "the provider closed the stream before its end",
              int status = 502);
  bool stream_failed() const { return failed_; }
  const std::string& failure() const { return failure_; }  // in the provider's words
  // A translated stream failed before its first event: it can still be answered with a status. Null otherwise.
  const ProviderError* early_error() const { return early_ ? &*early_ : nullptr; }
  std::string early_body() const;  // that error as a whole answer
  // Nothing more can come of it, whether or not the provider has closed.
  bool stream_ended() const;

  const AnswerFacts& facts() const { return facts_; }

 private:
  Result<std::string> pass_request(std::string_view body, std::string_view model);
  void fail_stream(ProviderError error);
  void on_event(const StreamEvent& event, std::string& out);
  void tap_stream(std::string_view bytes, std::string& out);
  // False: an event is too large. `only_usage`: the one that ended told nothing but the usage we asked for.
  bool tap_events(std::string_view bytes, bool& only_usage);
  size_t pass_whole_event(std::string_view bytes, std::string& out);

  const Dialect* dialect_;
  const Provider* provider_;
  bool pass_through_;
  bool stream_ = false;
  bool include_usage_ = false;  // the client asked for it
  bool old_functions_ = false;
  bool value_by_tool_ = false;
  bool hide_usage_ = false;  // we asked for usage, the client did not
  bool done_ = false;
  bool failed_ = false;
  bool begun_ = false;  // an event of the stream was not an error
  std::optional<ProviderError> early_;
  std::string failure_;
  std::string model_;
  std::vector<std::string> dropped_;
  AnswerFacts facts_;
  sse::Decoder sse_;
  std::string event_;                                         // the one that is whole now, where it may be left out
  std::string held_;                                          // pass-through: the event that is not whole yet
  bool line_empty_ = true, last_cr_ = false, ended_ = false;  // where in it the last byte stood
  std::unique_ptr<StreamDecoder> decoder_;
  std::unique_ptr<StreamEncoder> encoder_;
};

}  // namespace sl::llm
