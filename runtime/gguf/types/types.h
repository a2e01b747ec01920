// What each type's file offers to the table in dtype.cc.
#pragma once

#include "runtime/gguf/dtype.h"

namespace tierscope::types {

DTypeInfo f32();
DTypeInfo f16();
DTypeInfo bf16();
DTypeInfo q4_0();
DTypeInfo q4_1();
DTypeInfo q5_0();
DTypeInfo q5_1();
DTypeInfo q8_0();
DTypeInfo q2_k();
DTypeInfo q3_k();
DTypeInfo q4_k();
DTypeInfo q5_k();
DTypeInfo q6_k();
DTypeInfo iq4_nl();
DTypeInfo iq4_xs();

}  // namespace tierscope::types
