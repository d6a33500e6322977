#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <cstdarg>
#include <filesystem>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace lockstep {

/// RocksDB's own log of what it does would end the process when the disk is full (an assertion in 7.8), and what went
/// wrong is in the status of each call.
class NoLog final : public rocksdb::Logger {
 public:
  using Logger::Logv;
  void Logv(const char*, va_list) override {}
};

/// Where RocksDB has its files. If the log that says which ones there are cannot be synced in an ingest, RocksDB (7.8)
/// removes what it was about to add, though the log may name it all the same, and then nothing can be opened any more.
/// So nothing is removed before it is known how the ingest has ended, nor at all if it has failed: opened anew, RocksDB
/// removes what its log does not name.
class CarefulFiles final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "lockstep"; }

  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override {
    {
      const std::lock_guard lock(mutex_);
      if (ingests_ && path.ends_with(".sst") && std::filesystem::path(path).parent_path().filename() == "store") {
        to_remove_.push_back(path);
        return rocksdb::IOStatus::OK();
      }
    }
    return target()->DeleteFile(path, options, debug);
  }

  void begin_ingest() {
    const std::lock_guard lock(mutex_);
    ingests_ = true;
  }
  void end_ingest(bool is_good) {
    std::vector<std::string> to_remove;
    {
      const std::lock_guard lock(mutex_);
      ingests_ = false;
      to_remove.swap(to_remove_);
    }
    if (!is_good) return;
    for (const std::string& path : to_remove) (void)target()->DeleteFile(path, {}, nullptr);
  }

 private:
  std::mutex mutex_;
  bool ingests_ = false;
  std::vector<std::string> to_remove_;
};

}  // namespace lockstep
