#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "runtime/zset/function_ref.hpp"

namespace lockstep::kafka {

/// A record as it lies in the client's memory.
struct RecordView {
  std::string_view topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  /// In milliseconds since 1970; -1: it has none.
  std::int64_t timestamp = 0;
  void* headers = nullptr;  // as the client has them; null: there are none

  /// In their order.
  void for_each_header(FunctionRef<void(std::string_view name, std::optional<std::string_view> value)> function) const;
};

}  // namespace lockstep::kafka
