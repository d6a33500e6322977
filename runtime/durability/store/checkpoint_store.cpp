#include "runtime/durability/store/checkpoint_store.hpp"

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/rate_limiter.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <set>
#include <system_error>
#include <thread>
#include <tuple>

#include "runtime/clock/durability.hpp"
#include "runtime/durability/store/careful_files.hpp"
#include "runtime/durability/store/directory_lock.hpp"
#include "runtime/durability/store/durable_files.hpp"
#include "runtime/durability/store/newest_file.hpp"
#include "runtime/durability/store/stored.hpp"
#include "runtime/rows/bytes.hpp"

namespace lockstep {

namespace {

constexpr std::uint64_t kCompactionBytesPerSecond = std::uint64_t{64} << 20;

constexpr int kAttempts = 10;
constexpr auto kBetweenAttempts = std::chrono::milliseconds(20);

std::string_view view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

bool is_there(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

}  // namespace

struct CheckpointStore::Database {
  explicit Database(const std::shared_ptr<rocksdb::FileSystem>& real)
      : files(std::make_shared<CarefulFiles>(real)), env(rocksdb::NewCompositeEnv(files)) {
    options.env = env.get();
  }

  const std::shared_ptr<CarefulFiles> files;
  const std::unique_ptr<rocksdb::Env> env;
  rocksdb::Options options;
  std::unique_ptr<rocksdb::DB> db;
  std::array<rocksdb::ColumnFamilyHandle*, 3> families{};  // RocksDB's default, which is empty; records; manifests

  rocksdb::ColumnFamilyHandle* records() const { return families[1]; }
  rocksdb::ColumnFamilyHandle* manifests() const { return families[2]; }

  /// Whether the disk has failed while files were merged: then nothing can be added any more, be the disk well again.
  bool has_failed() const {
    std::uint64_t failures = 0;
    return db->GetIntProperty(rocksdb::DB::Properties::kBackgroundErrors, &failures) && failures != 0;
  }

  ~Database() {
    if (db == nullptr) return;
    for (rocksdb::ColumnFamilyHandle* family : families) (void)db->DestroyColumnFamilyHandle(family);
    (void)db->Close();
  }
};

CheckpointStore::CheckpointStore(const std::filesystem::path& directory, Access access, bool creates,
                                 std::shared_ptr<rocksdb::FileSystem> files)
    : directory_(directory), access_(access), files_(std::move(files)) {
  for (int attempt = 1;; ++attempt) {
    try {
      open(creates);
      return;
    } catch (const UnreadableCheckpoint&) {
      if (access == Access::owner || attempt == kAttempts) throw;
      std::this_thread::sleep_for(kBetweenAttempts);  // an owner beside it has removed files meanwhile, perhaps
    }
  }
}

CheckpointStore::~CheckpointStore() = default;

void CheckpointStore::open(bool creates) {
  const std::filesystem::path store = directory_ / "store";
  const std::optional<std::uint64_t> told = newest_file::read(files(), directory_);
  const std::uint64_t newest = told.value_or(0);
  const bool there = is_there(store / "CURRENT");
  if (there && !told) {
    throw UnreadableCheckpoint(fmt::format("{} is missing, which says which checkpoint has to be in {}",
                                           (directory_ / "newest").string(), store.string()));
  }
  if (!there && newest != 0) {
    throw UnreadableCheckpoint(fmt::format("{} has checkpoint {}, but {} is missing", directory_.string(), newest,
                                           (store / "CURRENT").string()));
  }
  if (!there && !creates) throw NoCheckpoint(fmt::format("there are no checkpoints in {}", directory_.string()));
  if (!there) {
    std::error_code error;
    std::filesystem::remove_all(store, error);  // what a first start has left that did not come to its end
    newest_file::write(files(), directory_, 0);
    durable_files::make_directory(files(), store);
  }
  if (newest != 0 && access_ == Access::owner) {
    // Looked at before, since an owner's RocksDB removes files that it does not know.
    check_newest(read_manifests(*open_database(false, true)), newest);
  }
  // A first start may have been killed on its way.
  std::unique_ptr<Database> database = open_database(creates && newest == 0, access_ == Access::reader);
  manifests_ = read_manifests(*database);
  check_newest(manifests_, newest);
  if (!manifests_.empty()) next_number_ = std::max(next_number_, manifests_.front().number + 1);
  database_ = std::move(database);
  if (access_ == Access::owner) remove_unfinished();
}

void CheckpointStore::check_newest(const std::vector<Manifest>& manifests, std::uint64_t newest) const {
  const std::uint64_t found = manifests.empty() ? 0 : manifests.front().number;
  if (found < newest) {
    throw UnreadableCheckpoint(fmt::format("{} has lost checkpoint {}: the newest that can be read is {}",
                                           directory_.string(), newest, found));
  }
}

std::unique_ptr<CheckpointStore::Database> CheckpointStore::open_database(bool creates, bool reads_only) const {
  const std::filesystem::path store = directory_ / "store";
  auto database = std::make_unique<Database>(files_ != nullptr ? files_ : rocksdb::FileSystem::Default());
  rocksdb::Options& options = database->options;
  options.create_if_missing = creates;
  options.create_missing_column_families = creates;
  options.paranoid_checks = true;
  options.paranoid_file_checks = true;
  options.compression = rocksdb::kLZ4Compression;
  options.max_open_files = -1;
  options.write_buffer_size = 64 << 10;  // nothing is ever written there
  options.target_file_size_base = 64 << 20;
  options.level0_file_num_compaction_trigger = 8;
  options.level0_slowdown_writes_trigger = 1 << 20;
  options.level0_stop_writes_trigger = 1 << 20;
  options.max_background_jobs = 2;
  options.rate_limiter.reset(rocksdb::NewGenericRateLimiter(static_cast<std::int64_t>(kCompactionBytesPerSecond)));
  options.info_log = std::make_shared<NoLog>();
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(1 << 20);
  table.block_size = 64 << 10;
  table.checksum = rocksdb::kXXH3;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));

  const std::vector<rocksdb::ColumnFamilyDescriptor> families = {
      {rocksdb::kDefaultColumnFamilyName, options}, {"records", options}, {"manifests", options}};
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = reads_only
                                     ? rocksdb::DB::OpenForReadOnly(options, store.string(), families, &handles, &db)
                                     : rocksdb::DB::Open(options, store.string(), families, &handles, &db);
  if (!status.ok()) {
    throw UnreadableCheckpoint(fmt::format("cannot open the checkpoints in {}: {}", store.string(), status.ToString()));
  }
  database->db.reset(db);
  std::copy(handles.begin(), handles.end(), database->families.begin());
  return database;
}

void CheckpointStore::open_anew() {
  database_.reset();
  open(false);
}

std::vector<Manifest> CheckpointStore::read_manifests(const Database& database) const {
  std::vector<Manifest> manifests;
  rocksdb::ReadOptions options;
  options.verify_checksums = true;
  const std::unique_ptr<rocksdb::Iterator> at(database.db->NewIterator(options, database.manifests()));
  for (at->SeekToLast(); at->Valid(); at->Prev()) {
    try {
      const stored::Sealed value = stored::unseal(view(at->value()));
      Manifest manifest = Manifest::decode(value.content);
      if (stored::manifest_checksum(manifest.number, value.content) != value.checksum ||
          view(at->key()) != stored::manifest_key(manifest.number)) {
        throw DecodeError("its checksum does not match");
      }
      manifests.push_back(std::move(manifest));
    } catch (const DecodeError& error) {
      throw UnreadableCheckpoint(
          fmt::format("a manifest in {} is not readable: {}", directory_.string(), error.what()));
    }
  }
  if (!at->status().ok()) {
    throw UnreadableCheckpoint(
        fmt::format("cannot read the manifests in {}: {}", directory_.string(), at->status().ToString()));
  }
  return manifests;
}

rocksdb::FileSystem& CheckpointStore::files() const { return durable_files::real_unless(files_); }

void CheckpointStore::read(const Manifest::Operator& op, const SlotRange& slots,
                           const std::function<void(unsigned, std::string_view)>& function) const {
  rocksdb::ReadOptions options;
  options.verify_checksums = true;
  options.readahead_size = 2 << 20;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> at(database_->db->NewIterator(options, database_->records()));
  for (const Manifest::Record& record : op.records) {
    if (record.slot < slots.first || record.slot >= slots.end) continue;
    const auto unreadable = [&](const std::string& why) {
      return UnreadableCheckpoint(fmt::format("checkpoint {} in {}: operator '{}', slot {}: {}", record.number,
                                              directory_.string(), op.name, record.slot, why));
    };
    const std::string key = stored::record_key(op.id, record.slot, record.number);
    if (!at->Valid() || view(at->key()) != key) at->Seek(key);
    if (!at->status().ok()) throw unreadable(at->status().ToString());
    if (!at->Valid() || view(at->key()) != key) throw unreadable("the record is missing");
    try {
      const stored::Sealed value = stored::unseal(view(at->value()));
      if (value.checksum != record.checksum ||
          stored::record_checksum(op.id, record.slot, record.number, value.content) != record.checksum) {
        throw DecodeError("the record's checksum does not match");
      }
      function(record.slot, value.content);
    } catch (const DecodeError& error) {
      throw unreadable(error.what());
    }
    at->Next();
  }
}

void CheckpointStore::export_to(const std::filesystem::path& directory, const Manifest& manifest) const {
  durable_files::make_directory(files(), directory);
  const DirectoryLock lock(directory);
  CheckpointStore target(directory, Access::owner, true, files_);
  if (!target.manifests().empty()) {
    throw CheckpointError(fmt::format("there are checkpoints in {} already", directory.string()));
  }
  target.next_number_ = manifest.number;
  Writer writer(target);
  std::map<std::uint32_t, const Manifest::Operator*> operators;  // in the order of their records
  for (const Manifest::Operator& op : manifest.operators) operators[op.id] = &op;
  File file = writer.file();
  for (const auto& [id, op] : operators) {
    auto record = op->records.begin();
    read(*op, {}, [&, id = id](unsigned, std::string_view items) { file.put(id, *record++, items); });
  }
  file.finish();
  writer.commit(manifest, 1);
}

std::size_t CheckpointStore::records() const {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> at(database_->db->NewIterator(options, database_->records()));
  std::size_t count = 0;
  for (at->SeekToFirst(); at->Valid(); at->Next()) ++count;
  if (!at->status().ok()) {
    throw UnreadableCheckpoint(
        fmt::format("cannot read the records in {}: {}", directory_.string(), at->status().ToString()));
  }
  return count;
}

void CheckpointStore::remove_unfinished() const noexcept {
  std::error_code error;
  std::filesystem::remove_all(directory_ / "incoming", error);
}

CheckpointStore::Writer::Writer(CheckpointStore& store) : store_(store), number_(store.next_number_++) {
  if (store_.database_ == nullptr || store_.database_->has_failed()) store_.open_anew();
  std::error_code error;
  std::filesystem::create_directory(store_.directory_ / "incoming", error);
  if (error) {
    throw CheckpointError(
        fmt::format("cannot create {}: {}", (store_.directory_ / "incoming").string(), error.message()));
  }
}

CheckpointStore::Writer::~Writer() { store_.remove_unfinished(); }

CheckpointStore::File CheckpointStore::Writer::file() { return File(*this); }

struct CheckpointStore::File::Open {
  Open(const Database& database, std::string path)
      : writer(rocksdb::EnvOptions(), database.options), path(std::move(path)) {}

  void check(const rocksdb::Status& status) const {
    if (!status.ok()) throw CheckpointError(fmt::format("cannot write {}: {}", path, status.ToString()));
  }

  rocksdb::SstFileWriter writer;
  std::string path;
};

CheckpointStore::File::File(Writer& writer) : writer_(&writer) {}
CheckpointStore::File::File(File&&) noexcept = default;
CheckpointStore::File::~File() = default;

void CheckpointStore::File::put(std::uint32_t op, const Manifest::Record& record, std::string_view items) {
  if (open_ == nullptr) {
    std::string path;
    {
      const std::lock_guard lock(writer_->mutex_);
      path =
          (writer_->store_.directory_ / "incoming" / fmt::format("{}-{}.sst", writer_->number_, writer_->files_.size()))
              .string();
      writer_->files_.push_back(path);
    }
    open_ = std::make_unique<Open>(*writer_->store_.database_, std::move(path));
    open_->check(open_->writer.Open(open_->path));
  }
  open_->check(
      open_->writer.Put(stored::record_key(op, record.slot, record.number), stored::seal(items, record.checksum)));
}

void CheckpointStore::File::finish() {
  if (open_ == nullptr) return;
  open_->check(open_->writer.Finish());
  open_.reset();
}

void CheckpointStore::Writer::commit(Manifest manifest, unsigned keep) {
  Database& database = *store_.database_;
  manifest.number = number_;
  std::vector<Manifest> kept = {std::move(manifest)};
  std::vector<const Manifest*> dropped;
  for (const Manifest& old : store_.manifests_) {
    if (kept.size() < keep) {
      kept.push_back(old);
    } else {
      dropped.push_back(&old);
    }
  }

  using Name = std::tuple<std::uint32_t, unsigned, std::uint64_t>;  // operator, slot, checkpoint
  std::set<std::string> gone;
  std::set<Name> needed;
  const auto for_each_record = [](const Manifest& one, auto&& function) {
    for (const Manifest::Operator& op : one.operators) {
      for (const Manifest::Record& record : op.records) function(Name(op.id, record.slot, record.number));
    }
  };
  if (!dropped.empty()) {
    for (const Manifest& one : kept) for_each_record(one, [&](const Name& name) { needed.insert(name); });
  }
  for (const Manifest* one : dropped) {
    for_each_record(*one, [&](const Name& name) {
      if (needed.count(name) == 0) gone.insert(std::apply(stored::record_key, name));
    });
  }

  const std::filesystem::path incoming = store_.directory_ / "incoming";
  if (!gone.empty()) {
    File::Open file(database, (incoming / fmt::format("{}-gone.sst", number_)).string());
    file.check(file.writer.Open(file.path));
    for (const std::string& key : gone) file.check(file.writer.Delete(key));
    file.check(file.writer.Finish());
    files_.push_back(file.path);
  }
  File::Open manifests(database, (incoming / fmt::format("{}-manifest.sst", number_)).string());
  manifests.check(manifests.writer.Open(manifests.path));
  for (auto one = dropped.rbegin(); one != dropped.rend(); ++one) {
    manifests.check(manifests.writer.Delete(stored::manifest_key((*one)->number)));
  }
  const std::string content = kept.front().encode();
  manifests.check(manifests.writer.Put(stored::manifest_key(number_),
                                       stored::seal(content, stored::manifest_checksum(number_, content))));
  manifests.check(manifests.writer.Finish());

  std::vector<rocksdb::IngestExternalFileArg> ingest(1);
  ingest.back().column_family = database.manifests();
  ingest.back().external_files = {manifests.path};
  if (!files_.empty()) {
    ingest.emplace_back();
    ingest.back().column_family = database.records();
    ingest.back().external_files = files_;
  }
  for (rocksdb::IngestExternalFileArg& one : ingest) {
    one.options.move_files = true;
    one.options.failed_move_fall_back_to_copy = false;
    one.options.write_global_seqno = false;
  }
  database.files->begin_ingest();
  const rocksdb::Status status = database.db->IngestExternalFiles(ingest);
  database.files->end_ingest(status.ok());
  if (!status.ok()) {
    throw CheckpointError(
        fmt::format("cannot add a checkpoint to {}: {}", store_.directory_.string(), status.ToString()));
  }
  store_.manifests_ = std::move(kept);
  newest_file::write(store_.files(), store_.directory_, number_);
}

}  // namespace lockstep
