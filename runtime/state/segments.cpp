#include "runtime/state/segments.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <stdexcept>
#include <utility>

#include "runtime/state/segment_memory.hpp"

namespace lockstep {

namespace {

constexpr std::uint32_t kMaxDepth = 30;
constexpr std::uint32_t kMostVacant = (1 << 24) - 1;

bool is_mostly_vacant(const SegmentRef& place) { return place.vacant * 4 > place.count * 3; }

}  // namespace

/// A segment on its way into the directory.
class Segments::Fresh {
 public:
  Fresh(Segments& table, std::uint32_t capacity, std::uint32_t depth)
      : place{.segment = table.make(capacity),
              .capacity = capacity,
              .version = table.version_,
              .count = 0,
              .vacant = 0,
              .depth = depth & 0xff},
        table_(table) {}
  Fresh(const Fresh&) = delete;
  Fresh& operator=(const Fresh&) = delete;
  ~Fresh() {
    if (!installed) table_.release(place.segment);
  }

  SegmentRef place;
  bool installed = false;

 private:
  Segments& table_;
};

Segments::Segments(const IndexLimits& limits, const SegmentLayout& layout) : limits_(limits), layout_(layout) {}
Segments::~Segments() = default;
Segments::Segments(Segments&&) noexcept = default;

Segments& Segments::operator=(Segments&& other) noexcept {
  std::swap(limits_, other.limits_);
  std::swap(directory_, other.directory_);
  std::swap(version_, other.version_);
  std::swap(changed_link_, other.changed_link_);
  std::swap(since_, other.since_);
  std::swap(lists_erased_, other.lists_erased_);
  std::swap(losses_, other.losses_);
  std::swap(erased_, other.erased_);
  std::swap(listed_before_, other.listed_before_);
  std::swap(links_since_, other.links_since_);
  std::swap(shared_since_, other.shared_since_);
  std::swap(size_, other.size_);
  std::swap(segments_, other.segments_);
  std::swap(segment_bytes_, other.segment_bytes_);
  std::swap(row_bytes_, other.row_bytes_);
  return *this;
}

void Segments::share_with(Segments& pin) {
  pin.directory_ = directory_;
  pin.size_ = size_;
  pin.segments_ = segments_;
  pin.segment_bytes_ = segment_bytes_;
  pin.row_bytes_ = row_bytes_;
  directory_.for_each([](const SegmentRef& place) { place.segment->add_owner(); });
  shared_since_ = ++version_;
  pin.version_ = version_;
  pin.shared_since_ = shared_since_;  // a large group's pin is what is written on
}

void Segments::release_all() noexcept {
  if (capture_ != nullptr) {
    capture_->failure_ = std::make_exception_ptr(std::logic_error("a table went before its capture was done"));
    capture_->table_ = nullptr;
  }
  directory_.for_each([this](const SegmentRef& place) { release(place.segment); });
}

void Segments::release(SegmentHead* segment) const noexcept {
  if (segment->drop_owner()) destroy(segment);
}

void Segments::make_writable(std::uint64_t hash, bool needs_room) {
  if (needs_room) make_room(directory_.index(hash));
  if (directory_.of(hash).version != version_) unshare(directory_.index(hash));
}

void Segments::unshare(std::size_t at) {
  SegmentRef place = directory_.owner(at);
  // To look at a segment costs a miss, so not if no pin can have it.
  if (place.version < shared_since_ && place.capacity != 0 && !place.segment->sole_owner()) {
    SegmentHead* copy = clone(*place.segment);
    segment_bytes_ += bytes_of(*copy) - bytes_of(*place.segment);
    release(place.segment);
    place.segment = copy;
  }
  if (layout_.link_mask != 0 && place.version < links_since_) [[unlikely]] {
    for (std::uint32_t i = 0; i < place.capacity; ++i) layout_.forget_link(layout_.tag(place.segment, i));
  }
  place.version = version_;
  directory_.set(at, place);
}

void Segments::make_room(std::size_t at) {
  SegmentRef& place = directory_.owner(at);
  if (place.capacity == 0) {
    Fresh first(*this, kMinCapacity, 0);
    install(at, first);
  } else if (place.vacant * 4 >= place.count && purge(place)) {
    return;
  } else if (place.capacity < max_capacity()) {
    rebuild(at, std::min(max_capacity(), place.capacity * 2));
  } else if (!split(at)) {
    rebuild(at, place.capacity * 2);
  }
}

void Segments::after_erase(std::size_t at) {
  const SegmentRef& place = directory_.owner(at);
  if (place.count <= place.capacity / 8) {
    shrink(at, place.capacity / 2);
  } else {
    tidy_at(at);
  }
}

void Segments::tidy_at(std::size_t at) {
  const SegmentRef& place = directory_[at];
  if (layout_.has_arena && place.capacity != 0 &&
      static_cast<SegmentHeadWithArena*>(place.segment)->arena().mostly_free()) {
    rebuild(at, place.capacity);
  }
}

void Segments::count_vacant(std::uint64_t hash) {
  SegmentRef& place = directory_.owner(directory_.index(hash));
  if (place.vacant < kMostVacant) ++place.vacant;
  if (is_mostly_vacant(place)) mostly_vacant_.push_back(hash);
}

void Segments::sweep_vacant() {
  for (const std::uint64_t hash : mostly_vacant_) {
    const std::size_t at = directory_.index(hash);
    SegmentRef& place = directory_.owner(at);
    if (!is_mostly_vacant(place)) continue;
    purge(place);
    if (place.count <= place.capacity / 8) {
      shrink(at, 4 * place.count);
    } else {
      tidy_at(at);
    }
  }
  mostly_vacant_.clear();
}

void Segments::visit_range(const SlotRange& range, void* context, Visit visit) const {
  const std::size_t last = directory_.index(range.highest_hash());
  for (std::size_t at = directory_.index(range.lowest_hash()); at <= last; at = directory_.next(at)) {
    const SegmentRef& place = directory_[at];
    for (std::uint32_t i = 0; i < place.capacity; ++i) {
      const std::uint32_t tag = *layout_.tag(place.segment, i);
      if (tag != 0 && range.has(hash_of(tag))) visit(context, layout_.entry(place.segment, i), *place.segment);
    }
  }
}

std::size_t Segments::bytes_of(const SegmentHead& segment) const {
  const std::size_t bytes = segment_memory::taken(layout_.bytes_for(segment.capacity()));
  return layout_.has_arena ? bytes + static_cast<const SegmentHeadWithArena&>(segment).arena().capacity() : bytes;
}

/// The places of a segment's entries, listed without a branch: which are taken is as good as random.
std::uint32_t Segments::list_taken(const SegmentRef& place, Array<std::uint32_t>& places) const {
  if (places.size() < place.capacity) places.resize(place.capacity);
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < place.capacity; ++i) {
    places[count] = i;
    count += static_cast<std::uint32_t>(*layout_.tag(place.segment, i) != 0);
  }
  return count;
}

void Segments::install(std::size_t at, Fresh& fresh) {
  ++segments_;
  segment_bytes_ += bytes_of(*fresh.place.segment);
  directory_.set(at, fresh.place);
  fresh.installed = true;
}

void Segments::discard(SegmentHead* segment) {
  segment_bytes_ -= bytes_of(*segment);
  --segments_;
  release(segment);
}

void Segments::rebuild(std::size_t at, std::uint32_t capacity) {
  const SegmentRef old = directory_.owner(at);
  Fresh fresh(*this, capacity, old.depth);
  move_entries(old, list_taken(old, taken_), &fresh.place, &fresh.place, 0);
  install(at, fresh);
  discard(old.segment);
}

void Segments::shrink(std::size_t at, std::uint32_t capacity) {
  capacity = std::max(kMinCapacity, capacity);
  if (capacity < directory_.owner(at).capacity) rebuild(at, capacity);
  while (merge(at)) {
  }
  tidy_at(at);
}

/// Splits a segment into the two halves of its range. Returns false if no split would do that tells its entries apart.
bool Segments::split(std::size_t at) {
  const SegmentRef old = directory_.owner(at);
  const std::uint32_t depth = old.depth + 1;
  const std::uint32_t bit = std::uint32_t{1} << (32 - depth);
  const std::uint32_t count = list_taken(old, taken_);
  std::uint32_t right = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    right += static_cast<std::uint32_t>((*layout_.tag(old.segment, taken_[i]) & bit) != 0);
  }
  const bool apart = right != 0 && right != old.count;
  if ((apart ? depth : separating_depth(old)) > worthwhile_depth()) return false;
  if (old.depth == directory_.depth()) {
    directory_.grow();
    at *= 2;
  }
  Fresh left_half(*this, capacity_after_split(old.count - right), depth);
  Fresh right_half(*this, capacity_after_split(right), depth);
  move_entries(old, count, &left_half.place, &right_half.place, bit);
  const std::size_t half = directory_.aliases(left_half.place);
  const std::size_t begin = at & ~(2 * half - 1);
  install(begin, left_half);
  install(begin + half, right_half);
  discard(old.segment);
  return true;
}

bool Segments::merge(std::size_t& at) {
  const SegmentRef place = directory_.owner(at);
  if (place.depth == 0) return false;
  const std::size_t span = directory_.aliases(place);
  const std::size_t sibling_at = directory_.first_alias(at) ^ span;
  const std::uint32_t count = place.count + directory_[sibling_at].count;
  if (directory_[sibling_at].depth != place.depth || count > max_capacity() / 4) return false;
  if (directory_[sibling_at].version != version_) unshare(sibling_at);
  Fresh merged(*this, std::max(kMinCapacity, 2 * count), place.depth - 1);
  const SegmentRef parts[] = {place, directory_[sibling_at]};
  for (const SegmentRef& part : parts) move_entries(part, list_taken(part, taken_), &merged.place, &merged.place, 0);
  install(at, merged);
  for (const SegmentRef& part : parts) discard(part.segment);
  if (directory_.size() > 8 * segments_) directory_.shrink(at);
  return true;
}

/// How many top bits it takes to tell some two entries apart.
std::uint32_t Segments::separating_depth(const SegmentRef& place) const {
  std::uint32_t all = ~std::uint32_t{0};
  std::uint32_t any = 0;
  for (std::uint32_t i = 0; i < place.capacity; ++i) {
    const std::uint32_t tag = *layout_.tag(place.segment, i);
    if (tag == 0) continue;
    all &= tag;
    any |= tag;
  }
  return static_cast<std::uint32_t>(std::countl_zero(all ^ any)) + 1;
}

/// Hashes that agree in more bits than chance would have it are not worth doubling the directory for.
std::uint32_t Segments::worthwhile_depth() const {
  return std::min<std::uint32_t>(kMaxDepth, static_cast<std::uint32_t>(std::bit_width(size_ / max_capacity())) + 12);
}

/// A segment that had outgrown the limit may leave more than fits one.
std::uint32_t Segments::capacity_after_split(std::uint32_t count) const {
  return std::max(max_capacity(), count + count / 2 + 2);
}

}  // namespace lockstep
