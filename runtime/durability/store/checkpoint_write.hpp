#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string_view>
#include <vector>

#include "runtime/durability/manifest.hpp"
#include "runtime/durability/save.hpp"
#include "runtime/durability/store/checkpoint_store.hpp"

namespace lockstep {

/// Writes one checkpoint: the records that have changed since the newest one of the store, and its manifest. On any way
/// out but a commit, nothing of it stays.
class CheckpointWrite {
 public:
  /// `manifest`: with all but its number and operators.
  CheckpointWrite(CheckpointStore& store, const PinnedEngine& pinned, Manifest manifest);

  /// The slots of which a checkpoint after this one may hold changes: not those that have many already, so that what is
  /// read again stays small. Those of all do not become too many at the same time.
  static PinnedEngine::ChangesOf changes_after(const Manifest& manifest);

  /// Encodes and writes all records, on so many threads.
  void records(unsigned threads);
  void commit(unsigned keep) { writer_.commit(std::move(manifest_), keep); }
  /// Of the items that it wrote.
  std::uint64_t bytes() const { return bytes_; }

 private:
  /// A range of an operator's slots.
  struct Job {
    std::size_t op;
    SlotRange slots;
  };

  std::vector<std::vector<Job>> deal(std::size_t runs) const;
  void write(const std::vector<Job>& run);
  std::uint64_t write(const Job& job, CheckpointStore::File& file);

  const PinnedEngine& pinned_;
  std::map<std::string_view, const Manifest::Operator*> before_;  // by name, of the newest checkpoint
  CheckpointStore::Writer writer_;
  Manifest manifest_;
  std::mutex mutex_;
  std::vector<std::vector<Manifest::Record>> records_;  // by operator
  std::uint64_t bytes_ = 0;
};

}  // namespace lockstep
