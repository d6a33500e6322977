#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/durability/manifest.hpp"
#include "runtime/state/state_writer.hpp"

namespace rocksdb {
class FileSystem;
}

namespace lockstep {

/// The checkpoints of one directory: records and manifests in RocksDB, in DIRECTORY/store, which is used as an atomic
/// set of sorted files. Each checkpoint enters by one ingest of its files, and with it the deletion of what drops out;
/// nothing goes through a write-ahead log. Every record and manifest has a checksum. DIRECTORY/newest has the number of
/// the last one, since RocksDB takes a log of its own that has lost its end for one that ended before. Throws
/// CheckpointError.
class CheckpointStore {
 public:
  /// For one owner, or to look at it, beside an owner perhaps.
  enum class Access { owner, reader };

  /// `creates`: if there is no store, or else throws NoCheckpoint. A file system of the tests may stand in for the real
  /// one.
  CheckpointStore(const std::filesystem::path& directory, Access access, bool creates,
                  std::shared_ptr<rocksdb::FileSystem> files = nullptr);
  CheckpointStore(const CheckpointStore&) = delete;
  CheckpointStore& operator=(const CheckpointStore&) = delete;
  ~CheckpointStore();

  const std::filesystem::path& directory() const { return directory_; }
  /// Newest first.
  const std::vector<Manifest>& manifests() const { return manifests_; }

  /// Calls function(slot, items) for each record of an operator in a range of slots, in their order. Any thread.
  void read(const Manifest::Operator& op, const SlotRange& slots,
            const std::function<void(unsigned, std::string_view)>& function) const;

  /// Writes one of its checkpoints into a directory that has none: whole, for a backup.
  void export_to(const std::filesystem::path& directory, const Manifest& manifest) const;

  /// How many records there are, of whichever checkpoint. Reads all of them.
  std::size_t records() const;

  /// Of the records of a new checkpoint, in ascending order of operators and slots. One thread.
  class File;
  /// Writes one new checkpoint. On any way out but a commit, nothing of it stays.
  class Writer {
   public:
    explicit Writer(CheckpointStore& store);
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    ~Writer();

    std::uint64_t number() const { return number_; }
    /// A further file. Any thread; of two files all records of one come before those of the other.
    File file();
    /// Makes it durable, and removes all but the newest `keep`.
    void commit(Manifest manifest, unsigned keep);

   private:
    friend class File;
    CheckpointStore& store_;
    const std::uint64_t number_;
    std::mutex mutex_;
    std::vector<std::string> files_;
  };

  class File {
   public:
    File(File&&) noexcept;
    ~File();
    /// `record`: with its checksum (stored::record_checksum).
    void put(std::uint32_t op, const Manifest::Record& record, std::string_view items);
    /// Last.
    void finish();

   private:
    friend class Writer;
    struct Open;
    explicit File(Writer& writer);
    Writer* writer_;
    std::unique_ptr<Open> open_;  // once there is a record
  };

  /// After an error: closes the store and opens it anew, since nothing that RocksDB has in memory can be trusted then.
  void open_anew();

 private:
  struct Database;

  void open(bool creates);
  std::unique_ptr<Database> open_database(bool creates, bool reads_only) const;
  std::vector<Manifest> read_manifests(const Database& database) const;
  rocksdb::FileSystem& files() const;
  void check_newest(const std::vector<Manifest>& manifests, std::uint64_t newest) const;
  void remove_unfinished() const noexcept;

  const std::filesystem::path directory_;
  const Access access_;
  const std::shared_ptr<rocksdb::FileSystem> files_;
  std::unique_ptr<Database> database_;  // null: could not be opened anew
  std::vector<Manifest> manifests_;
  std::uint64_t next_number_ = 1;
};

}  // namespace lockstep
