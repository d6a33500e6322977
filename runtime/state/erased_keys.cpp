#include "runtime/state/erased_keys.hpp"

#include <algorithm>

namespace lockstep {

std::string_view ErasedKeys::key(std::size_t place) const {
  const std::size_t begin = place == 0 ? 0 : keys_[place - 1].end;
  return std::string_view(bytes_).substr(begin, keys_[place].end - begin);
}

void ErasedKeys::drop_first(std::size_t count) {
  if (count == size()) {
    *this = {};
  } else if (count != 0) {
    const std::size_t bytes = keys_[count - 1].end;
    bytes_.erase(0, bytes);
    for (std::size_t i = count; i < size(); ++i) keys_[i - count] = {keys_[i].tag, keys_[i].end - bytes};
    keys_.truncate(size() - count);
  }
}

void ErasedKeys::drop_repeated(std::size_t first) {
  Array<std::size_t> sorted;
  for (std::size_t i = first; i < size(); ++i) sorted.push_back(i);
  std::sort(sorted.begin(), sorted.end(),
            [this](std::size_t a, std::size_t b) { return tag(a) != tag(b) ? tag(a) < tag(b) : key(a) < key(b); });
  const auto is_same = [this](std::size_t a, std::size_t b) { return tag(a) == tag(b) && key(a) == key(b); };
  ErasedKeys left;
  for (std::size_t i = 0; i < first; ++i) left.take(*this, i);
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (i == 0 || !is_same(sorted[i - 1], sorted[i])) left.take(*this, sorted[i]);
  }
  *this = std::move(left);
}

void ErasedKeys::take(const ErasedKeys& from, std::size_t place) {
  next().raw(from.key(place));
  add(from.tag(place));
}

}  // namespace lockstep
