// kubectl's client-side apply of a manifest in an earlier spelling. Who calls: Api. Thread: any.
#pragma once

#include "kube/api/registry.h"

namespace sl::kube {

// kubectl compares the manifest applied before, the one applied now and the object, and sends a merge patch. Where a
// manifest is spelled as in an earlier version it compares names that do not meet: what the object took from the
// manifest before would stay for ever, or be deleted when the manifest now says the same in today's spelling. So the
// comparison is done again here, with both manifests (the annotation last-applied-configuration of the object and of
// the patch) in today's spelling. Returns what to merge instead of `patch`; nothing where `patch` is right as it is.
// Adds to `warnings` what was respelled in the manifest applied now.
std::optional<Value> client_apply_today(const ResourceType& type, const Value& current, const Value& patch,
                                        std::vector<std::string>& warnings);

}  // namespace sl::kube
