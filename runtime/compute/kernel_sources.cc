#include "runtime/compute/kernel_sources.h"

#include <algorithm>
#include <stdexcept>

#include "runtime/compute/kernel_texts.h"

namespace tierscope {
namespace {

std::string_view part(const std::string& name) {
  const auto found = std::ranges::find(kernel_texts(), name, &EmbeddedText::name);
  if (found == kernel_texts().end()) throw std::logic_error("no device kernel source '" + name + "'");
  return found->text;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

}  // namespace

std::string kernel_source(KernelDialect dialect, std::optional<DType> type) {
  std::string source(part(dialect == KernelDialect::opencl ? "prelude_opencl.h" : "prelude_cuda.h"));
  if (!type) return source.append(part("decoder.cl"));
  source.append(part("bytes.cl"));
  source.append(part("dequantize_" + lower(known_dtype(*type).name) + ".cl"));
  return source.append(part("typed.cl"));
}

}  // namespace tierscope
