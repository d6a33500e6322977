#pragma once

#include <string>
#include <string_view>

namespace lockstep {

/// The name of an operator that was given none: `kind(of)`, where `of` tells what it reads and by which fields. If that
/// is long, its middle is left out and a hash of it appended, so that names do not grow with the flow.
std::string derived_name(std::string_view kind, std::string_view of);

/// Whether the name of an operator of this kind was derived.
bool is_derived(std::string_view name, std::string_view kind);

/// Whether its middle was left out.
bool is_shortened(std::string_view derived);

/// What a user has given as this: `name of an operator`. Throws FlowError if it is empty or too long.
std::string checked_name(std::string_view of, std::string name);

}  // namespace lockstep
