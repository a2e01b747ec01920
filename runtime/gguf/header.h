// One file's header: keys, tensor descriptions and where the data begins, checked against the file's size. What spans
// the files of a split is GgufFile's.
#pragma once

#include "runtime/gguf/gguf.h"

namespace tierscope {

struct GgufHeader {
  uint32_t version = 0;
  uint64_t alignment = 32;
  std::vector<std::pair<std::string, GgufValue>> values;
  std::vector<GgufTensor> tensors;  // offsets from the file's start; `file` is not set
};

GgufHeader read_gguf_header(const std::filesystem::path& path);

}  // namespace tierscope
