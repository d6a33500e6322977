#include "runtime/durability/store/durable_files.hpp"

#include <fmt/format.h>
#include <rocksdb/file_system.h>

#include <memory>

#include "runtime/clock/durability.hpp"

namespace lockstep::durable_files {

namespace {

void check(const char* what, const std::filesystem::path& path, const rocksdb::IOStatus& status) {
  if (!status.ok()) throw CheckpointError(fmt::format("cannot {} {}: {}", what, path.string(), status.ToString()));
}

void sync_directory(rocksdb::FileSystem& files, const std::filesystem::path& path) {
  std::unique_ptr<rocksdb::FSDirectory> directory;
  check("open", path, files.NewDirectory(path.string(), {}, &directory, nullptr));
  check("sync", path, directory->Fsync({}, nullptr));
}

}  // namespace

rocksdb::FileSystem& real_unless(const std::shared_ptr<rocksdb::FileSystem>& files) {
  return files != nullptr ? *files : *rocksdb::FileSystem::Default();
}

void make_directory(rocksdb::FileSystem& files, const std::filesystem::path& path) {
  const std::filesystem::path whole = std::filesystem::absolute(path).lexically_normal();
  const std::filesystem::path parent = whole.parent_path();
  std::error_code error;
  if (parent != whole && !std::filesystem::exists(parent, error)) make_directory(files, parent);
  check("create", whole, files.CreateDirIfMissing(whole.string(), {}, nullptr));
  sync_directory(files, parent);
}

void write(rocksdb::FileSystem& files, const std::filesystem::path& path, const std::string& content) {
  const std::string unfinished = path.string() + ".unfinished";
  check("write", path, rocksdb::WriteStringToFile(&files, content, unfinished, true));
  check("write", path, files.RenameFile(unfinished, path.string(), {}, nullptr));
  sync_directory(files, path.parent_path());
}

}  // namespace lockstep::durable_files
