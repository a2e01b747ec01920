// The files of sim/devices, embedded at build time, so that `--device phone-ufs4` works wherever the program is.
#pragma once

#include <vector>

#include "runtime/base/embedded_text.h"

namespace tierscope {

const std::vector<EmbeddedText>& profile_files();

}  // namespace tierscope
