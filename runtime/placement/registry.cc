#include <fmt/format.h>

#include <algorithm>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/placement/admission.h"
#include "runtime/placement/pinned_rows.h"
#include "runtime/placement/policies/policies.h"
#include "runtime/placement/policy.h"

namespace tierscope {
namespace {

std::string_view find_parameter(const std::vector<std::pair<std::string, std::string>>& given,
                                const std::vector<PolicyParameter>& declared, std::string_view key) {
  for (const auto& [name, value] : given)
    if (name == key) return value;
  return std::ranges::find(declared, key, &PolicyParameter::name)->default_value;
}

double parse_share(std::string_view text, const std::string& where) {
  const auto share = text.ends_with("%") ? parse_double(text.substr(0, text.size() - 1)) : std::nullopt;
  if (!share || *share < 0 || *share > 1000)
    throw UsageError(fmt::format("'{}' is not a share", text), where, "write it as in 10%");
  return *share / 100;
}

// The policy with what the common parameters put around it.
std::unique_ptr<Policy> make_surrounded(const PolicyInfo& info, const PolicySpec& spec, const PolicyContext& context) {
  const auto common = [&](std::string_view key) {
    return std::string(find_parameter(spec.parameters, common_parameters(), key));
  };
  const std::string pin = common("pin");
  std::vector<RowId> head;
  if (pin != "none") {
    const double share = parse_share(common("pin-share"), spec.name + ":pin-share");
    const auto wanted = static_cast<uint64_t>(share * context.slots);
    if (wanted == 0 || wanted >= context.slots)
      throw UsageError(
          fmt::format("a pinned head of {} of {} slots leaves no room for one of both", wanted, context.slots),
          spec.name + ":pin-share", "choose a share between");
    head = rows_to_pin(pin, wanted, context);
  }
  PolicyContext behind = context;
  behind.slots -= static_cast<uint32_t>(head.size());
  std::unique_ptr<Policy> policy = make_admission(common("admit"), behind, info.make(behind));
  return head.empty() ? std::move(policy) : make_pinned_head(context, head, std::move(policy));
}

}  // namespace

const std::vector<PolicyInfo>& policies() {
  static const std::vector<PolicyInfo> all{
#define POLICY(name) name##_policy(),
#include "runtime/placement/policies/list.def"
#undef POLICY
  };
  return all;
}

const std::vector<PolicyParameter>& common_parameters() {
  static const std::vector<PolicyParameter> all{
      {"admit", "always", "which missed rows may enter: always, second-access or tinylfu"},
      {"pin", "none", "a pinned head before the policy: a hot set's file, or 'rank' for the lowest ids"},
      {"pin-share", "50%", "share of the slots that the pinned head has"},
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
  if (!info->pins)
    for (const PolicyParameter& parameter : common_parameters()) known.push_back(parameter.name);
  for (size_t i = 0; i < spec.parameters.size(); ++i) {
    const std::string& key = spec.parameters[i].first;
    if (std::ranges::find(known, key) == known.end())
      throw UsageError(known.empty() ? "policy '" + spec.name + "' takes no parameters, not '" + key + "'"
                                     : unknown_name("parameter of policy '" + spec.name + "'", key, known));
    for (size_t j = 0; j < i; ++j)
      if (spec.parameters[j].first == key)
        throw UsageError("parameter '" + key + "' of policy '" + spec.name + "' is given twice");
  }
  return *info;
}

std::unique_ptr<Policy> make_policy(const PolicySpec& spec, PolicyContext context) {
  const PolicyInfo& info = find_policy(spec);
  context.parameters = spec.parameters;
  context.info = &info;
  return info.pins ? info.make(context) : make_surrounded(info, spec, context);
}

std::string_view PolicyContext::parameter(std::string_view key) const {
  return find_parameter(parameters, info->parameters, key);
}

uint64_t PolicyContext::whole_number(std::string_view key, uint64_t low, uint64_t high) const {
  const auto value = parse_unsigned(parameter(key));
  if (!value || *value < low || *value > high)
    throw UsageError(fmt::format("'{}' is not a whole number from {} to {}", parameter(key), low, high),
                     fmt::format("{}:{}", info->name, key));
  return *value;
}

double PolicyContext::number(std::string_view key, double low, double high) const {
  const auto value = parse_double(parameter(key));
  if (!value || *value < low || *value > high)
    throw UsageError(fmt::format("'{}' is not a number from {} to {}", parameter(key), low, high),
                     fmt::format("{}:{}", info->name, key));
  return *value;
}

uint32_t PolicyContext::share_of_slots(std::string_view key, uint32_t low, uint32_t high) const {
  const double share = parse_share(parameter(key), fmt::format("{}:{}", info->name, key));
  return static_cast<uint32_t>(std::clamp<double>(share * slots, low, high));
}

}  // namespace tierscope
