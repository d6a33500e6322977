#include "tests/faulty_files.hpp"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace fs = std::filesystem;

namespace {

struct stat status_of(const std::string& path) {
  struct stat status {};
  (void)::stat(path.c_str(), &status);
  return status;
}

class FaultyFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  using Status = rocksdb::IOStatus;
  using Options = rocksdb::IOOptions;
  using Debug = rocksdb::IODebugContext;

  FaultyFile(FaultyFiles& files, std::string path, std::unique_ptr<rocksdb::FSWritableFile>&& file)
      : FSWritableFileOwnerWrapper(std::move(file)), files_(files), path_(std::move(path)) {}

  Status Append(const rocksdb::Slice& data, const Options& options, Debug* debug) override {
    return changing("append", [&] { return target()->Append(data, options, debug); });
  }
  Status Append(const rocksdb::Slice& data, const Options& options, const rocksdb::DataVerificationInfo& info,
                Debug* debug) override {
    return changing("append", [&] { return target()->Append(data, options, info, debug); });
  }
  Status Sync(const Options& options, Debug* debug) override {
    return synced(changing("sync", [&] { return target()->Sync(options, debug); }));
  }
  Status Fsync(const Options& options, Debug* debug) override {
    return synced(changing("sync", [&] { return target()->Fsync(options, debug); }));
  }
  Status Close(const Options& options, Debug* debug) override {
    return changing("close", [&] { return target()->Close(options, debug); });
  }

 private:
  template <class Call>
  Status changing(const char* what, Call&& call) {
    const Status fault = files_.before_change(what + (" " + path_));
    return fault.ok() ? call() : fault;
  }
  Status synced(const Status& status) {
    if (status.ok()) files_.note_synced(path_);
    return status;
  }

  FaultyFiles& files_;
  const std::string path_;
};

class FaultyDirectory : public rocksdb::FSDirectoryWrapper {
 public:
  FaultyDirectory(FaultyFiles& files, std::string path, std::unique_ptr<rocksdb::FSDirectory>&& directory)
      : FSDirectoryWrapper(std::move(directory)), files_(files), path_(std::move(path)) {}

  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    return synced([&] { return FSDirectoryWrapper::Fsync(options, debug); });
  }
  rocksdb::IOStatus FsyncWithDirOptions(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug,
                                        const rocksdb::DirFsyncOptions& how) override {
    return synced([&] { return FSDirectoryWrapper::FsyncWithDirOptions(options, debug, how); });
  }

 private:
  template <class Call>
  rocksdb::IOStatus synced(Call&& call) {
    rocksdb::IOStatus status = files_.before_change("sync " + path_);
    if (status.ok()) status = call();
    if (status.ok()) files_.note_directory_synced(path_);
    return status;
  }

  FaultyFiles& files_;
  const std::string path_;
};

std::string directory_of(const std::string& path) { return fs::path(path).lexically_normal().parent_path().string(); }

}  // namespace

void FaultyFiles::arm(Fault fault, std::uint64_t at) {
  const std::lock_guard lock(mutex_);
  fault_ = fault;
  at_ = at;
  calls_ = 0;
}

std::uint64_t FaultyFiles::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

FaultyFiles::IOStatus FaultyFiles::before_change(const std::string& what) {
  const std::lock_guard lock(mutex_);
  ++calls_;
  const bool now = fault_ != Fault::none && (calls_ == at_ || (fault_ == Fault::from_then_on && calls_ > at_));
  if (!now) return IOStatus::OK();
  if (fault_ == Fault::kill) (void)::kill(::getpid(), SIGKILL);
  const std::string why = "by the test's wish, at call " + std::to_string(calls_) + ": " + what;
  return what.starts_with("sync ") ? IOStatus::IOError(why) : IOStatus::NoSpace(why);
}

void FaultyFiles::note_synced(const std::string& file) {
  const std::lock_guard lock(mutex_);
  const struct stat status = status_of(file);
  synced_[status.st_ino] = static_cast<std::uint64_t>(status.st_size);
}

void FaultyFiles::note_directory_synced(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const std::string directory = directory_of(path + "/.");
  std::erase_if(undo_, [&](const Undo& one) { return one.directory == directory; });
}

void FaultyFiles::note_change(const std::string& path, std::function<void()> undo) {
  const std::lock_guard lock(mutex_);
  undo_.push_back({directory_of(path), std::move(undo)});
}

std::string FaultyFiles::keep(const std::string& path) {
  std::string kept;
  {
    const std::lock_guard lock(mutex_);
    kept = path + ".kept-" + std::to_string(++kept_);
  }
  return ::link(path.c_str(), kept.c_str()) == 0 ? kept : "";
}

void FaultyFiles::lose_power(const fs::path& folder) {
  const std::lock_guard lock(mutex_);
  for (auto one = undo_.rbegin(); one != undo_.rend(); ++one) one->undo();
  undo_.clear();
  if (!fs::exists(folder)) return;
  for (const auto& file : fs::recursive_directory_iterator(folder)) {
    if (!file.is_regular_file()) continue;
    const auto written = synced_.find(status_of(file.path().string()).st_ino);
    if (written != synced_.end() && written->second < file.file_size()) fs::resize_file(file.path(), written->second);
    if (file.path().string().find(".kept-") != std::string::npos) fs::remove(file.path());
  }
}

FaultyFiles::IOStatus FaultyFiles::NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                                   std::unique_ptr<rocksdb::FSWritableFile>* result, Debug* debug) {
  IOStatus status = before_change("make " + path);
  if (!status.ok()) return status;
  const std::string before = keep(path);
  if (!before.empty()) ::unlink(path.c_str());  // so that the old one keeps its content
  status = target()->NewWritableFile(path, options, result, debug);
  if (!status.ok()) return status;
  note_change(path, [path, before] {
    ::unlink(path.c_str());
    if (!before.empty()) ::rename(before.c_str(), path.c_str());
  });
  {
    const std::lock_guard lock(mutex_);
    synced_[status_of(path).st_ino] = 0;
  }
  *result = std::make_unique<FaultyFile>(*this, path, std::move(*result));
  return status;
}

FaultyFiles::IOStatus FaultyFiles::ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                                      std::unique_ptr<rocksdb::FSWritableFile>* result, Debug* debug) {
  const IOStatus fault = before_change("open " + path);
  if (!fault.ok()) return fault;
  const IOStatus status = target()->ReopenWritableFile(path, options, result, debug);
  if (status.ok()) *result = std::make_unique<FaultyFile>(*this, path, std::move(*result));
  return status;
}

FaultyFiles::IOStatus FaultyFiles::NewDirectory(const std::string& path, const IOOptions& options,
                                                std::unique_ptr<rocksdb::FSDirectory>* result, Debug* debug) {
  const IOStatus status = target()->NewDirectory(path, options, result, debug);
  if (status.ok()) *result = std::make_unique<FaultyDirectory>(*this, path, std::move(*result));
  return status;
}

FaultyFiles::IOStatus FaultyFiles::CreateDir(const std::string& path, const IOOptions& options, Debug* debug) {
  IOStatus status = before_change("make " + path);
  if (status.ok()) status = target()->CreateDir(path, options, debug);
  if (status.ok()) note_change(path, [path] { fs::remove_all(path); });
  return status;
}

FaultyFiles::IOStatus FaultyFiles::CreateDirIfMissing(const std::string& path, const IOOptions& options, Debug* debug) {
  return fs::exists(path) ? IOStatus::OK() : CreateDir(path, options, debug);
}

FaultyFiles::IOStatus FaultyFiles::DeleteFile(const std::string& path, const IOOptions& options, Debug* debug) {
  IOStatus status = before_change("remove " + path);
  if (!status.ok()) return status;
  const std::string before = keep(path);
  status = target()->DeleteFile(path, options, debug);
  if (status.ok() && !before.empty()) {
    note_change(path, [path, before] { ::rename(before.c_str(), path.c_str()); });
  }
  return status;
}

FaultyFiles::IOStatus FaultyFiles::RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                                              Debug* debug) {
  IOStatus status = before_change("rename " + from);
  if (!status.ok()) return status;
  const std::string before = keep(to);
  status = target()->RenameFile(from, to, options, debug);
  if (status.ok()) {
    note_change(to, [from, to, before] {
      ::rename(to.c_str(), from.c_str());
      if (!before.empty()) ::rename(before.c_str(), to.c_str());
    });
  }
  return status;
}

FaultyFiles::IOStatus FaultyFiles::LinkFile(const std::string& from, const std::string& to, const IOOptions& options,
                                            Debug* debug) {
  IOStatus status = before_change("link " + from);
  if (status.ok()) status = target()->LinkFile(from, to, options, debug);
  if (status.ok()) note_change(to, [to] { ::unlink(to.c_str()); });
  return status;
}
