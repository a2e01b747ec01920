// Addressing: tokens -> row ids. `token` (Gemma): one row a token, the token id itself. `ngram:...`: several hashed
// rows a token (traces/ngram.h). Specification text as in DESIGN.md, "Placement, as text".
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "traces/token_trace.h"

namespace tierscope {

using RowId = uint32_t;

// Stateless apart from the history passed in, so one object serves any number of sequences and threads.
class Addressing {
 public:
  virtual ~Addressing() = default;
  virtual std::string text() const = 0;  // parse_addressing(text()) gives an equal object, but see NgramGeometry::text
  virtual uint32_t rows_per_token() const = 0;
  virtual uint64_t table_rows() const = 0;      // 0: whatever the vocabulary is
  virtual uint32_t history_tokens() const = 0;  // how many tokens back a row depends on (token: 0, orders 2 and 3: 2)
  // Rows of `tokens`, rows_per_token() each, appended to `out`. `history`: the tokens before them in their sequence, as
  // many as there are up to history_tokens() (the last ones count where there are more).
  // Error naming the token where one is outside the vocabulary; `out` is then unchanged.
  virtual void rows(std::span<const TokenId> history, std::span<const TokenId> tokens,
                    std::vector<RowId>& out) const = 0;
  // The block on whose entry row `index` (below rows_per_token()) of a token is first used; token: 0, and there only
  // after the feed-forward.
  virtual uint32_t needed_at_block(uint32_t index) const = 0;
  // What a result must say where the rows are not those of the model that the addressing is named after, e.g.
  // "Qwen4-Exp geometry"; "" where there is nothing to say.
  virtual std::string caveat() const = 0;
};

// "token", "ngram:PRESET[:KEY=VALUE]...". UsageError for anything else.
std::unique_ptr<Addressing> parse_addressing(std::string_view text);

// Appends the rows of a request's tokens, prompt then output: those it was recorded with (access traces), else those
// that `addressing` names.
void append_rows(const Request& request, const Addressing& addressing, std::vector<RowId>& out);

// The caveat of a result about `trace` under `addressing`, e.g. "Qwen4-Exp geometry, Gemma tokens"; "" for none.
std::string addressing_caveat(const Addressing& addressing, const TraceHeader& trace);

// One kind of addressing. To add one: one file in addressings/ that returns its AddressingKind, and one line in
// addressing.cc.
struct AddressingKind {
  std::string name, syntax, summary;
  // `words`: the text's parts after the kind's name, split at colons.
  std::function<std::unique_ptr<Addressing>(std::span<const std::string> words)> make;
};
const std::vector<AddressingKind>& addressing_kinds();

}  // namespace tierscope
