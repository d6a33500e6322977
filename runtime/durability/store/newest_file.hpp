#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace rocksdb {
class FileSystem;
}

/// DIRECTORY/newest: which checkpoint has to be there. It is there before the store is.
namespace lockstep::newest_file {

/// The number of the newest checkpoint, or of the one before; 0: there may be none; none: there is no such file. Throws
/// UnreadableCheckpoint.
std::optional<std::uint64_t> read(rocksdb::FileSystem& files, const std::filesystem::path& directory);
/// Throws CheckpointError.
void write(rocksdb::FileSystem& files, const std::filesystem::path& directory, std::uint64_t number);

/// Removes all checkpoints of a directory, and nothing else of it. If it does not come to its end, it may be called
/// again. REQUIRES: nobody has them open, and the caller the directory's lock.
void remove_all(const std::filesystem::path& directory);

}  // namespace lockstep::newest_file
