#include "runtime/durability/store/checkpoint_write.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

#include "runtime/durability/store/stored.hpp"
#include "runtime/threads/parallel.hpp"
#include "runtime/zset/slice.hpp"

namespace lockstep {

namespace {

/// State is encoded in ranges of about so many bytes.
constexpr std::size_t kRangeBytes = std::size_t{4} << 20;

/// So many records of changes to a slot are the most, and a few more for some slots.
constexpr std::size_t kMostChanges = 8;
constexpr unsigned kSpread = 8;

bool has_many_changes(unsigned slot, Slice<const Manifest::Record> records) {
  if (records.empty()) return false;
  std::uint64_t changed = 0;
  for (const Manifest::Record& one : records.subspan(1)) changed += one.bytes;
  const std::uint64_t most = records.front().bytes * (kSpread + slot % kSpread) / (2 * kSpread);
  return changed > most || records.size() > kMostChanges + slot % kSpread;
}

/// The records of a slot.
Slice<const Manifest::Record> records_of(const Manifest::Operator& op, unsigned slot) {
  const auto [begin, end] =
      std::equal_range(op.records.begin(), op.records.end(), Manifest::Record{.slot = slot},
                       [](const Manifest::Record& a, const Manifest::Record& b) { return a.slot < b.slot; });
  return Slice<const Manifest::Record>(op.records)
      .subspan(static_cast<std::size_t>(begin - op.records.begin()), static_cast<std::size_t>(end - begin));
}

}  // namespace

PinnedEngine::ChangesOf CheckpointWrite::changes_after(const Manifest& manifest) {
  PinnedEngine::ChangesOf changes;
  for (const Manifest::Operator& op : manifest.operators) {
    SlotSet& slots = changes[op.name];
    slots.set();
    for (const Manifest::Record& record : op.records) {
      if (has_many_changes(record.slot, records_of(op, record.slot))) slots.reset(record.slot);
    }
  }
  return changes;
}

CheckpointWrite::CheckpointWrite(CheckpointStore& store, const PinnedEngine& pinned, Manifest manifest)
    : pinned_(pinned), writer_(store), manifest_(std::move(manifest)) {
  std::uint32_t next_id = 1;
  if (!store.manifests().empty()) {
    for (const Manifest::Operator& op : store.manifests().front().operators) {
      before_[op.name] = &op;
      next_id = std::max(next_id, op.id + 1);
    }
  }
  for (const auto& op : pinned.operators()) {
    const auto old = before_.find(op.name());
    const std::uint32_t id = old == before_.end() ? next_id++ : old->second->id;
    manifest_.operators.push_back(
        {.id = id, .name = op.name(), .identity = op.identity(), .records = {}, .items = op.entries().value_or(0)});
  }
  records_.resize(manifest_.operators.size());
}

void CheckpointWrite::records(unsigned threads) {
  const std::vector<std::vector<Job>> runs = deal(threads * std::size_t{4});
  in_parallel(threads, runs.size(), [&](std::size_t i) { write(runs[i]); });
  for (std::size_t op = 0; op < records_.size(); ++op) {
    auto& records = manifest_.operators[op].records;
    records = std::move(records_[op]);
    std::sort(records.begin(), records.end(),
              [](const auto& a, const auto& b) { return std::tie(a.slot, a.number) < std::tie(b.slot, b.number); });
  }
}

/// The ranges of all operators, in the order in which their records lie in the store, dealt out into about so many runs
/// of equal bytes.
std::vector<std::vector<CheckpointWrite::Job>> CheckpointWrite::deal(std::size_t runs) const {
  const auto& operators = pinned_.operators();
  std::vector<std::size_t> order(operators.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [this](std::size_t a, std::size_t b) { return manifest_.operators[a].id < manifest_.operators[b].id; });
  std::size_t total = 0;
  for (const auto& op : operators) total += op.bytes();
  const std::size_t wanted = std::max<std::size_t>(kRangeBytes, total / runs + 1);
  std::vector<std::vector<Job>> dealt(1);
  std::size_t dealt_bytes = 0;
  for (const std::size_t op : order) {
    const std::size_t bytes = operators[op].bytes();
    const auto ranges = static_cast<unsigned>(std::min<std::size_t>(kSlots, bytes / kRangeBytes + 1));
    for (unsigned i = 0; i < ranges; ++i) {
      if (dealt_bytes >= wanted) {
        dealt.emplace_back();
        dealt_bytes = 0;
      }
      dealt.back().push_back({op, {first_slot_of(i, ranges), first_slot_of(i + 1, ranges)}});
      dealt_bytes += bytes / ranges;
    }
  }
  return dealt;
}

void CheckpointWrite::write(const std::vector<Job>& run) {
  CheckpointStore::File file = writer_.file();
  std::uint64_t bytes = 0;
  for (const Job& job : run) bytes += write(job, file);
  file.finish();
  const std::lock_guard lock(mutex_);
  bytes_ += bytes;
}

std::uint64_t CheckpointWrite::write(const Job& job, CheckpointStore::File& file) {
  const PinnedEngine::Operator& op = pinned_.operators()[job.op];
  const std::uint32_t id = manifest_.operators[job.op].id;
  const auto found = before_.find(op.name());
  const Manifest::Operator* const before = found == before_.end() ? nullptr : found->second;
  StateWriter items(job.slots);
  op.save(items);
  std::uint64_t bytes = 0;
  std::vector<Manifest::Record> records;
  if (before != nullptr) {
    for (const Manifest::Record& record : before->records) {
      if (job.slots.first <= record.slot && record.slot < job.slots.end && op.has_only_changes(record.slot)) {
        records.push_back(record);
      }
    }
  }
  items.for_each([&](unsigned slot, std::string_view content) {
    if (before != nullptr && !op.has_only_changes(slot)) {
      const auto old = records_of(*before, slot);
      if (old.size() == 1 && old[0].bytes == content.size() &&
          old[0].checksum == stored::record_checksum(id, slot, old[0].number, content)) {
        records.push_back(old[0]);
        return;
      }
    }
    records.push_back({.slot = slot,
                       .number = writer_.number(),
                       .bytes = content.size(),
                       .checksum = stored::record_checksum(id, slot, writer_.number(), content)});
    file.put(id, records.back(), content);
    bytes += content.size();
  });
  const std::lock_guard lock(mutex_);
  records_[job.op].insert(records_[job.op].end(), records.begin(), records.end());
  if (!op.entries()) manifest_.operators[job.op].items += items.items();
  return bytes;
}

}  // namespace lockstep
