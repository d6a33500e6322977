#pragma once

#include <concepts>
#include <string>

#include "runtime/faults/errors.hpp"
#include "runtime/flow/stream.hpp"

// What must hold of the two streams of a join. As concepts, so that a compiler's first error is the sentence.

namespace lockstep {

template <class A, class B>
concept BothKeyed = A::kKeyed && B::kKeyed;
template <class A, class B>
concept SameKeys = std::same_as<KeyOf<A>, KeyOf<B>>;
/// A function of two values, or of a key and two values.
template <class Function, class K, class A, class B>
concept OfTwoValues =
    std::invocable<Function&, const A&, const B&> || std::invocable<Function&, const K&, const A&, const B&>;
template <class K>
concept NullableKey = shape::Optional<K>;

/// Before anything is added to either.
[[noreturn]] inline void throw_different_flows(const std::string& kind) {
  throw FlowError(kind + ": the two streams are of different dataflows");
}

}  // namespace lockstep
