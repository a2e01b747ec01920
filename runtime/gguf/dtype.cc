#include "runtime/gguf/dtype.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <stdexcept>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/gguf/types/types.h"

namespace tierscope {
namespace {

// Types that files carry and this program cannot compute with; named so that a message says more than a number.
struct OpaqueType {
  uint32_t id;
  std::string_view name;
};
constexpr std::array kOpaqueTypes{OpaqueType{9, "Q8_1"},    OpaqueType{15, "Q8_K"},    OpaqueType{16, "IQ2_XXS"},
                                  OpaqueType{17, "IQ2_XS"}, OpaqueType{18, "IQ3_XXS"}, OpaqueType{19, "IQ1_S"},
                                  OpaqueType{21, "IQ3_S"},  OpaqueType{22, "IQ2_S"},   OpaqueType{24, "I8"},
                                  OpaqueType{25, "I16"},    OpaqueType{26, "I32"},     OpaqueType{27, "I64"},
                                  OpaqueType{28, "F64"},    OpaqueType{29, "IQ1_M"},   OpaqueType{34, "TQ1_0"},
                                  OpaqueType{35, "TQ2_0"},  OpaqueType{39, "MXFP4"},   OpaqueType{40, "NVFP4"}};

}  // namespace

const DTypeInfo* dtype_info(DType type) {
  const auto found = std::ranges::find(dtypes(), type, &DTypeInfo::type);
  return found == dtypes().end() ? nullptr : &*found;
}

const DTypeInfo& known_dtype(DType type) {
  const DTypeInfo* info = dtype_info(type);
  if (!info) throw std::logic_error("dtype " + std::to_string(uint32_t(type)) + " was not checked");
  return *info;
}

const DTypeInfo& dtype_by_name(std::string_view name) {
  std::string upper(name);
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return char(std::toupper(c)); });
  const auto found = std::ranges::find(dtypes(), upper, &DTypeInfo::name);
  if (found != dtypes().end()) return *found;
  std::vector<std::string> names;
  for (const DTypeInfo& info : dtypes()) names.emplace_back(info.name);
  throw UsageError(unknown_name("tensor type", upper, names));
}

std::span<const DTypeInfo> dtypes() {
  using namespace types;
  static const std::array all{f32(),  f16(),  bf16(), q4_0(), q4_1(), q5_0(),   q5_1(),  q8_0(),
                              q2_k(), q3_k(), q4_k(), q5_k(), q6_k(), iq4_nl(), iq4_xs()};
  return all;
}

std::string dtype_name(DType type) {
  if (const DTypeInfo* info = dtype_info(type)) return std::string(info->name);
  const auto opaque = std::ranges::find(kOpaqueTypes, uint32_t(type), &OpaqueType::id);
  return opaque == kOpaqueTypes.end() ? fmt::format("type {}", uint32_t(type)) : std::string(opaque->name);
}

}  // namespace tierscope
