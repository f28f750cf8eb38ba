#include "kube/apiserver/reviews.h"

#include "kube/apiserver/body.h"

namespace sl::kube {

using json::Array;
using json::Object;

std::optional<Result<json::Value>> serve_review(const net::HttpRequest& request, const std::string& user) {
  bool access = request.path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
  bool rules = request.path == "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
  bool who = request.path == "/apis/authentication.k8s.io/v1/selfsubjectreviews";
  if (!access && !rules && !who) return std::nullopt;
  if (request.method != "POST")
    return fail(Code::MethodNotAllowed, "the server does not allow this method on the requested resource");
  auto body = read_body(request);
  if (!body) return fail(std::move(body).error());
  Object out = body->value.is_object() ? body->value.get_object() : Object{};
  Array everything{"*"};
  if (access) out["status"] = Object{{"allowed", true}, {"reason", "the holder of the admin token may do everything"}};
  if (rules)
    out["status"] = Object{
        {"resourceRules", Array{Object{{"verbs", everything}, {"apiGroups", everything}, {"resources", everything}}}},
        {"nonResourceRules", Array{Object{{"verbs", everything}, {"nonResourceURLs", everything}}}},
        {"incomplete", false}};
  if (who)
    out["status"] =
        Object{{"userInfo", Object{{"username", user}, {"groups", Array{"system:masters", "system:authenticated"}}}}};
  return json::Value(std::move(out));
}

}  // namespace sl::kube
