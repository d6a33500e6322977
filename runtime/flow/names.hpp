#pragma once

#include <string>
#include <string_view>

namespace lockstep {

/// The name of an operator that was given none: `kind(of)`, where `of` tells what it reads and by which fields. If that
/// is long, its middle is left out and a hash of it appended, so that names do not grow with the flow.
std::string derived_name(std::string_view kind, std::string_view of);

/// A name that a user has given to something of this kind: `operator`, `input`, `output`. Throws FlowError if it is
/// empty or too long.
std::string checked_name(std::string_view of, std::string name);

}  // namespace lockstep
