#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "experiments/commands/commands.h"
#include "runtime/placement/policy.h"

namespace tierscope {
namespace {

using nlohmann::ordered_json;

ordered_json to_json(const std::vector<PolicyParameter>& parameters) {
  ordered_json list = ordered_json::array();
  for (const PolicyParameter& parameter : parameters)
    list.push_back({{"name", parameter.name}, {"default", parameter.default_value}, {"help", parameter.help}});
  return list;
}

void print_parameters(const std::vector<PolicyParameter>& parameters) {
  for (const PolicyParameter& parameter : parameters) {
    const std::string shown = parameter.default_value.empty() ? "..." : parameter.default_value;
    fmt::print("    {:<20} {}\n", parameter.name + "=" + shown, parameter.help);
  }
}

int run(const Arguments& arguments) {
  if (arguments.flag("json")) {
    ordered_json list = ordered_json::array();
    for (const PolicyInfo& policy : policies()) {
      ordered_json parameters = to_json(policy.parameters);
      if (!policy.pins)
        for (const auto& parameter : to_json(common_parameters())) parameters.push_back(parameter);
      list.push_back({{"name", policy.name},
                      {"summary", policy.summary},
                      {"paper", policy.paper},
                      {"offline", policy.offline},
                      {"pins", policy.pins},
                      {"parameters", parameters}});
    }
    fmt::print("{}\n", list.dump(1));
    return 0;
  }
  for (const PolicyInfo& policy : policies()) {
    fmt::print("{:<15} {}\n                {}\n", policy.name, policy.summary, policy.paper);
    print_parameters(policy.parameters);
  }
  fmt::print("\nparameters of all policies but pin-*:\n");
  print_parameters(common_parameters());
  return 0;
}

}  // namespace

Command policies_command() {
  return {"policies",
          "the placement policies: what they do, their papers, parameters and defaults",
          "A parameter follows its policy in a placement, e.g. nvme+ram:64MiB:s3fifo:small=20%:admit=tinylfu",
          {},
          {options::json()},
          {{"tierscope policies", "what a placement can name"}},
          run};
}

}  // namespace tierscope
