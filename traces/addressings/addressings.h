// What each addressing's file offers to the registry in traces/addressing.cc.
#pragma once

#include "traces/addressing.h"

namespace tierscope {

AddressingKind token_addressing();
AddressingKind ngram_addressing();

}  // namespace tierscope
