#include <nlohmann/json.hpp>

#include "runtime/model/decoder.h"

namespace tierscope {

nlohmann::ordered_json to_json(const PartSeconds& parts) {
  return {{"embedding", parts.embedding},     {"ple", parts.ple}, {"qkv", parts.qkv},   {"attention", parts.attention},
          {"attn_output", parts.attn_output}, {"ffn", parts.ffn}, {"head", parts.head}, {"await", parts.await}};
}

}  // namespace tierscope
