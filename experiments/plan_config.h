// A plan's effective values with the origin of each, for `tierscope run PLAN --dump-config`.
#pragma once

#include <filesystem>
#include <string>

namespace tierscope {

// TOML that gives the same plan; behind each key "# default" or "# file". Errors as Plan::read.
std::string plan_config(const std::filesystem::path& file);

}  // namespace tierscope
