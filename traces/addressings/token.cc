#include "runtime/base/error.h"
#include "traces/addressings/addressings.h"

namespace tierscope {
namespace {

class TokenAddressing final : public Addressing {
 public:
  std::string text() const override { return "token"; }
  uint32_t rows_per_token() const override { return 1; }
  uint64_t table_rows() const override { return 0; }
  uint32_t history_tokens() const override { return 0; }
  void rows(std::span<const TokenId>, std::span<const TokenId> tokens, std::vector<RowId>& out) const override {
    out.insert(out.end(), tokens.begin(), tokens.end());
  }
  uint32_t needed_at_block(uint32_t) const override { return 0; }
  std::string caveat() const override { return ""; }
};

}  // namespace

AddressingKind token_addressing() {
  return {"token", "token", "one row a token, the token id itself (Gemma)", [](std::span<const std::string> words) {
            if (!words.empty())
              throw UsageError("'token' takes no parameters, not '" + words.front() + "'", "--addressing");
            return std::make_unique<TokenAddressing>();
          }};
}

}  // namespace tierscope
