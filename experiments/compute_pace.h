// The pace that `--compute paced:D` names, for runs that wait it and for predictions: a device profile's, or "10ms",
// where every pass takes that long, evenly over the blocks (a device bound by reading its weights).
#pragma once

#include <string_view>

#include "sim/device_profile.h"
#include "sim/model_shape.h"

namespace tierscope {

// "phone-ufs4" of "paced:phone-ufs4"; empty where `compute` is no pace.
std::string_view pace_of(std::string_view compute);
// `pace`: a profile's name or file, or milliseconds as "10ms". UsageError for an unknown profile.
ComputeProfile find_pace(std::string_view pace, const ModelShape& shape);

}  // namespace tierscope
