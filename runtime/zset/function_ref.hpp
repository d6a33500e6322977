#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace lockstep {

template <class Signature>
class FunctionRef;

/// A function, whatever its type, that is there while it is called: what virtual functions take. (A std::function for
/// each type of rows takes programs 1 % longer to compile.)
template <class Result, class... Argument>
class FunctionRef<Result(Argument...)> {
 public:
  template <class Function>
  FunctionRef(Function&& function)  // NOLINT(google-explicit-constructor): so that it is given as a function is
      : function_(const_cast<void*>(static_cast<const void*>(std::addressof(function)))),
        call_([](void* called, Argument... argument) -> Result {
          return (*static_cast<std::remove_reference_t<Function>*>(called))(argument...);
        }) {}
  FunctionRef(const FunctionRef&) = default;
  FunctionRef(FunctionRef& other) : FunctionRef(std::as_const(other)) {}

  Result operator()(Argument... argument) const { return call_(function_, argument...); }

 private:
  void* function_;
  Result (*call_)(void*, Argument...);
};

}  // namespace lockstep
