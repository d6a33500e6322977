#pragma once

#include <rocksdb/file_system.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

/// A file system that has a fault at the n-th of the calls that change something: it fails, dies, or loses power. It
/// also knows what was synced, so that what was not can be taken away again.
class FaultyFiles : public rocksdb::FileSystemWrapper {
 public:
  /// Of the call itself; of it and all that follow; the process is killed before it.
  enum class Fault { none, once, from_then_on, kill };

  FaultyFiles() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "faulty files"; }

  /// Calls are counted from now on, the first is 1.
  void arm(Fault fault, std::uint64_t at);
  std::uint64_t calls() const;
  /// What has not been synced in this folder is gone: the ends of files, and files that were made, renamed, linked or
  /// removed. REQUIRES: nothing in it is open.
  void lose_power(const std::filesystem::path& folder);

  using IOStatus = rocksdb::IOStatus;
  using IOOptions = rocksdb::IOOptions;
  using Debug = rocksdb::IODebugContext;

  IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result, Debug* debug) override;
  IOStatus ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* result, Debug* debug) override;
  IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* result, Debug* debug) override;
  IOStatus CreateDir(const std::string& path, const IOOptions& options, Debug* debug) override;
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions& options, Debug* debug) override;
  IOStatus DeleteFile(const std::string& path, const IOOptions& options, Debug* debug) override;
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options, Debug* debug) override;
  IOStatus LinkFile(const std::string& from, const std::string& to, const IOOptions& options, Debug* debug) override;

  /// Before a call that changes something: what it fails of.
  IOStatus before_change(const std::string& what);
  void note_synced(const std::string& file);
  void note_directory_synced(const std::string& path);

 private:
  struct Undo {
    std::string directory;
    std::function<void()> undo;
  };

  void note_change(const std::string& path, std::function<void()> undo);
  /// A further link to a file that is about to go, if it is there.
  std::string keep(const std::string& path);

  mutable std::mutex mutex_;
  Fault fault_ = Fault::none;
  std::uint64_t at_ = 0;
  std::uint64_t calls_ = 0;
  std::uint64_t kept_ = 0;
  std::map<std::uint64_t, std::uint64_t> synced_;  // bytes, by inode, of files that were written here
  std::vector<Undo> undo_;
};
