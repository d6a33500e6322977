#include "runtime/durability/saved_state.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "runtime/rows/bytes.hpp"
#include "runtime/rows/hash.hpp"

namespace lockstep {

namespace {

constexpr std::string_view kMagic = "lockstep saved state\n";
constexpr std::uint8_t kVersion = 9;

class File {
 public:
  File(const std::filesystem::path& path, int flags) : path_(path), descriptor_(::open(path.c_str(), flags, 0644)) {
    if (descriptor_ < 0) fail("open");
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { ::close(descriptor_); }

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail("write");
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  void sync() {
    if (::fsync(descriptor_) != 0) fail("sync");
  }
  std::string read() {
    std::string bytes;
    char chunk[1 << 16];
    for (;;) {
      const ssize_t got = ::read(descriptor_, chunk, sizeof chunk);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail("read");
      if (got == 0) return bytes;
      bytes.append(chunk, static_cast<std::size_t>(got));
    }
  }

 private:
  [[noreturn]] void fail(const char* what) const {
    throw std::system_error(errno, std::generic_category(), std::string("cannot ") + what + " " + path_.string());
  }

  std::filesystem::path path_;
  int descriptor_;
};

}  // namespace

void SavedState::write(const std::string& name) const {
  const std::filesystem::path path = name;
  std::filesystem::path unfinished = path;
  unfinished += ".unfinished";
  if (std::filesystem::exists(path) && !std::filesystem::is_regular_file(path)) {
    throw std::filesystem::filesystem_error("cannot write a saved state over what is not a file", path,
                                            std::make_error_code(std::errc::file_exists));
  }
  try {
    File file(unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
    file.write(bytes_);
    file.sync();
    std::filesystem::rename(unfinished, path);
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove(unfinished, ignored);
    throw;
  }
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  File(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC).sync();
}

SavedState SavedState::read(const std::string& path) { return SavedState(File(path, O_RDONLY | O_CLOEXEC).read()); }

SavedState SavedState::seal(std::string_view content) {
  std::string bytes(kMagic);
  Encoder out(bytes);
  out.byte(kVersion);
  out.fixed64(XXH3_64bits(content.data(), content.size()));
  out.bytes(content);
  return SavedState(std::move(bytes));
}

std::string_view SavedState::unseal() const {
  if (bytes_.compare(0, kMagic.size(), kMagic) != 0) throw SavedStateError("this is not a saved state of lockstep");
  try {
    Decoder in(std::string_view(bytes_).substr(kMagic.size()));
    if (const unsigned version = in.byte(); version != kVersion) {
      throw SavedStateError("the saved state has version " + std::to_string(version) + ", this is version " +
                            std::to_string(kVersion));
    }
    const std::uint64_t checksum = in.fixed64();
    const std::string_view content = in.bytes();
    if (!in.at_end() || XXH3_64bits(content.data(), content.size()) != checksum) {
      throw SavedStateError("the saved state is damaged: its checksum does not match");
    }
    return content;
  } catch (const DecodeError& error) {
    throw SavedStateError(std::string("the saved state is damaged: ") + error.what());
  }
}

}  // namespace lockstep
