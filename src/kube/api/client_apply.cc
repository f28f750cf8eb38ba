#include "kube/api/client_apply.h"

#include "json/patch.h"

namespace sl::kube {
namespace {

struct Manifest {
  Value spec;
  bool respelled = false;
};

// What `o` (an object or a patch) says was applied last, in today's spelling.
std::optional<Manifest> last_applied(const ResourceType& type, const Value& o, std::vector<std::string>& warnings) {
  auto* note = json::find(o, "metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration");
  if (!note || !note->is_string()) return std::nullopt;
  auto manifest = json::parse(json::view(note->get_string()));
  if (!manifest || !manifest->is_object()) return std::nullopt;
  size_t told = warnings.size();
  type.respell(*manifest, warnings);
  auto* spec = json::find(*manifest, "spec");
  return Manifest{spec ? *spec : Value(json::Object()), warnings.size() > told};
}

}  // namespace

std::optional<Value> client_apply_today(const ResourceType& type, const Value& current, const Value& patch,
                                        std::vector<std::string>& warnings) {
  // A patch of the annotation alone (`kubectl apply set-last-applied`) changes nothing else.
  if (!type.respell || !json::find(patch, "spec")) return std::nullopt;
  std::vector<std::string> told, before;
  auto now = last_applied(type, patch, told);
  if (!now) return std::nullopt;
  auto then = last_applied(type, current, before);
  if (!now->respelled && !(then && then->respelled)) return std::nullopt;
  Value out = patch;
  out.get_object()["spec"] = then ? json::three_way_patch(then->spec, now->spec) : now->spec;
  std::move(told.begin(), told.end(), std::back_inserter(warnings));
  return out;
}

}  // namespace sl::kube
