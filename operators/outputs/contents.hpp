#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "exchange/reads.hpp"
#include "runtime/flow/names.hpp"
#include "runtime/state/index.hpp"
#include "runtime/state/state_form.hpp"
#include "runtime/state/weight_table.hpp"
#include "runtime/steps/snapshot.hpp"

namespace lockstep {

/// Keeps the contents of an output, for snapshots; passes nothing on. Shared with the maker of its pins.
template <class R, class Hash>
class ContentsOperator {
 public:
  using Contents = WeightTable<R, Hash, NoMarkButLink>;

  ContentsOperator(const Site& site, OutputId output) : contents_(std::make_shared<Contents>(site.limits())) {
    site.assembly().add_contents({{ContentsName::Kind::output, output}, [contents = contents_] {
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
  Segments& table() { return contents_->table(); }
  auto capture(const SlotSet* changes_of) { return contents_->capture(changes_of); }
  void load(Decoder& in) { contents_->load(in); }

 private:
  class Pin final : public ContentsPart<R> {
   public:
    explicit Pin(Contents contents) : contents_(std::move(contents)) {}
    void for_each(FunctionRef<void(const R&, Weight)> function) const override { contents_.for_each(function); }
    Weight weight_of(const R& row) const override { return contents_.weight_of(row); }
    std::size_t size() const override { return contents_.size(); }

   private:
    Contents contents_;
  };

  std::shared_ptr<Contents> contents_;
};

/// Has snapshots show what an index holds.
template <class K, class V>
[[gnu::cold]] void show_indexed(Description& flow, ContentsName of, EdgeId indexed) {
  flow.contents.push_back({of, indexed, [](IndexViewBase& view) -> std::shared_ptr<const void> {
                             using Part = ContentsPart<std::pair<K, V>>;
                             auto pin = static_cast<IndexView<K, V>&>(view).pin_view();
                             return std::shared_ptr<const Part>(new KeyedContentsPart<K, V>(std::move(pin)));
                           }});
}

/// Keeps the contents of the output `id`, which is of this stream.
template <class R>
[[gnu::cold]] void keep_contents(const Stream<R>& stream, OutputId id, const std::string& output) {
  Part part("contents", derived_name("contents", output));
  part.state = reads::kRowsByOwner<false>;
  part.form = state_form::row_and_weights(derived::coding<R>(), 1);
  part.bound = "the rows of output " + output;
  part.runs_user_code = false;
  part.schema = stream.schema();
  add_sink(
      *stream.flow(), std::move(part),
      [id](const Site& site) { return ContentsOperator<R, OwnerHash<false>>(site, id); }, reads::by_owner(stream));
}

}  // namespace lockstep
