#include "runtime/state/directory.hpp"

#include <algorithm>

namespace lockstep {

namespace {

SegmentRef nothing() {
  alignas(std::max_align_t) static const std::byte bytes[Directory::kNothingBytes]{};
  return {.segment = reinterpret_cast<SegmentHead*>(const_cast<std::byte*>(bytes)),
          .capacity = 0,
          .version = 1,
          .count = 0,
          .vacant = 0,
          .depth = 0};
}

}  // namespace

Directory::Directory() {
  refs_.assign(2, nothing());
  of_depth_[0] = refs_.size();
}

void Directory::set(std::size_t at, const SegmentRef& ref) {
  const std::size_t count = aliases(ref);
  const std::size_t begin = at & ~(count - 1);
  for (std::size_t i = begin; i < begin + count; ++i) {
    --of_depth_[refs_[i].depth];
    refs_[i] = ref;
  }
  of_depth_[ref.depth] += count;
}

void Directory::grow() {
  Array<SegmentRef> doubled;
  doubled.reserve(refs_.size() * 2);
  for (const SegmentRef& ref : refs_) {
    doubled.push_back(ref);
    doubled.push_back(ref);
  }
  refs_ = std::move(doubled);
  ++depth_;
  for (std::size_t& count : of_depth_) count *= 2;
}

void Directory::shrink(std::size_t& at) {
  const auto deepest_ref =
      std::find_if(of_depth_.rbegin(), of_depth_.rend(), [](std::size_t count) { return count != 0; });
  const auto deepest = std::max<std::uint32_t>(1, static_cast<std::uint32_t>(of_depth_.rend() - deepest_ref) - 1);
  const std::uint32_t fold = depth_ - deepest;
  if (fold == 0) return;
  Array<SegmentRef> folded;
  folded.reserve(refs_.size() >> fold);
  for (std::size_t i = 0; i < refs_.size(); i += std::size_t{1} << fold) folded.push_back(refs_[i]);
  refs_ = std::move(folded);
  depth_ = deepest;
  at >>= fold;
  for (std::size_t& count : of_depth_) count >>= fold;
}

}  // namespace lockstep
