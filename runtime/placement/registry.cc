#include <algorithm>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/placement/policies/policies.h"
#include "runtime/placement/policy.h"

namespace tierscope {

const std::vector<PolicyInfo>& policies() {
  static const std::vector<PolicyInfo> all{
      fifo_policy(),
      lru_policy(),
  };
  return all;
}

const PolicyInfo& find_policy(const PolicySpec& spec) {
  const auto info = std::ranges::find(policies(), spec.name, &PolicyInfo::name);
  if (info == policies().end()) {
    std::vector<std::string> names;
    for (const PolicyInfo& policy : policies()) names.push_back(policy.name);
    throw UsageError(unknown_name("policy", spec.name, names));
  }
  std::vector<std::string> known;
  for (const PolicyParameter& parameter : info->parameters) known.push_back(parameter.name);
  for (const auto& [key, value] : spec.parameters)
    if (std::ranges::find(known, key) == known.end())
      throw UsageError(known.empty() ? "policy '" + spec.name + "' takes no parameters, not '" + key + "'"
                                     : unknown_name("parameter of policy '" + spec.name + "'", key, known));
  return *info;
}

std::unique_ptr<Policy> make_policy(const PolicySpec& spec, uint32_t slots, uint64_t table_rows, uint64_t seed) {
  const PolicyInfo& info = find_policy(spec);
  return info.make({slots, table_rows, seed, spec.parameters, &info});
}

std::string_view PolicyContext::parameter(std::string_view key) const {
  for (const auto& [name, value] : parameters)
    if (name == key) return value;
  return std::ranges::find(info->parameters, key, &PolicyParameter::name)->default_value;
}

}  // namespace tierscope
