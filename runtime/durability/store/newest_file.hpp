#pragma once

#include <cstdint>
#include <filesystem>

namespace rocksdb {
class FileSystem;
}

/// DIRECTORY/newest: which checkpoint has to be there.
namespace lockstep::newest_file {

/// The number of the newest checkpoint, or of the one before; 0: there may be none. Throws UnreadableCheckpoint.
std::uint64_t read(rocksdb::FileSystem& files, const std::filesystem::path& directory);
/// Throws CheckpointError.
void write(rocksdb::FileSystem& files, const std::filesystem::path& directory, std::uint64_t number);

}  // namespace lockstep::newest_file
