#include "runtime/state/segment_memory.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <deque>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/state/hash_table.hpp"
#include "runtime/state/limits.hpp"

namespace ls = lockstep;
namespace memory = lockstep::segment_memory;

namespace {

constexpr std::size_t kUsual = ls::IndexLimits().segment_bytes;

/// A segment's memory filled with its own number, so that one that overlaps another is found out.
class Filled {
 public:
  Filled(std::size_t bytes, unsigned char number)
      : bytes_(bytes), number_(number), data_(static_cast<unsigned char*>(memory::allocate(bytes))) {
    std::memset(data_, number, bytes);
  }
  Filled(Filled&& other) noexcept
      : bytes_(other.bytes_), number_(other.number_), data_(std::exchange(other.data_, nullptr)) {}
  Filled& operator=(Filled&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(number_, other.number_);
    std::swap(data_, other.data_);
    return *this;
  }
  ~Filled() {
    if (data_ != nullptr) memory::free(data_, bytes_);
  }

  bool intact() const {
    return std::all_of(data_, data_ + bytes_, [this](unsigned char byte) { return byte == number_; });
  }

 private:
  std::size_t bytes_;
  unsigned char number_;
  unsigned char* data_;
};

}  // namespace

#ifndef LOCKSTEP_ADDRESS_SANITIZED
TEST_CASE("segments of the usual size lie in slabs, others do not") {
  CHECK(memory::in_slabs(kUsual));
  CHECK_FALSE(memory::in_slabs(kUsual / 2 + 100));  // a table that has shrunk
  CHECK_FALSE(memory::in_slabs(kUsual + 1));
}
#endif

TEST_CASE("segments taken and given back in any order do not overlap") {
  std::minstd_rand random(1);
  std::vector<Filled> segments;
  for (int i = 0; i < 3000; ++i) {
    const bool grow = i < 1500 ? random() % 4 != 0 : random() % 4 == 0;
    if (grow) {
      const std::size_t bytes = random() % 8 == 0 ? 1 + random() % (2 * kUsual) : kUsual;
      segments.emplace_back(bytes, static_cast<unsigned char>(random()));
    } else if (!segments.empty()) {
      std::swap(segments[random() % segments.size()], segments.back());
      REQUIRE(segments.back().intact());
      segments.pop_back();
    }
  }
  for (const Filled& segment : segments) REQUIRE(segment.intact());
}

TEST_CASE("any thread takes segments, and gives back those of others") {
  constexpr int kThreads = 4;
  std::mutex mutex;
  std::deque<Filled> shared;
  bool intact = true;
  std::vector<std::jthread> threads;
  threads.reserve(kThreads);
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 500; ++i) {
        Filled mine(kUsual, static_cast<unsigned char>(thread * 50 + i));
        const std::lock_guard lock(mutex);
        shared.push_back(std::move(mine));
        if (shared.size() < 100) continue;
        intact &= shared.front().intact();
        shared.pop_front();
      }
    });
  }
  threads.clear();
  CHECK(intact);
  for (const Filled& segment : shared) REQUIRE(segment.intact());
}

TEST_CASE("slabs are given back with their segments, but for some") {
  if (!memory::in_slabs(kUsual)) return;
  constexpr std::size_t kSegments = memory::kMostKept / 4 * 5 / kUsual;
  std::vector<void*> segments;
  segments.reserve(kSegments);
  for (int round = 0; round < 3; ++round) {
    while (segments.size() < kSegments) segments.push_back(memory::allocate(kUsual));
    CHECK(memory::slab_bytes() >= kSegments * kUsual);
    std::shuffle(segments.begin(), segments.end(), std::minstd_rand(2));
    for (void* segment : segments) memory::free(segment, kUsual);
    segments.clear();
    CHECK(memory::slab_bytes() == memory::kMostKept);
  }
  void* const segment = memory::allocate(kUsual);
  CHECK(memory::slab_bytes() == memory::kMostKept);
  memory::free(segment, kUsual);
  CHECK(memory::slab_bytes() == memory::kMostKept);
}

TEST_CASE("the segments of a large table lie in slabs") {
  const std::size_t before = memory::slab_bytes();
  std::vector<ls::HashTable<std::int64_t, std::int64_t>> tables(20);
  const auto hash = [](std::int64_t key) { return ls::row_traits<std::int64_t>::hash(key); };
  for (auto& table : tables) {
    for (std::int64_t key = 0; key < 200'000; ++key) table.insert(key, hash(key));
  }
  if (memory::in_slabs(kUsual)) CHECK(memory::slab_bytes() >= 20 * 200'000 * 24);
  tables.clear();
  CHECK(memory::slab_bytes() <= std::max(before, memory::kMostKept));
}
