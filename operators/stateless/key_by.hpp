#pragma once

#include "operators/stateless/chain.hpp"

namespace lockstep {

template <bool kKeyedIn, class In, class KeyFunction, class ValueFunction>
struct KeyByLink {
  using Key = projection::Result<kKeyedIn, KeyFunction, In>;
  using Value = projection::Result<kKeyedIn, ValueFunction, In>;
  using Row = std::pair<Key, Value>;
  static constexpr bool kKeyed = true;

  KeyFunction key_of;
  ValueFunction value_of;
  OperatorName name;

  template <class Sink>
  void pass(const In& row, Weight weight, Sink& sink) {
    Row keyed(projection::guarded<kKeyedIn>(name, key_of, row), projection::guarded<kKeyedIn>(name, value_of, row));
    normalise(keyed);
    sink(std::move(keyed), weight);
  }
};

template <class KeyFunction, class ValueFunction>
class KeyBy : public Named<KeyBy<KeyFunction, ValueFunction>> {
 public:
  KeyBy(KeyFunction key_of, ValueFunction value_of) : key_of_(std::move(key_of)), value_of_(std::move(value_of)) {}

  template <Expression E>
  [[gnu::cold]] auto apply(const E& in) const {
    if constexpr (!projection::Fits<E::kKeyed, KeyFunction, typename E::Row> ||
                  !projection::Fits<E::kKeyed, ValueFunction, typename E::Row>) {
      static_assert(projection::Fits<E::kKeyed, KeyFunction, typename E::Row> &&
                        projection::Fits<E::kKeyed, ValueFunction, typename E::Row>,
                    "lockstep: key_by's functions cannot be called with the rows of this stream. They get the row of a "
                    "plain stream, and of a keyed one the value, or the key and the value");
      return in;
    } else {
      constexpr bool kWhole = std::same_as<ValueFunction, WholeRow>;
      using Link = KeyByLink<E::kKeyed, typename E::Row, KeyFunction, ValueFunction>;
      static_assert(Row<typename Link::Key> && Row<typename Link::Value>,
                    "lockstep: what key_by's functions return cannot be a key and a value");
      Part part = this->part("key_by", in.label(),
                             projection::name(key_of_) + (kWhole ? "" : ", " + projection::name(value_of_)));
      part.only_keys = kWhole && !E::kKeyed;
      part.runs_user_code = projection::is_user_code<KeyFunction> || projection::is_user_code<ValueFunction>;
      const Properties before = in.properties();
      constexpr bool kSameKey = E::kKeyed && projection::is_key<KeyFunction>;
      const bool meets = kSameKey && before.partitioning == Partitioning::by_key;
      part.properties = {.partitioning = meets                                ? Partitioning::by_key
                                         : kWhole && before.equal_rows_meet() ? Partitioning::colocated
                                                                              : Partitioning::none,
                         .append_only = before.append_only,
                         .unique_by_key = kSameKey && before.unique_by_key,
                         .consolidated = kWhole && before.consolidated,
                         .step_dependent = before.step_dependent};
      const OperatorName name = in.flow()->keep(part.name);
      return Chain<E, Link>(in, Link{key_of_, value_of_, name}, std::move(part), signature(in));
    }
  }

 private:
  template <class E>
  std::optional<std::string> signature(const E& in) const {
    const auto source = in.signature();
    const auto key = projection::signature(key_of_);
    const auto value = projection::signature(value_of_);
    if (!source || !key || !value) return std::nullopt;
    return *source + "|key_by " + *key + " " + *value;
  }

  KeyFunction key_of_;
  ValueFunction value_of_;
};

struct MakeKeyBy : OperatorMaker {
  template <class KeyFunction>
  auto operator()(KeyFunction key_of) const {
    return KeyBy<KeyFunction, WholeRow>(std::move(key_of), WholeRow{});
  }
  template <class KeyFunction, class ValueFunction>
  auto operator()(KeyFunction key_of, ValueFunction value_of) const {
    return KeyBy<KeyFunction, ValueFunction>(std::move(key_of), std::move(value_of));
  }
};

/// Keys a stream: each row becomes (key, row), or (key, value) if a function for the value is given. The same
/// stream indexed twice by the same member is indexed once. `key_by(ls::key, value)` gives the keys of a keyed stream
/// other values. No state; O(1) per row; exchanged by key where it is used, unless the key is the same.
inline constexpr MakeKeyBy key_by{};

}  // namespace lockstep
