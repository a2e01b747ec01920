// Reads the vocabulary of a GGUF file or of a Hugging Face tokenizer.json (byte-pair merges, as Gemma's) into the
// struct that the tokenizer takes. Errors: Error with file and key.
#pragma once

#include <filesystem>

#include "runtime/gguf/gguf.h"
#include "traces/tokenizer.h"

namespace tierscope {

// By the file's content: GGUF, or else JSON.
Vocabulary read_vocabulary(const std::filesystem::path& path);
Vocabulary read_vocabulary(const GgufFile& file);

}  // namespace tierscope
