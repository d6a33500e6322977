#pragma once

#include <filesystem>

namespace lockstep {

/// Holds a directory against other processes, and other owners in this one. It ends with the process however that ends,
/// and a child that was forked meanwhile does not hold it.
class DirectoryLock {
 public:
  /// Throws CheckpointInUse, or CheckpointError if there can be no lock.
  explicit DirectoryLock(const std::filesystem::path& directory);
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;
  ~DirectoryLock();
  /// Throws CheckpointError if the directory is not where it was any more: who looks there finds another, or none.
  void check() const;

 private:
  int descriptor_ = -1;
  std::filesystem::path held_;
};

}  // namespace lockstep
