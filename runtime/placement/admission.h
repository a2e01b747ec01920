// Admission: which missed rows may enter a cache at all, in front of any eviction policy. Not thread-safe.
#pragma once

#include <memory>
#include <string>

#include "runtime/placement/policy.h"

namespace tierscope {

// `how`: "always", "second-access" or "tinylfu"; UsageError for another word.
std::unique_ptr<Policy> make_admission(const std::string& how, const PolicyContext& context,
                                       std::unique_ptr<Policy> behind);

}  // namespace tierscope
