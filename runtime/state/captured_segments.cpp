#include <algorithm>
#include <cassert>

#include "runtime/state/segments.hpp"

// What a table does for its captures, and by what it tells changes.

namespace lockstep {

namespace {

/// A table of fewer is captured in one range.
constexpr std::size_t kFewSegments = 32;
/// So many erased keys are listed of a small table, too.
constexpr std::size_t kFewErased = 1024;

}  // namespace

/// Links of what changes from now on are no lower than its links, and no link is as high.
TableTime Segments::begin_time() {
  std::uint32_t links = next_link();
  if (links == 0) links = changed_link_ += layout_.link_step();
  return {.links = links, .version = ++version_};
}

void Segments::tell_changes() {
  since_ = begin_time();
  lists_erased_ = true;
  listed_before_ = 0;
  erased_ = {};
}

void Segments::lose_changes() {
  since_ = {};
  lists_erased_ = false;
  ++losses_;
  listed_before_ = 0;
  if (capture_ == nullptr) erased_ = {};
}

void Segments::begin_capture(Capture& capture, const SlotSet* changes_of) {
  assert(capture_ == nullptr);
  capture_ = &capture;
  capture.table_ = this;
  capture.source_ = this;
  capture.layout_ = layout_;
  capture.begun_ = begin_time();
  std::size_t vacant = 0;
  directory_.for_each([&](const SegmentRef& place) { vacant += place.vacant; });
  capture.entries_ = size_ - std::min(size_, vacant);
  const unsigned ranges = segments_ < kFewSegments ? 1 : 1U << Capture::kRangeBits;
  for (unsigned i = 0; i < ranges; ++i) {
    capture.ranges_.emplace_back(SlotRange{first_slot_of(i, ranges), first_slot_of(i + 1, ranges)});
  }
  if (changes_of == nullptr) return;
  assert(tells_changes() || changes_of->none());
  capture.changes_ = *changes_of;
  capture.since_ = since_;
  if (!lists_erased_) erased_ = {};  // of before changes were lost
  lists_erased_ = true;
  capture.losses_ = losses_;
  capture.erased_ = erased_.size();
  listed_before_ = capture.erased_;
}

void Segments::end_capture() {
  capture_ = nullptr;
  if (changed_link_ / layout_.link_step() < std::min(limits_.links, layout_.link_mask / layout_.link_step())) return;
  changed_link_ = 0;
  forget_links();
}

void Segments::keep(const Capture& capture) {
  if (capture.losses_ != losses_) return;
  since_ = capture.begun_;
  listed_before_ = 0;
  erased_.drop_first(capture.erased_);
}

void Segments::write_segment(Capture& capture, Capture::Range& range) const {
  const std::size_t at = directory_.index(range.from_);
  const std::size_t next = directory_.next(at);
  const SegmentRef& place = directory_[at];
  // Links that have been forgotten are of before.
  const bool has_links = place.version >= links_since_;
  const bool only_changes = has_only_changes(capture, directory_.first_alias(at), next);
  if (!only_changes || place.version >= capture.since_.version) {
    const std::uint32_t first = only_changes ? capture.since_.links : 0;
    const std::uint32_t count =
        has_links ? list_linked(place, range.places_, first, capture.begun_.links) : list_taken(place, range.places_);
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t* const tag = layout_.tag(place.segment, range.places_[i]);
      const std::uint64_t hash = hash_of(*tag);
      if (hash < range.from_ || hash > range.last_) continue;
      if (layout_.link(tag) >= capture.since_.links || !capture.has_only_changes(hash)) {
        capture.write(range.items_, tag, *place.segment);
      }
    }
  }
  if (next > directory_.index(range.last_)) {
    range.done_ = true;
  } else {
    range.from_ = std::uint64_t{next} << (64 - directory_.depth());
  }
}

/// Of all slots that the segment of these places of the directory has a part of.
bool Segments::has_only_changes(const Capture& capture, std::size_t at, std::size_t next) const {
  const unsigned last = slot_of((std::uint64_t{next} << (64 - directory_.depth())) - 1);
  for (unsigned slot = slot_of(std::uint64_t{at} << (64 - directory_.depth())); slot <= last; ++slot) {
    if (!capture.changes_[slot]) return false;
  }
  return true;
}

void Segments::write_before_change(const void* entry) noexcept {
  const auto* const tag = static_cast<const std::uint32_t*>(entry);
  const std::uint64_t hash = hash_of(*tag);
  Capture::Range& range = capture_->range_of(hash);
  if (range.done_ || hash < range.from_ || layout_.link(tag) >= capture_->begun_.links) return;
  if (layout_.link(tag) < capture_->since_.links && capture_->has_only_changes(hash)) return;
  try {
    capture_->write_before_change(range.items_, entry, *directory_.of(hash).segment);
  } catch (...) {  // no memory: the capture fails, not the step
    capture_->failure_ = std::current_exception();
    capture_->table_ = nullptr;
    end_capture();
  }
}

void Segments::note_erased(const void* entry) noexcept {
  if (capture_ != nullptr) write_before_change(entry);
  const auto* const tag = static_cast<const std::uint32_t*>(entry);
  if (!lists_erased_ || layout_.link(tag) < since_.links) return;
  try {
    const std::size_t most = kFewErased + size_ / 16;
    if (erased_.size() >= most) {
      erased_.drop_repeated(listed_before_);
      if (erased_.size() > most / 2) return lose_changes();
    }
    Encoder key = erased_.next();
    encode_key(key, entry);
    erased_.add(*tag);
  } catch (...) {  // no memory: all is written the next time
    lose_changes();
  }
}

void Segments::forget_links() {
  links_since_ = ++version_;
  lose_changes();
}

/// The places of those whose links are in a range, listed without a branch: few are, among many.
std::uint32_t Segments::list_linked(const SegmentRef& place, Array<std::uint32_t>& places, std::uint32_t first,
                                    std::uint32_t end) const {
  if (places.size() < place.capacity) places.resize(place.capacity);
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < place.capacity; ++i) {
    const std::uint32_t* const tag = layout_.tag(place.segment, i);
    places[count] = i;
    count +=
        static_cast<std::uint32_t>(layout_.link(tag) - first < end - first) & static_cast<std::uint32_t>(*tag != 0);
  }
  return count;
}

}  // namespace lockstep
