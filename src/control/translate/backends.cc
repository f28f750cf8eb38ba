// Backends: endpoints, provider and credential, and the conditions Accepted and ResolvedRefs.
#include <fmt/format.h>

#include "base/strings.h"
#include "control/status/conditions.h"
#include "control/translate/translate.h"

namespace sl::control {

using resource::AuthToken;

namespace {

struct Verdict {
  bool accepted = true, resolved = true;
  std::string accepted_message = "Backend successfully accepted";
  std::string resolved_reason = "ResolvedRefs", resolved_message = "all references resolved";
};

void refuse(Verdict& v, std::string why) {
  v.accepted = false;
  v.accepted_message = "failed to translate backend: " + std::move(why);
}

// A key as people put it into Secrets: a leading "Bearer " and white space do not belong to it.
std::string bare_key(std::string_view key) {
  key = trim(key);
  if (key.size() > 7 && iequals(key.substr(0, 7), "bearer ")) key = trim(key.substr(7));
  return iequals(key, "bearer") ? std::string() : std::string(key);
}

void set_secret(const ResourceIndex& index, const std::string& ns, const std::string& name, route::Auth& auth,
                Verdict& v) {
  auth.kind = "key";
  auth.source = "secret";
  auto value = secret_value(index, ns, name, "Authorization");
  if (value && !bare_key(*value).empty()) {
    auth.credential = bare_key(*value);
    return;
  }
  std::string words;
  if (index.secrets.contains(ns + "/" + name)) {
    words = fmt::format("Secret {}/{} has no value under the key \"Authorization\"", ns, name);
  } else {
    words = fmt::format("Secret \"{}\" not found in namespace {}, where the Backend is", name, ns);
    auto elsewhere = namespaces_with_secret(index, name, ns);
    if (!elsewhere.empty())
      words += fmt::format(
          "; a Secret of that name exists in namespace {}: secretRef looks only in the Backend's own namespace, so "
          "copy it there",
          join(elsewhere, ", "));
  }
  v.resolved = false;
  v.resolved_reason = "SecretNotFound";
  v.resolved_message = words + ". Requests use the caller's own credential if it sends one, else they get 401";
  auth.missing = words;
}

void set_auth(const ResourceIndex& index, const std::string& ns, const std::optional<AuthToken>& token,
              route::Auth& auth, Verdict& v) {
  if (!token) return;
  if (token->kind == "Passthrough") {
    auth.kind = "passthrough";
  } else if (token->kind == "Inline") {
    auth = {"key", "inline", bare_key(token->inline_value), auth.header, auth.prefix, ""};
  } else {
    set_secret(index, ns, token->secret_ref ? token->secret_ref->name : "", auth, v);
  }
}

void translate_llm(const ResourceIndex& index, const std::string& ns, const resource::LlmProvider& llm,
                   route::Backend& out, Verdict& v) {
  route::AiTarget ai;
  if (llm.auth_header) {
    ai.auth.header = llm.auth_header->header_name;
    ai.auth.prefix = llm.auth_header->prefix;
  }
  std::string host;
  if (llm.anthropic) {
    ai.provider = "anthropic";
    ai.model = llm.anthropic->model;
    ai.api_version = llm.anthropic->api_version;
    host = "api.anthropic.com";
    set_auth(index, ns, llm.anthropic->auth_token, ai.auth, v);
  } else if (llm.openai) {
    ai.provider = "openai";
    ai.model = llm.openai->model;
    host = "api.openai.com";
    set_auth(index, ns, llm.openai->auth_token, ai.auth, v);
  } else {
    return refuse(v, "this provider is not supported yet; supported are anthropic and openai");
  }
  if (llm.path) ai.path = llm.path->full;
  // A given host is spoken to in TLS on 443 only: in-cluster model servers are plain.
  int64_t port = llm.port.value_or(443);
  out.endpoints.push_back({llm.host.empty() ? host : llm.host, port});
  out.tls = llm.host.empty() || port == 443;
  out.ai = std::move(ai);
}

void translate_spec(const ResourceIndex& index, const Held<resource::BackendSpec>& b, route::Backend& out, Verdict& v) {
  auto& spec = b.spec;
  if (spec.static_backend) {
    if (!spec.static_backend->app_protocol.empty())
      return refuse(v, fmt::format("appProtocol {} is not supported yet", spec.static_backend->app_protocol));
    for (auto& h : spec.static_backend->hosts) out.endpoints.push_back({h.host, h.port});
  } else if (spec.ai && spec.ai->llm) {
    translate_llm(index, b.ns(), *spec.ai->llm, out, v);
  } else if (spec.ai) {
    auto& group = spec.ai->priority_groups.front();
    translate_llm(index, b.ns(), group.providers.front(), out, v);
    if (spec.ai->priority_groups.size() > 1 || group.providers.size() > 1)
      refuse(v, "priorityGroups with more than one provider are not supported yet");
  } else {
    refuse(v, fmt::format("type {} is not supported yet; supported are AI and Static", spec.type));
  }
}

}  // namespace

void translate_backends(const ResourceIndex& index, Translation& out) {
  for (auto& [key, b] : index.backends) {
    route::Backend made;
    made.name = key;
    Verdict v;
    translate_spec(index, b, made, v);
    Conditions c(json::find(*b.object, "status"), b.generation());
    c.set("Accepted", v.accepted, v.accepted ? "Accepted" : "TranslationError", v.accepted_message);
    c.set("ResolvedRefs", v.resolved, v.resolved_reason, v.resolved_message);
    out.statuses.push_back({"backends.gateway.kgateway.dev", b.ns(), b.name(), json::Object{{"conditions", c.take()}}});
    if (v.accepted) out.routes.backends.push_back(std::move(made));
  }
}

}  // namespace sl::control
