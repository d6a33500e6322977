#include "runtime/durability/state_identity.hpp"

#include <algorithm>

#include "runtime/rows/codec.hpp"
#include "runtime/rows/schema_coding.hpp"

namespace lockstep {

StateIdentity StateIdentity::of(const OperatorInfo& info, const Description& flow) {
  Lineage lineage(flow);
  return of(info, lineage);
}

StateIdentity StateIdentity::of(const OperatorInfo& info, Lineage& lineage) {
  StateIdentity identity{.what = info.kind + ", " + info.state,
                         .form = info.form,
                         .reads = lineage.reads(info),
                         .functions = lineage.functions(info)};
  if (info.gives.empty() && !info.detail.empty()) identity.what += ", " + info.detail;
  if (info.schema && (!info.form || is_opaque(*info.form))) identity.what += ", giving " + info.schema->to_string();
  return identity;
}

std::string StateIdentity::to_string() const { return form ? what + ", of " + form->to_string() : what; }

void StateIdentity::encode(Encoder& out) const {
  out.bytes(what);
  out.byte(form.has_value());
  if (form) lockstep::encode(out, *form);
  out.bytes(reads);
  out.varint(functions.size());
  for (const Lineage::Function& one : functions) {
    out.bytes(one.kind);
    out.bytes(one.name);
    out.bytes(one.version);
    out.varint(one.times);
  }
}

StateIdentity StateIdentity::decode(Decoder& in) {
  StateIdentity identity;
  identity.what = in.bytes();
  if (derived::decode_flag(in)) identity.form = decode_schema(in);
  identity.reads = in.bytes();
  for (std::uint64_t functions = in.varint(); functions != 0; --functions) {
    Lineage::Function& one = identity.functions.emplace_back();
    one.kind = in.bytes();
    one.name = in.bytes();
    one.version = in.bytes();
    one.times = in.varint();
  }
  return identity;
}

bool operator==(const StateIdentity& a, const StateIdentity& b) {
  const auto same = [](const Lineage::Function& one, const Lineage::Function& other) {
    return one.kind == other.kind && one.version == other.version && one.times == other.times;
  };
  return a.what == b.what && a.form == b.form && a.reads == b.reads &&
         std::equal(a.functions.begin(), a.functions.end(), b.functions.begin(), b.functions.end(), same);
}

}  // namespace lockstep
