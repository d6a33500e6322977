#pragma once

#include <concepts>
#include <memory>
#include <type_traits>

namespace lockstep {

template <class Signature>
class FunctionRef;

/// A function, whatever its type, that is there while it is called: what virtual functions take. (A std::function for
/// each type of rows takes programs 1 % longer to compile.)
template <class Result, class... Argument>
class FunctionRef<Result(Argument...)> {
 public:
  // Implicit, so that it is given as a function is; copies do not come here.
  template <class Function>
  requires(!std::same_as<std::remove_cvref_t<Function>, FunctionRef>) FunctionRef(Function&& function)  // NOLINT
      : function_(const_cast<void*>(static_cast<const void*>(std::addressof(function)))),
        call_([](void* called, Argument... argument) -> Result {
          return (*static_cast<std::remove_reference_t<Function>*>(called))(argument...);
        }) {}

  Result operator()(Argument... argument) const { return call_(function_, argument...); }

 private:
  void* function_;
  Result (*call_)(void*, Argument...);
};

}  // namespace lockstep
