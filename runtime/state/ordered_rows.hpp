#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <new>
#include <vector>

#include "runtime/rows/traits.hpp"
#include "runtime/state/limits.hpp"
#include "runtime/state/weight_table.hpp"
#include "runtime/zset/weights.hpp"

namespace lockstep {

/// A Z-set in row order: sorted pages of a few hundred rows, or less if these are large, under one sorted list of
/// pages; where there are few rows, a page is as small. O(log n) to find, a page's worth of moves to change; first and
/// last are O(1). pin() is O(pages), and a page is copied on the first write after it. Worker-local, but for what pin()
/// returns.
template <class R>
class OrderedRows {
 public:
  using Item = Weighted<R>;

  explicit OrderedRows(const IndexLimits& limits = {})
      : page_rows_(std::max(std::min<std::uint32_t>(limits.page_rows, kPageBytes / sizeof(Item)), 2U)) {}
  /// What was moved from can be destroyed.
  OrderedRows(OrderedRows&& other) noexcept = default;
  OrderedRows& operator=(OrderedRows&&) = delete;
  ~OrderedRows() {
    for (Page* page : pages_) page->release();
  }

  /// Returns the carry (see add_wrapping).
  int add(const R& row, Weight weight) {
    if (pages_.empty()) insert_page(0, std::min(kFirstRows, page_rows_));
    const std::size_t at = page_of(row);
    Page* page = writable(at);
    Item* place = page->lower_bound(row);
    if (place == page->end() || !row_traits<R>::equal(place->row, row)) {
      if (weight != 0) insert(at, place, {row, weight});
      return 0;
    }
    const int carry = add_wrapping(place->weight, weight);
    if (place->weight == 0) erase(at, place);
    return carry;
  }

  /// REQUIRES: the row is not there.
  void take(R&& row, Weight weight) { add(row, weight); }

  const R& first() const { return pages_.front()->begin()->row; }
  const R& last() const { return (pages_.back()->end() - 1)->row; }

  std::size_t size() const { return size_; }
  /// With what rows hold on the heap.
  std::size_t bytes() const { return page_bytes_ + pages_.capacity() * sizeof(Page*) + row_bytes_; }

  template <class Function>
  void for_each(Function&& function) const {
    for (const Page* page : pages_) {
      for (const Item* item = page->begin(); item != page->end(); ++item) function(item->row, item->weight);
    }
  }

  OrderedRows pin() {
    OrderedRows copy(IndexLimits{.page_rows = page_rows_});
    copy.pages_ = pages_;
    copy.size_ = size_;
    copy.page_bytes_ = page_bytes_;
    copy.row_bytes_ = row_bytes_;
    for (Page* page : pages_) page->owners.fetch_add(1, std::memory_order_relaxed);
    return copy;
  }

 private:
  struct Page {
    std::atomic<std::uint32_t> owners{1};
    std::uint32_t size = 0;
    const std::uint32_t capacity;

    explicit Page(std::uint32_t rows) : capacity(rows) {}

    static constexpr std::size_t kHead =
        (3 * sizeof(std::uint32_t) + alignof(Item) - 1) / alignof(Item) * alignof(Item);
    static std::size_t bytes_for(std::uint32_t rows) { return kHead + rows * sizeof(Item); }
    struct Release {
      void operator()(Page* page) const { page->release(); }
    };
    using Owner = std::unique_ptr<Page, Release>;
    static Owner make(std::uint32_t rows) { return Owner(new (::operator new(bytes_for(rows))) Page(rows)); }
    /// Pairs with the acquire in writable(): what an owner read happens before the sole owner's writes.
    void release() {
      if (owners.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
      std::destroy(begin(), end());
      this->~Page();
      ::operator delete(this);
    }

    Item* begin() { return reinterpret_cast<Item*>(reinterpret_cast<std::byte*>(this) + kHead); }
    const Item* begin() const { return const_cast<Page*>(this)->begin(); }
    Item* end() { return begin() + size; }
    const Item* end() const { return begin() + size; }
    Item* lower_bound(const R& row) {
      return std::partition_point(begin(), end(),
                                  [&](const Item& item) { return row_traits<R>::compare(item.row, row) < 0; });
    }
  };

  std::size_t page_of(const R& row) const {
    const auto after = std::partition_point(pages_.begin() + 1, pages_.end(), [&](const Page* page) {
      return row_traits<R>::compare(page->begin()->row, row) <= 0;
    });
    return static_cast<std::size_t>(after - pages_.begin()) - 1;
  }

  Page* writable(std::size_t at) {
    Page*& page = pages_[at];
    if (page->owners.load(std::memory_order_acquire) != 1) {
      typename Page::Owner copy = Page::make(page->capacity);
      std::uninitialized_copy(page->begin(), page->end(), copy->begin());
      copy->size = page->size;
      page->release();
      page = copy.release();
    }
    return page;
  }

  [[gnu::noinline]] Page* insert_page(std::size_t at, std::uint32_t rows) {
    typename Page::Owner page = Page::make(rows);
    pages_.insert(pages_.begin() + static_cast<std::ptrdiff_t>(at), page.get());
    page_bytes_ += Page::bytes_for(rows);
    return page.release();
  }
  /// REQUIRES: it is writable, and its rows have room in the new one.
  [[gnu::noinline]] Page* resize_page(std::size_t at, std::uint32_t rows) {
    typename Page::Owner page = Page::make(rows);
    move_tail(pages_[at], 0, page.get());
    page_bytes_ += Page::bytes_for(rows) - Page::bytes_for(pages_[at]->capacity);
    pages_[at]->release();
    return pages_[at] = page.release();
  }
  void remove_page(std::size_t at) {
    page_bytes_ -= Page::bytes_for(pages_[at]->capacity);
    pages_[at]->release();
    pages_.erase(pages_.begin() + static_cast<std::ptrdiff_t>(at));
  }

  /// Moves the rows from `from` on of one page to the end of another.
  static void move_tail(Page* page, std::uint32_t from, Page* to) {
    std::uninitialized_move(page->begin() + from, page->end(), to->end());
    std::destroy(page->begin() + from, page->end());
    to->size += page->size - from;
    page->size = from;
  }

  void insert(std::size_t at, Item* place, Item item) {
    row_bytes_ += heap_bytes(item.row);
    Page* page = pages_[at];
    if (page->size == page->capacity && page->capacity < page_rows_) {
      const auto offset = place - page->begin();
      page = resize_page(at, std::min(2 * page->capacity, page_rows_));
      place = page->begin() + offset;
    } else if (page->size == page->capacity) {
      const auto offset = static_cast<std::uint32_t>(place - page->begin());
      // In ascending order the old page stays full but for one row, which keeps pages dense.
      const std::uint32_t keep = offset == page->size && at + 1 == pages_.size() ? page->size - 1 : page->size / 2;
      Page* right = insert_page(at + 1, page_rows_);
      move_tail(page, keep, right);
      if (offset > keep) page = right;
      place = page->begin() + (offset > keep ? offset - keep : offset);
    }
    if (place == page->end()) {
      std::construct_at(place, std::move(item));
    } else {
      std::construct_at(page->end(), std::move(*(page->end() - 1)));
      std::move_backward(place, page->end() - 1, page->end());
      *place = std::move(item);
    }
    ++page->size;
    ++size_;
  }

  void erase(std::size_t at, Item* place) {
    Page* page = pages_[at];
    row_bytes_ -= heap_bytes(place->row);
    std::move(place + 1, page->end(), place);
    std::destroy_at(page->end() - 1);
    --page->size;
    --size_;
    if (pages_.size() == 1) {
      if (page->capacity > kFirstRows && page->size < page->capacity / 4) resize_page(at, page->capacity / 2);
    } else if (page->size == 0) {
      remove_page(at);
    } else if (page->size < page_rows_ / 4) {
      const std::size_t left = at == 0 ? 0 : at - 1;
      const std::uint32_t together = pages_[left]->size + pages_[left + 1]->size;
      if (together > page_rows_ / 2) return;
      Page* to = writable(left);
      if (to->capacity < together) to = resize_page(left, page_rows_);
      move_tail(writable(left + 1), 0, to);
      remove_page(left + 1);
    }
  }

  static constexpr std::uint32_t kFirstRows = 8;
  /// So many bytes are moved quickly.
  static constexpr std::size_t kPageBytes = 8192;

  std::uint32_t page_rows_;
  std::vector<Page*> pages_;
  std::size_t size_ = 0;
  std::size_t page_bytes_ = 0;
  std::size_t row_bytes_ = 0;  // on the heap
};

}  // namespace lockstep
