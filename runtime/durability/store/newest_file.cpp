#include "runtime/durability/store/newest_file.hpp"

#include <fmt/format.h>
#include <rocksdb/file_system.h>

#include <cinttypes>
#include <cstdio>
#include <string>

#include "runtime/clock/durability.hpp"
#include "runtime/durability/store/durable_files.hpp"
#include "runtime/rows/hash.hpp"

namespace lockstep::newest_file {

namespace {

constexpr const char* kName = "newest";

/// With a checksum, since a bit of it may be lost.
std::string text_of(std::uint64_t number) {
  const std::string text = fmt::format("checkpoint {}", number);
  return fmt::format("{} {:016x}\n", text, XXH3_64bits(text.data(), text.size()));
}

}  // namespace

std::optional<std::uint64_t> read(rocksdb::FileSystem& files, const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / kName;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::nullopt;
  std::string content;
  const rocksdb::IOStatus status = rocksdb::ReadFileToString(&files, path.string(), &content);
  std::uint64_t number = 0;
  if (!status.ok() || std::sscanf(content.c_str(), "checkpoint %" SCNu64, &number) != 1 || content != text_of(number)) {
    throw UnreadableCheckpoint(
        fmt::format("{} is not readable{}", path.string(), status.ok() ? "" : ": " + status.ToString()));
  }
  return number;
}

void write(rocksdb::FileSystem& files, const std::filesystem::path& directory, std::uint64_t number) {
  durable_files::write(files, directory / kName, text_of(number));
}

void remove_all(const std::filesystem::path& directory) {
  // First, that none has to be there; then the file by which a store is one.
  write(*rocksdb::FileSystem::Default(), directory, 0);
  std::filesystem::remove(directory / "store" / "CURRENT");
  for (const char* part : {"store", "incoming", kName}) std::filesystem::remove_all(directory / part);
}

}  // namespace lockstep::newest_file
