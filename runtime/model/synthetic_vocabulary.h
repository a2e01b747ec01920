// A vocabulary of Gemma 4's kind (tokenizer.ggml.model = gemma4) whose entries are made up: control tokens, turn
// markers, newlines and bytes have Gemma's ids where it is large enough, the rest are letters and merges of letters.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "runtime/gguf/gguf.h"

namespace tierscope {

using GgufKeys = std::vector<std::pair<std::string, GgufValue>>;

// The tokenizer.* keys of a vocabulary of `size` entries, at least 300.
GgufKeys synthetic_vocabulary(uint32_t size);
// Those of another file, filled up to `size` with unused control tokens. Error where it is larger or has none.
GgufKeys copied_vocabulary(const GgufFile& file, uint32_t size);

}  // namespace tierscope
