#include "experiments/compute_pace.h"

#include <algorithm>
#include <optional>
#include <string>

#include "runtime/base/text.h"

namespace tierscope {
namespace {

constexpr std::string_view kPaced = "paced:";

// "10ms" -> 10.
std::optional<double> parse_milliseconds(std::string_view text) {
  if (!text.ends_with("ms")) return std::nullopt;
  const auto value = parse_double(text.substr(0, text.size() - 2));
  return value && *value > 0 ? value : std::nullopt;
}

// One measured pass answers for every number of tokens and every context.
ComputeProfile constant_pace(double milliseconds, const ModelShape& shape) {
  const double block_us = milliseconds * 1000 / static_cast<double>(std::max<size_t>(shape.blocks.size(), 1));
  MeasuredPass pass;
  pass.tokens = 1;
  pass.before_rows_us = block_us * shape.first_use_in_block;
  pass.block_us.assign(shape.blocks.size(), block_us);
  ComputeProfile profile;
  profile.models.push_back({"", shape.weight_bytes, 1, {pass}});
  return profile;
}

}  // namespace

std::string_view pace_of(std::string_view compute) {
  return compute.starts_with(kPaced) ? compute.substr(kPaced.size()) : std::string_view();
}

ComputeProfile find_pace(std::string_view pace, const ModelShape& shape) {
  const auto milliseconds = parse_milliseconds(pace);
  return milliseconds ? constant_pace(*milliseconds, shape) : find_profile(std::string(pace)).compute;
}

}  // namespace tierscope
