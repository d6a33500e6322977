#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "runtime/batch.hpp"
#include "runtime/ledger.hpp"

namespace lockstep {

/// Whether a staged item remembers its own position, as `item.row.position`; specialised by those that do.
template <class Item>
inline constexpr bool knows_position = false;

/// What has been sealed of one input for the step that runs: a chunk from each session that pushed.
class SealedBase {
 public:
  virtual ~SealedBase() = default;
  virtual void clear() = 0;
  virtual std::size_t size() const = 0;
  virtual bool any_rejects() const = 0;
};

template <class Item>
class Sealed final : public SealedBase {
 public:
  struct Chunk {
    std::uint64_t session = 0;
    std::vector<Item> items;
    std::vector<LedgerRow> rejects;
  };

  /// The next chunk to fill; keeps the memory of earlier steps.
  Chunk& next(std::uint64_t session) {
    if (used_ == chunks_.size()) chunks_.emplace_back();
    chunks_[used_].session = session;
    return chunks_[used_++];
  }

  void clear() override {
    for (Chunk& chunk : chunks()) {
      chunk.items.clear();
      chunk.rejects.clear();
    }
    used_ = 0;
    taken_.store(0, std::memory_order_relaxed);
  }
  std::size_t size() const override {
    std::size_t items = 0;
    for (std::size_t i = 0; i < used_; ++i) items += chunks_[i].items.size();
    return items;
  }
  bool any_rejects() const override {
    for (std::size_t i = 0; i < used_; ++i) {
      if (!chunks_[i].rejects.empty()) return true;
    }
    return false;
  }
  std::span<Chunk> chunks() { return std::span(chunks_).first(used_); }

  /// Takes a piece that nobody else will get: where it begins and ends, counted over all chunks. The pieces become
  /// smaller, down to `least`, so that those who take them are done at about the same time. Any worker; all give the
  /// same `total`, the size().
  std::pair<std::size_t, std::size_t> take_piece(std::size_t total, unsigned workers, std::size_t least) {
    std::size_t begin = taken_.load(std::memory_order_relaxed);
    for (;;) {
      const std::size_t left = total - begin;
      const std::size_t end = begin + std::min(left, std::max(least, 3 * left / (4 * workers)));
      if (left == 0 || taken_.compare_exchange_weak(begin, end, std::memory_order_relaxed)) return {begin, end};
    }
  }

 private:
  std::vector<Chunk> chunks_;
  std::size_t used_ = 0;
  std::atomic<std::size_t> taken_{0};  // items that belong to pieces
};

/// What one session has staged for one input and not been sealed yet. Under the session's lock.
class StageBase {
 public:
  virtual ~StageBase() = default;
  virtual bool empty() const = 0;
  /// Moves everything into the sealed input, as one chunk.
  void seal(SealedBase& sealed, std::uint64_t session) {
    move_to(sealed, session);
    sealed_position = position;
  }
  /// Appends everything that another stage of the same input holds, and empties it.
  virtual void append(StageBase& other, std::uint64_t session) = 0;

  /// Rows pushed into this input by this session so far, rejected ones included: the next row's position.
  std::uint64_t position = 0;
  /// The same of what has been sealed.
  std::uint64_t sealed_position = 0;

 private:
  virtual void move_to(SealedBase& sealed, std::uint64_t session) = 0;
};

template <class Item>
class Stage final : public StageBase {
 public:
  std::vector<Item> items;
  std::vector<LedgerRow> rejects;

  bool empty() const override { return items.empty() && rejects.empty(); }

  /// Where a push begins, to be taken back to if it fails on its way.
  struct Mark {
    std::size_t items;
    std::size_t rejects;
    std::uint64_t position;
  };
  Mark mark() const { return {items.size(), rejects.size(), position}; }
  void take_back(const Mark& mark) {
    items.erase(items.begin() + static_cast<std::ptrdiff_t>(mark.items), items.end());
    rejects.erase(rejects.begin() + static_cast<std::ptrdiff_t>(mark.rejects), rejects.end());
    position = mark.position;
  }

  void append(StageBase& other, std::uint64_t session) override {
    auto& from = static_cast<Stage&>(other);
    for (Item& item : from.items) {
      if constexpr (knows_position<Item>) item.row.position += position;
      items.push_back(std::move(item));
    }
    for (LedgerRow& row : from.rejects) {
      row.session = session;
      row.position += position;
      rejects.push_back(std::move(row));
    }
    position += from.position;
    from.items.clear();
    from.rejects.clear();
    from.position = 0;
  }

 private:
  void move_to(SealedBase& sealed, std::uint64_t session) override {
    auto& chunk = static_cast<Sealed<Item>&>(sealed).next(session);
    chunk.items.swap(items);
    chunk.rejects.swap(rejects);
  }
};

}  // namespace lockstep
