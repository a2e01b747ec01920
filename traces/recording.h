// Makes token traces from texts and chat logs. Holds the trace in memory until it is written. Not thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "traces/chat.h"
#include "traces/token_trace.h"
#include "traces/tokenizer.h"

namespace tierscope {

struct TextPieces {
  uint32_t tokens = 8192;      // a text becomes requests of this many tokens, BOS included
  uint32_t output_tokens = 0;  // of each, the last ones are its output
};

class TraceRecorder {
 public:
  // `header` without vocab_size and tokenizer, which follow from the vocabulary. The tokenizer must outlive it.
  TraceRecorder(const Tokenizer& tokenizer, TraceHeader header);

  void add_text(const std::string& id, std::string_view text, const TextPieces& pieces);
  // One request for each of the model's turns, its prompt being all before it; one with no output where the model has
  // no turn. Error where the vocabulary has no turn markers.
  void add_conversation(const Conversation& conversation);
  void write(const std::filesystem::path& path);  // Error where nothing was recorded
  const TokenTrace& trace() const { return trace_; }

 private:
  std::vector<TokenId> with_bos(std::string_view text);

  const Tokenizer& tokenizer_;
  Encoder encoder_;
  TokenTrace trace_;
};

// How a trace's header names the vocabulary: "Gemma vocabulary (gemma4), 262144 entries".
std::string tokenizer_text(const Tokenizer& tokenizer);

}  // namespace tierscope
