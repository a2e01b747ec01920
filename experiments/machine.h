// What a result must say about where it was made: machine, program, files. Read from /proc, /sys and the files
// themselves; a figure that the system does not tell is left out. Thread-safe.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace tierscope {

nlohmann::ordered_json machine_json();
// Version, git commit, compiler and build type of this program.
nlohmann::ordered_json program_json();
// Path, bytes, time of change and content hash (XXH3, 128 bits: `xxhsum -H2 FILE`) of a file, and the disk below it.
// `known`: an earlier such object; its hash is taken over where size and time have not changed.
nlohmann::ordered_json file_json(const std::filesystem::path& path, const nlohmann::ordered_json& known);
std::string utc_now();  // ISO 8601, to the second

}  // namespace tierscope
