#include "runtime/durability/store/directory_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <set>
#include <string>

#include "runtime/clock/durability.hpp"

namespace lockstep {

namespace {

// A process never stands in its own way with record locks, and gives them all up when it closes any descriptor of the
// file: so what this one holds is known here, and the file is not opened again.
std::mutex held_mutex;
std::set<std::string>& held() {
  static std::set<std::string> directories;
  return directories;
}

}  // namespace

DirectoryLock::DirectoryLock(const std::filesystem::path& directory)
    : held_(std::filesystem::weakly_canonical(directory)) {
  const std::lock_guard lock(held_mutex);
  if (held().count(held_.string()) != 0) {
    throw CheckpointInUse(fmt::format("{} is open in this process already", directory.string()));
  }
  const std::string path = (directory / "lock").string();
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor_ < 0) throw CheckpointError(fmt::format("cannot open {}: {}", path, std::strerror(errno)));
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (::fcntl(descriptor_, F_SETLK, &whole) != 0) {
    const int why = errno;
    struct flock owner = whole;
    const bool known = ::fcntl(descriptor_, F_GETLK, &owner) == 0 && owner.l_type != F_UNLCK;
    ::close(descriptor_);
    if (why != EACCES && why != EAGAIN) {
      throw CheckpointError(fmt::format("cannot lock {}: {}", path, std::strerror(why)));
    }
    throw CheckpointInUse(known ? fmt::format("{} is in use by process {}", directory.string(), owner.l_pid)
                                : fmt::format("{} is in use by another process", directory.string()));
  }
  held().insert(held_.string());
}

void DirectoryLock::check() const {
  struct stat mine {};
  struct stat there {};
  const std::string path = (held_ / "lock").string();
  if (::fstat(descriptor_, &mine) != 0 || ::stat(path.c_str(), &there) != 0 || mine.st_dev != there.st_dev ||
      mine.st_ino != there.st_ino) {
    throw CheckpointError(
        fmt::format("{} was moved, deleted or replaced while it was in use: no checkpoint is taken", held_.string()));
  }
}

DirectoryLock::~DirectoryLock() {
  const std::lock_guard lock(held_mutex);
  ::close(descriptor_);
  held().erase(held_.string());
}

}  // namespace lockstep
