// Token traces to and from what others read and write. Errors: Error with file, and line or record.
//   ids     one request a line, ids separated by spaces (read: tabs, commas too); all of it is the prompt when read
//   csv     header, then one token a line: request,part,token,arrival_s (part: prompt or output)
//   oracle  libCacheSim's oracleGeneral, zstd-compressed where the name ends in ".zst": 24-byte records
//           {uint32 time, uint64 obj_id, uint32 obj_size, int64 next_access_vtime}, packed, little-endian; the time is
//           the request's place in the trace, obj_id the row id, next_access_vtime the index of the row's next access
//           or -1. Read back as an access trace: a request for each time, one row a token, all of them decode.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "traces/addressing.h"
#include "traces/token_trace.h"

namespace tierscope {

enum class TraceFormat { trace, ids, csv, oracle };
TraceFormat parse_trace_format(std::string_view text);  // UsageError with the nearest name

struct OracleOptions {
  const Addressing* addressing = nullptr;  // tokens to rows
  uint32_t row_bytes = 1;                  // obj_size
};

void export_trace(const std::filesystem::path& from, const std::filesystem::path& to, TraceFormat format,
                  const OracleOptions& oracle);

// `header` gives what the foreign file does not say; where its vocab_size is 0, it becomes the largest id + 1.
void import_trace(const std::filesystem::path& from, TraceFormat format, const std::filesystem::path& to,
                  TraceHeader header);

}  // namespace tierscope
