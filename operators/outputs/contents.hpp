#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "exchange/reads.hpp"
#include "runtime/flow/names.hpp"
#include "runtime/state/weight_table.hpp"
#include "runtime/steps/snapshot.hpp"

namespace lockstep {

/// Keeps the contents of an output, for snapshots; passes nothing on. Shared with the maker of its pins.
template <class R, class Hash>
class ContentsOperator {
 public:
  using Contents = WeightTable<R, Hash>;

  ContentsOperator(const Site& site, OutputId output) : contents_(std::make_shared<Contents>(site.limits())) {
    site.assembly().add_contents({output, [contents = contents_] {
                                    const auto pin = std::make_shared<const Pin>(contents->pin());
                                    return std::shared_ptr<const ContentsPart<R>>(pin);
                                  }});
  }

  /// The delta is consolidated, so that no weight passes through a value out of range.
  template <class Reader>
  void eval(Reader& in) {
    in.for_each([this](const R& row, Weight weight) {
      if (contents_->add(row, weight) != 0) {
        throw_overflow("the accumulated weight of a row does not fit 64 bits", to_string(row));
      }
    });
  }

  std::size_t bytes() const { return contents_->bytes(); }
  auto pin() { return contents_->pin(); }
  void load(Decoder& in) {
    while (!in.at_end()) {
      R row = row_traits<R>::decode(in);
      contents_->take(std::move(row), in.zigzag());
    }
  }

 private:
  class Pin final : public ContentsPart<R> {
   public:
    explicit Pin(Contents contents) : contents_(std::move(contents)) {}
    void for_each(const std::function<void(const R&, Weight)>& function) const override {
      contents_.for_each(function);
    }
    Weight weight_of(const R& row) const override { return contents_.weight_of(row); }
    std::size_t size() const override { return contents_.size(); }

   private:
    Contents contents_;
  };

  std::shared_ptr<Contents> contents_;
};

/// Keeps the contents of the output `id`, which is of this stream.
template <Expression S>
[[gnu::cold]] void keep_contents(const S& stream, OutputId id, const std::string& output) {
  using R = typename S::Row;
  Part part("contents", derived_name("contents", output));
  part.state = reads::kRowsByOwner<S::kKeyed>;
  part.bound = "the rows of output " + output;
  part.schema = stream.schema();
  add_sink(
      *stream.flow(), std::move(part),
      [id](const Site& site) { return ContentsOperator<R, OwnerHash<S::kKeyed>>(site, id); }, reads::by_owner(stream));
}

}  // namespace lockstep
