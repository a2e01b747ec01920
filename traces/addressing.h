// Addressing: tokens -> row ids. `token` (Gemma): one row a token, the token id itself. `ngram:...`: several hashed
// rows a token (facts: docs; specification text as in DESIGN.md, "Placement, as text").
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "traces/token_trace.h"

namespace tierscope {

using RowId = uint32_t;

// Stateless apart from the history passed in, so one object serves any number of sequences and threads.
class Addressing {
 public:
  virtual ~Addressing() = default;
  virtual std::string text() const = 0;  // parse_addressing(text()) gives an equal object
  virtual uint32_t rows_per_token() const = 0;
  virtual uint64_t table_rows() const = 0;      // 0: whatever the vocabulary is
  virtual uint32_t history_tokens() const = 0;  // how many tokens back a row depends on (token: 0, orders 2 and 3: 2)
  // Rows of `tokens`, rows_per_token() each, appended to `out`. `history`: the tokens before them in their sequence, as
  // many as there are up to history_tokens().
  virtual void rows(std::span<const TokenId> history, std::span<const TokenId> tokens,
                    std::vector<RowId>& out) const = 0;
};

// "token", "ngram:qwen4-exp[:vocab=N][:eos=ID]". UsageError for anything else.
std::unique_ptr<Addressing> parse_addressing(std::string_view text);

}  // namespace tierscope
