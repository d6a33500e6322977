#include "runtime/durability/store/checkpoint_write.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "runtime/durability/store/stored.hpp"
#include "runtime/threads/parallel.hpp"

namespace lockstep {

namespace {

/// State is encoded in ranges of about so many bytes.
constexpr std::size_t kRangeBytes = std::size_t{4} << 20;

/// The record of a slot, if its items are these.
const Manifest::Record* find(const Manifest::Operator& op, unsigned slot, std::string_view items) {
  const auto at = std::lower_bound(op.records.begin(), op.records.end(), slot,
                                   [](const Manifest::Record& one, unsigned wanted) { return one.slot < wanted; });
  if (at == op.records.end() || at->slot != slot || at->bytes != items.size()) return nullptr;
  return at->checksum == stored::record_checksum(op.id, slot, at->number, items) ? &*at : nullptr;
}

}  // namespace

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
    manifest_.operators.push_back({.id = id, .name = op.name(), .identity = op.identity(), .records = {}});
  }
  records_.resize(manifest_.operators.size());
}

void CheckpointWrite::records(unsigned threads) {
  const std::vector<std::vector<Job>> runs = deal(threads * std::size_t{4});
  in_parallel(threads, runs.size(), [&](std::size_t i) { write(runs[i]); });
  for (std::size_t op = 0; op < records_.size(); ++op) {
    auto& records = manifest_.operators[op].records;
    records = std::move(records_[op]);
    std::sort(records.begin(), records.end(), [](const auto& a, const auto& b) { return a.slot < b.slot; });
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
  const auto before = before_.find(op.name());
  StateWriter items(job.slots);
  op.save(items);
  std::uint64_t bytes = 0;
  std::vector<Manifest::Record> records;
  items.for_each([&](unsigned slot, std::string_view content) {
    const auto* same = before == before_.end() ? nullptr : find(*before->second, slot, content);
    if (same != nullptr) {
      records.push_back(*same);
      return;
    }
    records.push_back({.slot = slot,
                       .number = writer_.number(),
                       .bytes = content.size(),
                       .checksum = stored::record_checksum(id, slot, writer_.number(), content)});
    file.put(id, slot, content);
    bytes += content.size();
  });
  const std::lock_guard lock(mutex_);
  records_[job.op].insert(records_[job.op].end(), records.begin(), records.end());
  manifest_.operators[job.op].items += items.items();
  return bytes;
}

}  // namespace lockstep
