#pragma once

#include <catch2/catch.hpp>
#include <lockstep.hpp>

#include "runtime/durability/state_identity.hpp"
#include "runtime/rows/schema_coding.hpp"

/// Whether the items of each operator are of the form that is told of them. Returns how many items there were.
inline std::size_t check_forms(const lockstep::SavedState& saved) {
  std::size_t items = 0;
  lockstep::Decoder in(saved.unseal());
  in.varint();
  in.bytes();
  for (std::uint64_t operators = in.varint(); operators != 0; --operators) {
    const std::string_view name = in.bytes();
    const auto identity = lockstep::StateIdentity::decode(in);
    INFO("operator " << name << ", " << identity.to_string());
    const bool is_told = identity.form && !lockstep::is_opaque(*identity.form);
    for (std::uint64_t slots = in.varint(); slots != 0; --slots) {
      in.varint();
      lockstep::Decoder slot(in.bytes());
      if (!is_told) continue;
      CHECK_NOTHROW([&] {
        for (; !slot.at_end(); ++items) lockstep::skip_row(*identity.form, slot);
      }());
    }
  }
  CHECK(in.at_end());
  return items;
}
