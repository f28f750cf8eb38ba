// The two schema-less patch formats. Who calls: kube/api. Thread: any.
#pragma once

#include "json/value.h"

namespace sl::json {

// RFC 7386: null deletes, objects merge, everything else replaces.
void merge_patch(Value& target, const Value& patch);

// RFC 6902. All or nothing: on an error the target is unchanged. At most 10,000 operations.
// Errors: InvalidArgument for a malformed patch, Invalid for a failed test or a path that does not exist.
Result<Value> json_patch(const Value& target, const Value& patch);

}  // namespace sl::json
