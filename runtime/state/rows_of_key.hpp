#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "runtime/state/arena.hpp"
#include "runtime/state/ordered_rows.hpp"
#include "runtime/state/weight_table.hpp"
#include "runtime/zset/slice.hpp"

namespace lockstep {

enum class RowOrder { none, by_row };

/// Where a group lies: anywhere, or in an entry's first word after its tag, so that an entry of a number and another
/// number is half a cache line.
enum class RowsLie { anywhere, after_tag };

/// The values of one key: a small Z-set, held in one of three forms. One row lies in the entry itself; a few lie
/// in a block of the segment's arena; many have an index of their own, by hash or in order. REQUIRES of every call:
/// `home` is the segment that the group's entry is in.
template <class V, RowOrder kOrder, RowsLie kPlace = RowsLie::anywhere>
class RowsOfKey {
 public:
  using Item = Weighted<V>;
  using Large = std::conditional_t<kOrder == RowOrder::by_row, OrderedRows<V>, WeightTable<V>>;

  struct InArena {};
  static constexpr bool kArenaBitwise = kBitwise<V>;
  static constexpr std::uint32_t kLinkMask = 0xff000000;  // of the first word: see HoldsLink

  RowsOfKey() {}
  RowsOfKey(const RowsOfKey&) = delete;
  RowsOfKey& operator=(const RowsOfKey&) = delete;
  ~RowsOfKey() = default;  // see destroy()

  std::uint32_t link() const { return std::uint32_t{link_} << kLinkShift; }
  void set_link(std::uint32_t link) { link_ = static_cast<std::uint8_t>(link >> kLinkShift); }

  bool empty() const { return form_ != Form::large && size_ == 0; }
  bool is_vacant() const { return empty(); }
  std::size_t size() const { return form_ == Form::large ? owned()->size() : size_; }

  /// The rows, unless large() holds them.
  template <class Segment>
  Slice<const Item> rows(const Segment& home) const {
    if (form_ == Form::inside) return {one(), std::size_t{size_}};
    return {reinterpret_cast<const Item*>(home.arena().at(block().offset)), std::size_t{size_}};
  }
  std::size_t kept_rows() const { return size(); }
  bool is_large() const { return form_ == Form::large; }
  const Large* large() const { return form_ == Form::large ? owned() : nullptr; }

  /// Fetches the rows that do not lie in the entry.
  template <class Segment>
  [[gnu::always_inline]] void prefetch(const Segment& home) const {
    if (form_ == Form::inside) return;
    if (form_ == Form::large) {
      __builtin_prefetch(owned(), 1);
      return;
    }
    const std::byte* rows = home.arena().at(block().offset);
    for (std::size_t at = 0; at < size_ * sizeof(Item); at += 64) __builtin_prefetch(rows + at, 1);
  }

  /// Fetches the first rows of a block, without a branch on whether there is one. This may be no group at all, but the
  /// place for one.
  template <class Segment>
  [[gnu::always_inline]] void prefetch_first(const Segment& home) const {
    const auto rows = reinterpret_cast<std::uintptr_t>(home.arena().base()) + block().offset;
    const auto here = reinterpret_cast<std::uintptr_t>(this);
    __builtin_prefetch(reinterpret_cast<const void*>(form_ == Form::block ? rows : here), 1);
  }

  template <class Segment, class Function>
  void for_each(const Segment& home, Function&& function) const {
    if (form_ == Form::large) return owned()->for_each(function);
    for (const Item& item : rows(home)) function(item.row, item.weight);
  }

  template <class Segment>
  Weight weight_of(const Segment& home, const V& value) const {
    if (form_ == Form::large) return owned()->weight_of(value);
    const auto items = rows(home);
    const auto [at, found] = find(items, value);
    return found ? items[at].weight : 0;
  }

  template <class Segment>
  const V& first(const Segment& home) const {
    return form_ == Form::large ? owned()->first() : rows(home).front().row;
  }
  template <class Segment>
  const V& last(const Segment& home) const {
    return form_ == Form::large ? owned()->last() : rows(home).back().row;
  }

  /// Adds to a row's weight; a row of weight zero vanishes. `large_bytes` follows what large groups, and rows on the
  /// heap, hold outside of segments. Returns the carry (see add_wrapping).
  template <class Segment>
  int add(Segment& home, const IndexLimits& limits, const V& value, Weight weight, std::size_t& large_bytes) {
    if (weight == 0) return 0;
    if (form_ == Form::large) {
      large_bytes -= bytes_of(*owned());
      const int carry = owned()->add(value, weight);
      large_bytes += bytes_of(*owned());
      if (owned()->size() <= small_rows(limits) / 2) make_small(home, large_bytes);
      return carry;
    }
    const Slice<Item> items = mutable_rows(home);
    const auto [at, found] = find(items, value);
    if (!found) {
      insert(home, limits, at, value, weight, large_bytes);
      return 0;
    }
    const int carry = add_wrapping(items[at].weight, weight);
    if (items[at].weight == 0) {
      large_bytes -= heap_bytes(items[at].row);
      erase(home, at);
    }
    return carry;
  }

  /// Leaves no rows.
  template <class Segment>
  void clear(Segment& home, std::size_t& large_bytes) {
    if (form_ == Form::large) {
      large_bytes -= bytes_of(*owned());
    } else {
      for (const Item& item : rows(home)) large_bytes -= heap_bytes(item.row);
    }
    destroy(home);
  }

  // How a group moves with its entry (see UsesArena).

  void move_to(RowsOfKey* raw) noexcept {
    std::construct_at(raw);
    if (form_ == Form::inside) {
      std::uninitialized_move_n(one(), size_, raw->one());
      std::destroy_n(one(), size_);
    } else {
      raw->copy_words(*this);
    }
    raw->take_form(*this);
  }

  /// Throws if the arena cannot grow; then all is as it was.
  template <class Segment>
  void relocate_to(RowsOfKey* raw, Segment& from, Segment& to) {
    if (form_ != Form::block) return move_to(raw);
    std::construct_at(raw);
    const Block old_block = block();
    const Block new_block{to.allocate(old_block.bytes), old_block.bytes};
    const Slice<Item> old = mutable_rows(from);
    raw->set(new_block);
    raw->take_form(*this);
    std::uninitialized_move(old.begin(), old.end(), raw->mutable_rows(to).begin());
    std::destroy(old.begin(), old.end());
    from.arena().free(old_block.offset, old_block.bytes);
  }

  /// Throws if a row cannot be copied; then there is no copy. The segments' arenas have the same layout.
  template <class Segment>
  void clone_to(RowsOfKey* raw, const Segment& from, Segment& to) const {
    std::construct_at(raw);
    if (form_ == Form::inside) {
      std::uninitialized_copy_n(one(), size_, raw->one());
    } else if (form_ == Form::block) {
      raw->set(block());
      if constexpr (!kArenaBitwise) {
        const Slice<const Item> items = rows(from);
        std::uninitialized_copy(items.begin(), items.end(), reinterpret_cast<Item*>(to.arena().at(block().offset)));
      }
    } else {
      raw->set(new Large(owned()->pin()));
    }
    raw->size_ = size_;
    raw->form_ = form_;
    raw->link_ = link_;
  }

  /// The arena's bytes have moved; rows that are more than bytes follow.
  void rebase(std::byte* from, std::byte* to) {
    if (form_ != Form::block || kArenaBitwise) return;
    auto* items = reinterpret_cast<Item*>(from + block().offset);
    std::uninitialized_move_n(items, size_, reinterpret_cast<Item*>(to + block().offset));
    std::destroy_n(items, size_);
  }

  template <class Segment>
  void destroy(Segment& home) {
    if (form_ == Form::large) {
      delete owned();
    } else {
      const Slice<Item> items = mutable_rows(home);
      std::destroy(items.begin(), items.end());
      if (form_ == Form::block) home.arena().free(block().offset, block().bytes);
    }
    form_ = Form::inside;
    size_ = 0;
  }

 private:
  enum class Form : std::uint32_t { inside, block, large };

  struct Block {
    std::uint32_t offset;
    std::uint32_t bytes;
  };

  // What is behind the first word: a row, a block, or the address of an index, whose alignment need not be the word's.
  Item* one() { return reinterpret_cast<Item*>(body_); }
  const Item* one() const { return reinterpret_cast<const Item*>(body_); }
  Block block() const { return get<Block>(); }
  void set(const Block& block) { std::memcpy(body_, &block, sizeof block); }
  Large* owned() const { return get<Large*>(); }
  void set(Large* large) { std::memcpy(body_, &large, sizeof large); }
  template <class T>
  T get() const {
    T value;
    std::memcpy(&value, body_, sizeof value);
    return value;
  }

  static std::size_t bytes_of(const Large& large) { return allocated_bytes(sizeof large) + large.bytes(); }

  static std::size_t small_rows(const IndexLimits& limits) {
    if (limits.rows_in_segment != 0) return std::max(limits.rows_in_segment, 2U);
    return std::max<std::size_t>(512 / sizeof(Item), 4);
  }

  /// The other one's rows are this one's now.
  void take_form(RowsOfKey& other) {
    size_ = other.size_;
    form_ = other.form_;
    link_ = other.link_;
    other.size_ = 0;
    other.form_ = Form::inside;
  }

  void copy_words(const RowsOfKey& other) { std::memcpy(body_, other.body_, std::max(sizeof(Block), sizeof(Large*))); }

  template <class Segment>
  Slice<Item> mutable_rows(Segment& home) {
    if (form_ == Form::inside) return {one(), std::size_t{size_}};
    return {reinterpret_cast<Item*>(home.arena().at(block().offset)), std::size_t{size_}};
  }

  static std::pair<std::size_t, bool> find(Slice<const Item> items, const V& value) {
    if constexpr (kOrder == RowOrder::by_row) {
      const auto place = std::partition_point(
          items.begin(), items.end(), [&](const Item& item) { return row_traits<V>::compare(item.row, value) < 0; });
      const auto at = static_cast<std::size_t>(place - items.begin());
      return {at, place != items.end() && row_traits<V>::equal(place->row, value)};
    } else {
      std::size_t at = 0;
      while (at < items.size() && !row_traits<V>::equal(items[at].row, value)) ++at;
      return {at, at < items.size()};
    }
  }

  template <class Segment>
  void insert(Segment& home, const IndexLimits& limits, std::size_t at, const V& value, Weight weight,
              std::size_t& large_bytes) {
    if (size_ >= small_rows(limits)) {
      make_large(home, limits, large_bytes);
      large_bytes -= bytes_of(*owned());
      owned()->add(value, weight);
      large_bytes += bytes_of(*owned());
      return;
    }
    if (size_ != 0 && (form_ == Form::inside || (size_ + 1) * sizeof(Item) > block().bytes)) {
      reblock(home, (size_ + 1) * sizeof(Item));
    }
    Item* items = mutable_rows(home).data();
    Item item{value, weight};
    large_bytes += heap_bytes(value);
    if (at == size_) {
      std::construct_at(items + at, std::move(item));
    } else {
      std::construct_at(items + size_, std::move(items[size_ - 1]));
      std::move_backward(items + at, items + size_ - 1, items + size_);
      items[at] = std::move(item);
    }
    ++size_;
  }

  template <class Segment>
  void erase(Segment& home, std::size_t at) {
    Item* items = mutable_rows(home).data();
    if constexpr (kOrder == RowOrder::by_row) {
      std::move(items + at + 1, items + size_, items + at);
    } else if (at + 1 != size_) {
      items[at] = std::move(items[size_ - 1]);
    }
    std::destroy_at(items + --size_);
    if (form_ != Form::block) return;
    if (size_ == 1) {
      const Block old_block = block();
      std::construct_at(one(), std::move(*items));
      std::destroy_at(items);
      form_ = Form::inside;
      home.arena().free(old_block.offset, old_block.bytes);
    } else if (Arena::block_bytes(4 * size_ * sizeof(Item)) < block().bytes) {
      reblock(home, 2 * size_ * sizeof(Item));
    }
  }

  /// Moves the rows to a block of another size.
  template <class Segment>
  void reblock(Segment& home, std::size_t wanted) {
    const std::uint32_t bytes = Arena::block_bytes(wanted);
    const std::uint32_t offset = home.allocate(bytes);
    const Slice<Item> old = mutable_rows(home);
    std::uninitialized_move(old.begin(), old.end(), reinterpret_cast<Item*>(home.arena().at(offset)));
    std::destroy(old.begin(), old.end());
    if (form_ == Form::block) home.arena().free(block().offset, block().bytes);
    form_ = Form::block;
    set(Block{offset, bytes});
  }

  template <class Segment>
  void make_large(Segment& home, const IndexLimits& limits, std::size_t& large_bytes) {
    auto large = std::make_unique<Large>(limits);
    for (Item& item : mutable_rows(home)) {
      large_bytes -= heap_bytes(item.row);
      large->take(std::move(item.row), item.weight);
    }
    destroy(home);
    form_ = Form::large;
    set(large.release());
    large_bytes += bytes_of(*owned());
  }

  template <class Segment>
  void make_small(Segment& home, std::size_t& large_bytes) {
    const std::unique_ptr<Large> large(owned());
    large_bytes -= bytes_of(*large);
    form_ = Form::inside;
    if (large->size() > 1) {
      const std::uint32_t bytes = Arena::block_bytes(2 * large->size() * sizeof(Item));
      set(Block{home.allocate(bytes), bytes});
      form_ = Form::block;
    }
    Item* item = mutable_rows(home).data();
    large->for_each([&](const V& value, Weight weight) {
      std::construct_at(item++, Item{value, weight});
      large_bytes += heap_bytes(value);
      ++size_;
    });
  }

  static constexpr std::size_t kAlign = kPlace == RowsLie::after_tag && alignof(Item) <= 8
                                            ? alignof(std::uint32_t)
                                            : std::max<std::size_t>(alignof(Item), 8);

  static constexpr unsigned kLinkShift = 24;

  std::uint32_t size_ : 22 = 0;  // of a large group: not in use
  Form form_ : 2 = Form::inside;
  std::uint32_t link_ : 8 = 0;
  alignas(kAlign) std::byte body_[std::max(sizeof(Item), sizeof(Block))];
};

}  // namespace lockstep
