// What each policy's file offers to the registry.
#pragma once

#include "runtime/placement/policy.h"

namespace tierscope {

#define POLICY(name) PolicyInfo name##_policy();
#include "runtime/placement/policies/list.def"
#undef POLICY

}  // namespace tierscope
