#pragma once

#include <filesystem>
#include <memory>
#include <string>

namespace rocksdb {
class FileSystem;
}

namespace lockstep::durable_files {

// What stays when the power goes, once the call has returned. All throw CheckpointError.

/// The file system, unless another is given.
rocksdb::FileSystem& real_unless(const std::shared_ptr<rocksdb::FileSystem>& files);

/// With those above it, if it is not there.
void make_directory(rocksdb::FileSystem& files, const std::filesystem::path& path);
/// Whole, or as it was before.
void write(rocksdb::FileSystem& files, const std::filesystem::path& path, const std::string& content);

}  // namespace lockstep::durable_files
