// The n-gram addressing of a model file with a hashed PLE table, read from its `PREFIX.ple.*` keys.
#pragma once

#include <optional>

#include "runtime/gguf/gguf.h"
#include "traces/ngram.h"

namespace tierscope {

// Nothing where the file has no such keys; Error where they are incomplete, contradict each other or exceed the table.
std::optional<NgramGeometry> read_ngram_geometry(const GgufFile& file);

// How tokens find their rows in this file's table: its own n-gram geometry, or one row a token.
std::unique_ptr<Addressing> file_addressing(const GgufFile& file);

}  // namespace tierscope
